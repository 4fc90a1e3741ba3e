import json
from pathlib import Path

import pytest

from components.data.class_list import classes_of_model


def test_35_labels_are_those_of_cityscapes_and_one_more() -> None:
    classes = classes_of_model(35, None)
    assert [each.index for each in classes] == list(range(35))
    assert (classes[7].name, classes[7].colour) == ("road", (128, 64, 128))
    assert (classes[26].name, classes[26].has_instances) == ("car", True)
    assert (classes[34].name, classes[34].colour) == ("license plate", (0, 0, 142))
    assert classes[34].ignored_in_scores


@pytest.mark.parametrize("count", [1, 12, 256])
def test_other_labels_are_numbered_and_each_has_a_colour_of_its_own(count: int) -> None:
    classes = classes_of_model(count, None)
    assert [each.name for each in classes] == [f"class {index}" for index in range(count)]
    assert len({each.colour for each in classes}) == count
    assert all(0 <= channel <= 255 for each in classes for channel in each.colour)


def test_colours_of_a_dozen_classes_are_easy_to_tell_apart() -> None:
    colours = [each.colour for each in classes_of_model(12, None)]
    distances = [
        sum(abs(one - other) for one, other in zip(colours[a], colours[b], strict=True))
        for a in range(12)
        for b in range(a)
    ]
    assert min(distances) > 60


def test_rgb_pictures_have_no_classes() -> None:
    assert classes_of_model(0, None) == ()


def test_a_file_gives_names_and_colours(tmp_path: Path) -> None:
    path = tmp_path / "classes.json"
    entries = [
        {"index": 0, "name": "skin", "colour": [1, 2, 3], "has_instances": False, "ignored_in_scores": True},
        {"index": 1, "name": "hair", "colour": [4, 5, 6]},
    ]
    path.write_text(json.dumps(entries))
    classes = classes_of_model(2, path)
    assert [(each.name, each.colour, each.ignored_in_scores) for each in classes] == [
        ("skin", (1, 2, 3), True),
        ("hair", (4, 5, 6), False),
    ]
    with pytest.raises(ValueError, match=r"classes\.json: found 2 classes, expected the 35 of the model"):
        classes_of_model(35, path)
    path.write_text(json.dumps(entries[1:]))
    with pytest.raises(ValueError, match=r"classes\.json: index: expected each of 0\.\.0 once, got \[1\]"):
        classes_of_model(1, path)
    with pytest.raises(ValueError, match=r"other\.json: unreadable"):
        classes_of_model(1, tmp_path / "other.json")
