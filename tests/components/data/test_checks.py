import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from components.data.checks import RecordFacts, check_dataset, check_record
from components.data.dataset import ClassInfo, Dataset, Record
from tests.given import given
from tests.tiny_dataset import read_dataset

CLASSES = tuple(ClassInfo(index, f"class {index}", (index, 0, 0)) for index in range(3))
LABEL = np.array([[0, 0, 1], [2, 2, 2]], dtype=np.uint8)
PHOTO = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)


def save(path: Path, array: np.ndarray, **options: Any) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


def orientation_data(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def make_record(folder: Path, name: str = "a", instances: np.ndarray | None = None) -> Record:
    folder.mkdir(exist_ok=True)
    return Record(
        name=name,
        image=save(folder / f"{name}.bmp", PHOTO),
        label=save(folder / f"{name}_label.png", LABEL),
        instance=None if instances is None else save(folder / f"{name}_instance.png", instances),
    )


def facts_of(record: Record, classes: Sequence[ClassInfo] = CLASSES) -> RecordFacts:
    facts, problems = check_record(record, classes)
    assert problems == []
    return given(facts)


def problems_of(record: Record) -> list[str]:
    facts, problems = check_record(record, CLASSES)
    assert facts is None
    return problems


def test_damaged_pixels_of_a_png_are_found_by_its_checksums(tmp_path: Path) -> None:
    record = make_record(tmp_path)
    label = given(record.label)
    sound = label.read_bytes()
    start = sound.index(b"IDAT") + 4
    for offset in range(start, start + 8):
        label.write_bytes(sound[:offset] + bytes([sound[offset] ^ 1]) + sound[offset + 1 :])
        assert "unreadable or truncated" in problems_of(record)[0]


def test_empty_and_missing_files_and_folders_in_place_of_one_are_told_apart_from_broken_ones(tmp_path: Path) -> None:
    record = make_record(tmp_path)
    given(record.label).write_bytes(b"")
    record.image.unlink()
    assert problems_of(record) == [
        f"{record.image}: is no file that can be read, expected a picture: replace it",
        f"{record.label}: empty file, expected a picture: copy or export it again",
    ]
    record.image.mkdir()
    assert problems_of(record)[0] == f"{record.image}: is no file that can be read, expected a picture: replace it"


def test_sound_record_gives_its_facts(tmp_path: Path) -> None:
    record = make_record(tmp_path, instances=np.array([[0, 0, 1001], [1002, 1002, 1001]], dtype=np.uint16))
    facts = facts_of(record)
    assert facts.record == record
    assert (facts.height, facts.width) == (2, 3)
    assert facts.class_pixels == (2, 1, 3)
    assert facts.instance_count == 3
    assert set(facts.sha256) == {"image", "label", "instance"}
    assert facts.sha256["label"] == hashlib.sha256(given(record.label).read_bytes()).hexdigest()


def test_record_without_instance_map_counts_no_instances(tmp_path: Path) -> None:
    assert facts_of(make_record(tmp_path)).instance_count is None


def test_record_with_rgb_condition_counts_no_classes(tmp_path: Path) -> None:
    record = Record("a", save(tmp_path / "b.png", PHOTO), condition=save(tmp_path / "a.png", PHOTO))
    facts = facts_of(record, ())
    assert facts.class_pixels == ()
    assert set(facts.sha256) == {"image", "condition"}


def test_values_that_are_no_class_are_listed_with_their_pixels(tmp_path: Path) -> None:
    record = make_record(tmp_path)
    save(given(record.label), np.array([[0, 3, 255], [255, 255, 2]], dtype=np.uint8))
    assert problems_of(record) == [
        f"{record.label}: label map has values 3 (1 pixels), 255 (3 pixels), expected classes 0..2: give each of them "
        "a class, or the index of one"
    ]


@pytest.mark.parametrize(
    ("label", "advice"),
    [
        ([[1, 2, 3], [3, 2, 1]], "no pixel has 0, so the indices may start at 1; if so, subtract 1"),
        ([[0, 1, 255], [2, 2, 255]], "where 255 marks unlabelled pixels, give them the index of a class"),
        ([[0, 1, 7], [2, 2, 9]], "give each of them a class, or the index of one"),
    ],
)
def test_message_about_foreign_values_says_what_they_look_like(
    tmp_path: Path, label: list[list[int]], advice: str
) -> None:
    record = make_record(tmp_path)
    save(given(record.label), np.array(label, dtype=np.uint8))
    assert advice in problems_of(record)[0]


def test_many_foreign_values_are_summed_up(tmp_path: Path) -> None:
    record = make_record(tmp_path)
    values = np.arange(100, 112, dtype=np.uint8).reshape(4, 3)
    save(record.image, np.zeros((4, 3, 3), dtype=np.uint8))
    save(given(record.label), values)
    assert "107 (1 pixels) and 4 others (4 pixels), expected classes 0..2" in problems_of(record)[0]


def test_map_of_another_size_than_the_photo_is_named_with_both_sizes(tmp_path: Path) -> None:
    record = make_record(tmp_path, instances=np.zeros((2, 4), dtype=np.uint8))
    assert problems_of(record) == [
        f"{record.instance}: instance map is 4x2, expected 3x2, the size of {record.image}: export both at one size, "
        "maps without smoothing"
    ]


def turned_record(folder: Path, orientation: int, photo: np.ndarray, label: np.ndarray) -> Record:
    image = save(folder / "a.png", photo, exif=orientation_data(orientation))
    return Record("a", image, save(folder / "a_label.png", label))


def test_label_map_that_does_not_follow_the_rotation_of_its_photo_is_named_with_it(tmp_path: Path) -> None:
    record = turned_record(tmp_path, 6, PHOTO, LABEL)
    assert problems_of(record) == [
        f"{record.label}: label map is 3x2, expected 2x3, the size of {record.image}: the photo's EXIF orientation 6 "
        "turns it, the label map fits the pixels as stored; turn it likewise, or remove the orientation from the photo"
    ]


def test_label_map_that_follows_the_rotation_of_its_photo_is_sound(tmp_path: Path) -> None:
    facts = facts_of(turned_record(tmp_path, 6, PHOTO, LABEL.T.copy()))
    assert (facts.warnings, facts.height, facts.width) == ({}, 3, 2)


@pytest.mark.parametrize(
    ("orientation", "photo", "label"), [(3, PHOTO, LABEL), (6, PHOTO[:, :2], LABEL[:, :2]), (2, PHOTO, LABEL)]
)
def test_rotation_that_sizes_cannot_confirm_is_a_warning(
    tmp_path: Path, orientation: int, photo: np.ndarray, label: np.ndarray
) -> None:
    facts = facts_of(turned_record(tmp_path, orientation, photo, label))
    assert facts.warnings["image"][0].startswith(f"turned by EXIF orientation {orientation}, and sizes do not tell")


def test_instances_that_cross_a_border_of_the_label_map_are_a_warning_with_their_pixels(tmp_path: Path) -> None:
    # LABEL is [[0, 0, 1], [2, 2, 2]]: id 9 covers a pixel of class 1 and two of class 2, id 7 keeps to class 0.
    record = make_record(tmp_path, instances=np.array([[7, 7, 9], [4, 9, 9]], dtype=np.uint16))
    facts = facts_of(record)
    assert facts.warnings["instance"][0].startswith(
        "ids cross a border of the label map: 9 (1 pixels of class 1, 2 pixels of class 2); expected one class an id"
    )


def test_all_problems_of_a_record_are_reported_together(tmp_path: Path) -> None:
    record = make_record(tmp_path, instances=PHOTO)
    save(given(record.label), np.full((1, 3), 9, dtype=np.uint8))
    assert [line.split(": ")[1].split(",")[0] for line in problems_of(record)] == [
        "instance map has mode RGB",
        "label map is 3x1",
        "label map has values 9 (3 pixels)",
    ]


def test_problems_of_both_splits_are_reported_together_and_facts_keep_their_order(tmp_path: Path) -> None:
    train = tuple(make_record(tmp_path / "train", name) for name in ("c", "a", "b"))
    val = tuple(make_record(tmp_path / "val", name) for name in ("a", "d"))
    train[1].image.write_bytes(b"")
    save(given(val[1].label), PHOTO)
    facts, problems = check_dataset(Dataset(CLASSES, train, val))
    assert [found.record.name for found in facts["train"]] == ["c", "b"]
    assert [found.record.name for found in facts["val"]] == ["a"]
    assert [line.split(":")[0] for line in problems] == [str(train[1].image), str(val[1].label)]


def test_pictures_of_one_name_in_a_split_are_a_problem(tmp_path: Path) -> None:
    ulm, bonn = make_record(tmp_path / "ulm"), make_record(tmp_path / "bonn")
    _, problems = check_dataset(Dataset(CLASSES, (ulm, bonn), (ulm,)))
    assert problems == [
        f"train: 2 pictures are named a ({ulm.image}, {bonn.image}), expected names to be unique within a split: "
        "rename all but one"
    ]


@pytest.mark.parametrize(("reader", "folder"), [("camvid", "camvid"), ("cityscapes", "cityscapes_sample")])
def test_real_records_are_sound_and_every_pixel_has_a_class(shared_data: Path, reader: str, folder: Path) -> None:
    root = shared_data / folder
    if not root.is_dir():
        pytest.skip(f"no folder {root}")
    dataset, _ = read_dataset(reader, root)
    for record in dataset.train[:2]:
        facts = facts_of(record, dataset.classes)
        assert sum(facts.class_pixels) == facts.height * facts.width
