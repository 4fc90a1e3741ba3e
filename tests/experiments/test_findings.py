"""What results say of scores and orders."""

import pytest

from experiments.findings import MEAN_IOU, RowFinding, judge, verdict_on
from experiments.rows import Rows, Table
from experiments.statistics import Interval
from tests.table_runs import result, scores

TABLE = Table(title="A table", rows=(), paper={"ours": (0.8378, 0.6389), "pix2pix": (0.7834, 0.3948)}, order=())


def found(rows: Rows, **ious: list[float]) -> dict[str, RowFinding]:
    """Rows with the mean IoU of each seed; those that are not named are not planned."""
    return {
        name: RowFinding(
            name=name,
            row=row,
            planned=tuple(range(len(ious.get(name, [])))),
            results=tuple(result(name, seed, scores(iou)) for seed, iou in enumerate(ious.get(name, []))),
        )
        for name, row in rows.rows.items()
    }


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        (Interval(0.2, 0.1, 0.3), "holds"),
        (Interval(-0.2, -0.3, -0.1), "does not hold"),
        (Interval(0.2, -0.1, 0.5), "not decided"),
        (Interval(-0.2, -0.5, 0.1), "not decided"),
        (Interval(0.2), "one seed"),
    ],
)
def test_a_verdict_is_what_the_interval_says(interval: Interval, verdict: str) -> None:
    assert verdict_on(interval) == verdict


def test_an_order_compares_the_rows_themselves_where_they_are_trained(rows: Rows) -> None:
    order = judge(
        ("ours", "pix2pix"), TABLE, found(rows, ours=[0.5, 0.52], pix2pix=[0.3, 0.31], ours_without_vgg=[0.1])
    )
    assert order.compared == ("ours", "pix2pix")
    assert order.paper == pytest.approx(0.2441)
    assert order.ours is not None
    assert order.ours.value == pytest.approx(0.205)
    assert order.verdict == "holds"


def test_an_order_that_is_reversed_does_not_hold(rows: Rows) -> None:
    order = judge(("ours", "pix2pix"), TABLE, found(rows, ours=[0.3, 0.31], pix2pix=[0.5, 0.52]))
    assert order.verdict == "does not hold"


def test_a_stand_in_is_compared_and_named_where_a_row_needs_weights(rows: Rows) -> None:
    order = judge(("ours", "crn"), TABLE, found(rows, ours_without_vgg=[0.5], crn_l1=[0.3]))
    assert order.compared == ("ours_without_vgg", "crn_l1")
    assert order.paper is None  # this table has no score of crn
    assert order.verdict == "one seed"


def test_a_row_is_not_compared_with_itself_as_a_stand_in(rows: Rows) -> None:
    order = judge(("ours", "ours_without_vgg"), TABLE, found(rows, ours_without_vgg=[0.5, 0.6]))
    assert (order.compared, order.ours) == (None, None)
    assert order.verdict == "not compared: needs the weights of VGG19"


def test_an_order_of_rows_without_scores_names_them(rows: Rows) -> None:
    order = judge(("ours_without_vgg", "gan_only"), TABLE, found(rows, ours_without_vgg=[0.5, 0.6]))
    assert (order.compared, order.verdict) == (None, "not compared: gan_only not trained yet")


def test_several_seeds_give_an_interval_over_seeds_and_one_over_pictures(rows: Rows) -> None:
    given = found(rows, ours=[0.4, 0.6], pix2pix=[0.4], gan_only=[])
    over_seeds, over_pictures = given["ours"].score(MEAN_IOU), given["pix2pix"].score(MEAN_IOU)
    assert over_seeds is not None
    assert over_seeds.low == pytest.approx(0.5 - 1.27062, abs=1e-5)
    assert over_pictures is not None
    assert (over_pictures.low, over_pictures.high) == pytest.approx((0.39, 0.41))
    assert given["gan_only"].score(MEAN_IOU) is None


def test_what_a_row_lacks_is_told_with_its_reason(rows: Rows) -> None:
    given = found(rows, pix2pix=[0.4])
    assert given["pix2pix"].lacking is None
    assert given["crn"].lacking == "not trained: needs the weights of VGG19, in its place `crn_l1`"
    assert given["gan_only"].lacking == "not planned"
    pix2pix = given["pix2pix"]
    partial = RowFinding("pix2pix", pix2pix.row, (0, 1, 2), pix2pix.results)
    assert partial.lacking == "not trained yet: seeds 1, 2"
