from typing import Any

import numpy as np
import pytest

from components.inference import StyleBank
from components.inference.style_bank import StyleExample

DOCUMENT: dict[str, Any] = {
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


def test_the_same_seed_draws_the_same_on_every_machine() -> None:
    """What numpy 2.4 gives; a bank saved today must draw so with every later one."""
    label, instance = np.zeros((1, 16), np.uint8), np.arange(16, dtype=np.int32)[None]
    drawn = BANK.sample(label, instance, seed=2024)[:, 0].astype(int) // 10
    assert drawn.tolist() == [1, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 1, 2, 2, 1]


def test_a_style_between_two_is_their_weighted_mean() -> None:
    assert BANK.interpolate(0, 0, 1, 0.25).tolist() == [12.5, 1.25]
    assert BANK.interpolate(0, 0, 1, 0).tolist() == [10, 1]
    assert BANK.interpolate(0, 0, 1, 1).tolist() == [20, 2]
    assert BANK.interpolate(0, 0, 1, 0.1).dtype == np.float32
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=rf"share {share} of style 1 of class 0: expected 0\.\.1"):
            BANK.interpolate(0, 0, 1, share)
    with pytest.raises(ValueError, match=r"style 2 of class 0: expected 0\.\.1"):
        BANK.interpolate(0, 0, 2, 0.5)


def test_chosen_styles_take_the_place_of_drawn_ones() -> None:
    label = np.array([[0, 0, 1, 2]], np.uint8)
    instance = np.arange(4, dtype=np.int32)[None]
    drawn = BANK.sample(label, instance, seed=0)
    styles = BANK.sample(label, instance, seed=0, chosen={1: BANK.style(0, 1), 2: np.array([7, 8], np.float32)})
    assert styles[2:].tolist() == [[20, 2], [7, 8]]
    assert np.array_equal(styles[:2], drawn[:2])
    with pytest.raises(ValueError, match=r"class 1: found a style of shape \(3,\), expected \(2,\)"):
        BANK.sample(label, instance, seed=0, chosen={1: np.zeros(3, np.float32)})


def test_styles_of_another_picture_are_drawn_for_the_classes_that_it_has() -> None:
    label = np.array([[1, 1, 1, 2, 2, 2]], np.uint8)
    instance = np.array([[0, 0, 1, 3, 3, 3]], np.int32)  # no pixel has the id 2
    styles = np.array([[1, 1], [2, 2], [9, 9], [4, 4]], np.float32)
    bank = BANK.of_picture(label, instance, styles)
    assert bank.styles[1].tolist() == [[1, 1], [2, 2]]
    assert bank.counts[1].tolist() == [1, 1]
    assert bank.styles[2].tolist() == [[4, 4]]
    assert bank.styles[0].tolist() == [[10, 1], [20, 2]], "a class that the other picture lacks"
    assert bank.counts[0].tolist() == [3, 1]
    cars = np.ones((1, 30), np.uint8)
    drawn = bank.sample(cars, np.arange(30, dtype=np.int32)[None], seed=0)
    assert set(map(tuple, drawn.tolist())) == {(1, 1), (2, 2)}
    with pytest.raises(ValueError, match=r"found styles of shape \(3, 2\), expected \(4, 2\)"):
        BANK.of_picture(label, instance, styles[:3])


def test_spread_and_examples_are_read_where_a_bank_has_them() -> None:
    assert BANK.spread == BANK.examples == {}
    road = DOCUMENT["classes"]["0"] | {
        "spread": [0.5, 0.25],
        "examples": [{"picture": "a", "instance": 26001}, {"picture": "b", "instance": 7}],
    }
    document = DOCUMENT | {"classes": DOCUMENT["classes"] | {"0": road}}
    bank = StyleBank.from_document(document, class_count=3, source="styles.json")
    assert bank.spread.keys() == bank.examples.keys() == {0}
    assert bank.spread[0].tolist() == [0.5, 0.25]
    assert bank.examples[0] == (StyleExample("a", 26001), StyleExample("b", 7))


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
        ("0", {"styles": [[1, 2]], "counts": [1], "spread": [0.1, 0.2]}, r"class 0: found spread of shape \(2,\)"),
        ("0", {"styles": [[1, 2]], "counts": [1], "examples": []}, r"found examples of shape \(0,\), expected \(1,\)"),
        ("0", {"styles": [[1, 2]], "counts": [1], "examples": [{"picture": "a"}]}, "KeyError"),
        ("road", {"styles": [[1, 2]], "counts": [1]}, "'road'"),
    ],
)
def test_a_malformed_bank_is_refused_with_its_file(index: str, entry: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=rf"styles\.json: .*{message}"):
        StyleBank.from_document({"dimension": 2, "classes": {index: entry}}, class_count=3, source="styles.json")
