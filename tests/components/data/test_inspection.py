import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from components.data.dataset import Dataset, DatasetError
from components.data.inspection import LOGGED, inspect_dataset
from components.data.manifest import Manifest
from tests.tiny_dataset import random_photo, read_dataset, tiny_manifest, write_picture


def make_camvid(root: Path) -> Path:
    """Two pictures to train and one to validate, of 12 pixels whose classes are 0..11."""
    for seed, name in enumerate(("train/{}/a", "train/{}/b", "val/{}/c")):
        write_picture(root / f"{name.format('images')}.png", random_photo(seed, 3, 4))
        write_picture(root / f"{name.format('labels')}.png", np.arange(12).reshape(3, 4))
    return root


def inspect(root: Path, **options: Any) -> Manifest:
    dataset, problems = read_dataset("camvid", root)
    return inspect_dataset(dataset, problems, reader="camvid", root=root, **options)


def problems_of(root: Path) -> list[str]:
    with pytest.raises(DatasetError) as caught:
        tiny_manifest("camvid", root)
    return caught.value.problems


def test_problems_of_pairing_and_of_checks_are_raised_together(tmp_path: Path) -> None:
    root = make_camvid(tmp_path / "data")
    (root / "train/labels/b.png").unlink()
    (root / "train/images/a.png").write_bytes(b"")
    write_picture(root / "val/labels/c.png", np.full((3, 4), 12))
    problems = problems_of(root)
    assert [line.split(":")[0] for line in problems] == [
        f"{root}/train/images/b.png",
        f"{root}/train/images/a.png",
        f"{root}/val/labels/c.png",
    ]
    assert "12 (12 pixels)" in problems[2]


def test_empty_validation_split_is_a_problem(tmp_path: Path) -> None:
    root = make_camvid(tmp_path / "data")
    shutil.rmtree(root / "val")
    assert [line.split(", expected")[0] for line in problems_of(root)] == [f"{root}: no validation pair found"]


def test_missing_root_is_one_problem(tmp_path: Path) -> None:
    assert len(problems_of(tmp_path / "nowhere")) == 1


def test_photo_of_both_splits_is_a_problem_whatever_its_format(tmp_path: Path) -> None:
    root = make_camvid(tmp_path / "data")
    (root / "val/images/c.png").unlink()
    twin = root / "val/images/c.jpg"
    Image.open(root / "train/images/b.png").save(twin, "BMP")  # readers go by the ending, decoders by the content
    assert problems_of(root) == [
        f"{twin}: has the pixels of {root}/train/images/b.png, expected no picture in both splits, as scores would "
        "flatter the model: remove one of the two"
    ]


def test_label_map_of_both_splits_by_a_link_is_a_problem(tmp_path: Path) -> None:
    root = make_camvid(tmp_path / "data")
    (root / "val/labels/c.png").unlink()
    (root / "val/labels/c.png").symlink_to(root / "train/labels/a.png")
    assert [line.split(" of the")[0] for line in problems_of(root)] == [
        f"{root}/val/labels/c.png: is the file {root}/train/labels/a.png"
    ]


def test_near_duplicates_are_in_the_manifest_and_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = make_camvid(tmp_path / "data")
    photo = random_photo(1, 3, 4)
    photo[0, 0, 0] ^= 1
    write_picture(root / "val/images/c.png", photo)
    with caplog.at_level(logging.WARNING):
        manifest = inspect(root, near_duplicate_distance=4)
    assert [(pair.val, pair.train) for pair in manifest.near_duplicates] == [(0, 1)]
    assert "val/images/c.png: looks like train/images/b.png of the training set" in caplog.text
    assert inspect(root).near_duplicates == ()


def test_classes_without_a_pixel_and_missing_instance_maps_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_camvid(tmp_path / "data")
    for name in ("a", "b"):
        write_picture(root / f"train/labels/{name}.png", np.full((3, 4), 11))
    write_picture(root / "val/labels/c.png", np.arange(12).reshape(3, 4))
    inspect(root)
    assert "train: no pixel of Sky, Building, " in caplog.text
    assert "Unlabelled" not in caplog.text  # it is ignored in scores, and there
    assert "no instance maps: all pixels of Car, Pedestrian, Bicyclist in a picture count as one object" in caplog.text


def test_log_gives_some_warnings_and_the_number_of_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = make_camvid(tmp_path / "data")
    exif = Image.Exif()
    exif[0x0112] = 3
    for number in range(LOGGED + 2):
        name = f"train/images/turned_{number:02}.png"
        (root / name).parent.mkdir(exist_ok=True)
        Image.fromarray(random_photo(10 + number, 3, 4)).save(root / name, exif=exif)
        shutil.copy(root / "train/labels/a.png", root / f"train/labels/turned_{number:02}.png")
    inspect(root)
    assert len(caplog.records) == LOGGED + 1
    assert caplog.records[-1].getMessage() == "and 3 warnings more, all in the data report"  # one is of instance maps


def test_manifest_is_the_same_whatever_the_number_of_processes(tmp_path: Path) -> None:
    root = make_camvid(tmp_path / "data")
    serial = inspect(root, processes=1, near_duplicate_distance=64)
    assert inspect(root, processes=2, near_duplicate_distance=64) == serial


def test_problems_are_the_same_whatever_the_number_of_processes(tmp_path: Path) -> None:
    root = make_camvid(tmp_path / "data")
    for name in ("train/images/a.png", "train/labels/b.png", "val/labels/c.png"):
        (root / name).write_bytes(b"no picture")
    dataset, _ = read_dataset("camvid", root)
    messages = []
    for processes in (1, 2):
        with pytest.raises(DatasetError) as caught:
            inspect_dataset(dataset, [], reader="camvid", root=root, processes=processes)
        messages.append(caught.value.problems)
    assert messages[0] == messages[1]
    assert len(messages[0]) == 3


def test_problem_that_reader_and_check_both_find_is_listed_once(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        inspect_dataset(Dataset((), (), ()), ["x: broken", "x: broken"], reader="camvid", root=tmp_path / "nowhere")
    assert caught.value.problems == ["x: broken"]
