from components.score_text import with_bounds


def test_a_figure_stands_with_the_bounds_of_its_interval_and_bounds_not_by_themselves() -> None:
    figures = {"mean_iou": 0.671234, "mean_iou_low": 0.6441, "mean_iou_high": 0.68899, "pictures": 12, "mark_high": 3}
    assert with_bounds(figures) == {
        "mean_iou": "0.6712 (0.6441 to 0.689)",
        "pictures": "12",
        "mark_high": "3",
    }
