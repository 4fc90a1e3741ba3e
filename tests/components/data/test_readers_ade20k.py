from pathlib import Path

import numpy as np
import pytest

from components.data.readers.ade20k import read_class_list
from tests.tiny_dataset import pixels_of, random_photo, read_dataset, write_picture

WALL, CAR, VAN = 1, 21, 103
LABEL = [[0, WALL, CAR, CAR], [VAN, WALL, CAR, WALL]]
# Red: one of the 100 categories of the instance benchmark; green: the object. The wall's object is an annotator's slip.
OBJECTS = [[0, 0, 1, 2], [1, 7, 2, 0]]


def write_class_list(
    path: Path, names: dict[int, str] | None = None, columns: str = "Idx\tRatio\tTrain\tVal\tName"
) -> None:
    names = {WALL: "wall", CAR: "car, auto, automobile", VAN: "van"} | (names or {})
    lines = [f"{index} \t0.1\t10\t2\t{names.get(index, f'class {index}')} " for index in range(1, 151)]
    path.write_text("\n".join([columns, *lines]) + "\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ADEChallengeData2016"
    for seed, (split, name) in enumerate((("training", "ADE_train_00000001"), ("validation", "ADE_val_00000001"))):
        write_picture(root / "images" / split / f"{name}.jpg", random_photo(seed, 2, 4))
        write_picture(root / "annotations" / split / f"{name}.png", LABEL)
        objects = np.stack([np.full((2, 4), 9), OBJECTS, np.zeros((2, 4))], axis=-1)
        write_picture(root / "annotations_instance" / split / f"{name}.png", objects)
    write_class_list(root / "objectInfo150.txt")
    return root


def test_label_maps_are_used_as_they_are_with_0_for_unlabelled(root: Path) -> None:
    dataset, problems = read_dataset("ade20k", root)
    assert problems == []
    assert dataset.val[0].label == root / "annotations/validation/ADE_val_00000001.png"
    assert dataset.val[0].image == root / "images/validation/ADE_val_00000001.jpg"
    assert len(dataset.classes) == 151
    assert [each.index for each in dataset.classes if each.ignored_in_scores] == [0]
    assert dataset.classes[CAR].name == "car"
    assert len({each.colour for each in dataset.classes}) == 151


def test_objects_are_numbered_within_their_label_and_stuff_carries_its_class(root: Path) -> None:
    dataset, _ = read_dataset("ade20k", root)
    assert pixels_of(dataset.train[0].instance) == [[0, WALL, 256, 257], [258, WALL, 257, WALL]]


def test_100_classes_have_instances_as_in_the_instance_benchmark(root: Path) -> None:
    dataset, _ = read_dataset("ade20k", root)
    assert sum(each.has_instances for each in dataset.classes) == 100
    assert [dataset.classes[index].has_instances for index in (0, WALL, CAR, VAN)] == [False, False, True, True]


def test_without_files_of_instances_there_are_no_instance_maps(root: Path, tmp_path: Path) -> None:
    (root / "annotations_instance").rename(tmp_path / "elsewhere")
    dataset, problems = read_dataset("ade20k", root)
    assert problems == []
    assert dataset.train[0].instance is None


def test_an_instance_map_of_another_size_is_a_problem(root: Path) -> None:
    path = write_picture(root / "annotations_instance/training/ADE_train_00000001.png", np.zeros((3, 4, 3)))
    _, problems = read_dataset("ade20k", root)
    label = root / "annotations/training/ADE_train_00000001.png"
    assert problems[0] == f"{path}: instance map is 4x3, expected 4x2, the size of {label}"


def test_a_missing_or_foreign_class_list_is_a_problem(root: Path) -> None:
    path = root / "objectInfo150.txt"
    write_class_list(path, columns="Number\tRatio\tTrain\tVal\tName")
    assert read_class_list(path)[1][0].startswith(f"{path}: unreadable, expected columns Idx and Name between tabs")
    write_class_list(path, names={2: "wall"})
    assert read_class_list(path)[1] == [
        f"{path}: found 150 classes with 149 names, expected 1..150, each with a name of its own"
    ]
    path.unlink()
    _, problems = read_dataset("ade20k", root)
    assert problems[0].startswith(f"{path}: unreadable")
