import numpy as np
import pytest

from components.inference import StyleBank

DOCUMENT = {
    "dimension": 2,
    "classes": {
        "0": {"name": "road", "styles": [[10, 1], [20, 2]], "counts": [3, 1]},
        "1": {"name": "car", "styles": [[30, 3]], "counts": [5]},
    },
}
BANK = StyleBank.from_document(DOCUMENT, class_count=3, source="styles.json")


def test_each_instance_gets_a_style_of_the_class_of_most_of_its_pixels() -> None:
    label = np.array([[1, 1, 2, 2], [0, 1, 2, 2]], dtype=np.uint8)
    instance = np.array([[0, 0, 1, 1], [0, 0, 1, 1]], dtype=np.int32)
    styles = BANK.sample(label, instance, seed=0)
    assert styles.dtype == np.float32
    assert styles.tolist() == [[30, 3], [0, 0]]  # a car with one stray pixel; sky, which has no styles


def test_an_id_without_pixels_gets_zeros() -> None:
    label = np.zeros((2, 2), dtype=np.uint8)
    styles = BANK.sample(label, np.full((2, 2), 2, dtype=np.int32), seed=0)
    assert styles.shape == (3, 2)
    assert styles[:2].tolist() == [[0, 0], [0, 0]]
    assert styles[2].any()


def test_styles_are_drawn_in_proportion_to_their_counts() -> None:
    instance = np.arange(4000, dtype=np.int32).reshape(40, 100)
    styles = BANK.sample(np.zeros((40, 100), dtype=np.uint8), instance, seed=1)
    assert set(map(tuple, styles.tolist())) == {(10.0, 1.0), (20.0, 2.0)}
    assert (styles[:, 0] == 10).mean() == pytest.approx(0.75, abs=0.03)  # 4 standard deviations of 4000 draws


def test_a_draw_is_the_remainder_of_the_first_raw_number_of_pcg64_for_seed_and_id() -> None:
    label, instance = np.zeros((1, 8), dtype=np.uint8), np.arange(8, dtype=np.int32)[None]
    tickets = [int(np.random.PCG64((7, instance_id)).random_raw()) % 4 for instance_id in range(8)]
    expected = [10.0 if ticket < 3 else 20.0 for ticket in tickets]
    assert BANK.sample(label, instance, seed=7)[:, 0].tolist() == expected


def test_a_change_of_one_instance_leaves_the_styles_of_the_others() -> None:
    label = np.zeros((1, 50), dtype=np.uint8)
    instance = np.arange(50, dtype=np.int32)[None]
    before = BANK.sample(label, instance, seed=3)
    label[0, 20] = 1
    after = BANK.sample(label, instance, seed=3)
    assert after[20].tolist() == [30, 3]
    assert np.array_equal(np.delete(before, 20, axis=0), np.delete(after, 20, axis=0))
    assert not np.array_equal(before, BANK.sample(label * 0, instance, seed=4))


def test_a_style_is_given_by_class_and_number() -> None:
    assert BANK.style(0, 1).tolist() == [20, 2]
    with pytest.raises(ValueError, match=r"class 2 has no styles, expected one of \[0, 1\]"):
        BANK.style(2, 0)
    with pytest.raises(ValueError, match=r"style 1 of class 1: expected 0\.\.0"):
        BANK.style(1, 1)


def test_maps_that_do_not_fit_are_refused() -> None:
    label, instance = np.zeros((2, 2), dtype=np.uint8), np.zeros((2, 3), dtype=np.int32)
    with pytest.raises(ValueError, match=r"label \(2, 2\) and instance \(2, 3\)"):
        BANK.sample(label, instance, seed=0)
    with pytest.raises(ValueError, match="least instance id -1"):
        BANK.sample(label, np.full((2, 2), -1, dtype=np.int32), seed=0)
    with pytest.raises(ValueError, match="seed -1"):
        BANK.sample(label, np.zeros((2, 2), dtype=np.int32), seed=-1)


def _bank_of(drawn_for: str) -> StyleBank:
    return StyleBank.from_document(DOCUMENT | {"drawn_for": drawn_for}, class_count=3, source="styles.json")


def test_a_bank_drawn_for_classes_gives_all_instances_of_a_class_the_same_style() -> None:
    label = np.array([[0, 0, 1, 0, 1, 0, 2, 0]], dtype=np.uint8)
    instance = np.arange(8, dtype=np.int32)[None]
    seen = set()
    for seed in range(20):
        styles = _bank_of("class").sample(label, instance, seed)
        assert len({tuple(row) for row in styles[label[0] == 0].tolist()}) == 1
        assert styles[label[0] == 1].tolist() == [[30, 3], [30, 3]]
        assert styles[6].tolist() == [0, 0]  # a class without styles
        # The class takes the place of the instance's id in the draw.
        ticket = int(np.random.PCG64((seed, 0)).random_raw()) % 4
        assert styles[0, 0] == (10 if ticket < 3 else 20)
        seen.add(styles[0, 0])
    assert seen == {10, 20}  # from seed to seed it changes


def test_a_bank_drawn_for_instances_keeps_those_of_a_class_apart() -> None:
    label, instance = np.zeros((1, 50), dtype=np.uint8), np.arange(50, dtype=np.int32)[None]
    apart = _bank_of("instance").sample(label, instance, seed=0)
    assert set(apart[:, 0].tolist()) == {10, 20}
    assert np.array_equal(apart, BANK.sample(label, instance, seed=0))  # which does not say
    assert (BANK.drawn_for, _bank_of("class").drawn_for) == ("instance", "class")


def test_a_bank_drawn_for_something_else_is_refused_with_its_file() -> None:
    expected = r"styles\.json: found drawn_for 'picture', expected one of \('instance', 'class'\)"
    with pytest.raises(ValueError, match=expected):
        _bank_of("picture")


@pytest.mark.parametrize(
    ("index", "entry", "message"),
    [
        ("3", {"styles": [[1, 2]], "counts": [1]}, "found class 3, expected one of the 3"),
        ("0", {"styles": [[1, 2, 3]], "counts": [1]}, r"class 0: found styles of shape \(1, 3\)"),
        ("0", {"styles": [[1, 2]], "counts": [1, 1]}, r"shape \(1, 2\) and counts of shape \(2,\)"),
        ("0", {"styles": [[1, 2], [1]], "counts": [1, 1]}, "inhomogeneous"),
        ("0", {"styles": [[1, 2]], "counts": [0]}, r"class 0: found counts \[0\], expected 1 or more each"),
        ("0", {"styles": [[1, 2]]}, "KeyError"),
        ("road", {"styles": [[1, 2]], "counts": [1]}, "'road'"),
    ],
)
def test_a_malformed_bank_is_refused_with_its_file(index: str, entry: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=rf"styles\.json: .*{message}"):
        StyleBank.from_document({"dimension": 2, "classes": {index: entry}}, class_count=3, source="styles.json")
