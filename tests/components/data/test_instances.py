from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.data.dataset import ClassInfo, Dataset, Record
from components.data.derived import derive, write_png
from components.data.instances import connected_instances, number_objects, with_connected_instances
from tests.tiny_dataset import pixels_of, write_picture

SKY, CAR, MAN = 0, 1, 2
CLASSES = (
    ClassInfo(SKY, "sky", (0, 0, 255)),
    ClassInfo(CAR, "car", (255, 0, 0), has_instances=True),
    ClassInfo(MAN, "man", (0, 255, 0), has_instances=True),
)


def labels(*rows: str) -> np.ndarray:
    return np.array([[int(digit) for digit in row] for row in rows], dtype=np.uint8)


def test_components_touch_along_edges_and_corners() -> None:
    label = labels("0110", "0001", "1000", "0200")
    assert connected_instances(label, CLASSES).tolist() == [
        [0, 256, 256, 0],
        [0, 0, 0, 256],
        [257, 0, 0, 0],
        [0, 258, 0, 0],
    ]


def test_stuff_in_two_places_carries_its_class() -> None:
    assert connected_instances(labels("010"), CLASSES).tolist() == [[SKY, 256, SKY]]


def test_components_of_touching_classes_are_apart() -> None:
    assert connected_instances(labels("1221"), CLASSES).tolist() == [[256, 258, 258, 257]]


def test_an_object_that_lies_in_two_classes_is_two_and_one_of_stuff_is_none() -> None:
    objects = np.array([[5, 5, 5, 0]], dtype=np.uint8)
    assert number_objects(labels("0121"), objects, CLASSES).tolist() == [[SKY, 256, 257, CAR]]


def test_a_label_that_is_no_class_is_left_to_the_checks() -> None:
    assert connected_instances(labels("19"), CLASSES).tolist() == [[256, 9]]


def test_more_objects_than_16_bits_hold_are_refused_and_no_fewer() -> None:
    most = np.arange(1, 65281, dtype=np.int32).reshape(1, -1)
    assert number_objects(np.ones_like(most, dtype=np.uint8), most, CLASSES).max() == 65535
    more = np.arange(1, 65282, dtype=np.int32).reshape(1, -1)
    with pytest.raises(ValueError, match="found 65281 objects, expected at most 65280"):
        number_objects(np.ones_like(more, dtype=np.uint8), more, CLASSES)


def test_instance_maps_are_16_bit_files_below_the_working_folder(tmp_path: Path) -> None:
    label = write_picture(tmp_path / "data" / "a.png", labels("011"))
    record = Record("a", image=tmp_path / "a.jpg", label=label)
    dataset, problems = with_connected_instances(Dataset(CLASSES, (record,), ()), tmp_path / "work")
    assert problems == []
    path = dataset.train[0].instance
    assert path == tmp_path / "work/instances/train/a.png"
    assert pixels_of(path) == [[0, 256, 256]]
    with Image.open(path) as image:
        assert image.mode == "I;16"
    assert dataset.train[0].label == label


def test_a_broken_label_map_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"no picture")
    dataset, problems = with_connected_instances(
        Dataset(CLASSES, (Record("a", image=path, label=path),), ()), tmp_path / "work"
    )
    assert dataset.train == ()
    assert [line.split(":")[0] for line in problems] == [str(path)]


def test_components_of_a_dataset_without_classes_that_have_instances_are_refused(tmp_path: Path) -> None:
    dataset = Dataset((), (Record("a", image=tmp_path / "a.png", condition=tmp_path / "b.png"),), ())
    assert with_connected_instances(dataset, tmp_path) == (
        dataset,
        ["prepare.instances: found components, expected dataset where no class has instances"],
    )


def halve(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number}: is odd")
    return number // 2


def test_deriving_gives_the_same_in_one_process_and_in_two() -> None:
    expected = ([0, 1, 2], ["1: is odd", "3: is odd"])
    assert derive(range(5), halve, label="halving", processes=1) == expected
    assert derive(range(5), halve, label="halving", processes=2) == expected


def test_pixels_are_written_as_they_are(tmp_path: Path) -> None:
    photo = np.arange(24, dtype=np.uint8).reshape(3, 2, 4).transpose(2, 1, 0)
    assert pixels_of(write_png(tmp_path / "a" / "b.png", photo)) == photo.tolist()
