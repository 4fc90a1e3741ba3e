"""The reader of NYU Depth v2 on small files in MATLAB's own formats: HDF5 with reversed axes, and version 5."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from tests.tiny_dataset import pixels_of, read_dataset

HEIGHT, WIDTH, PICTURES = 2, 3, 3
# Of 894 labels the first four: wall, two kinds of chair, and something else.
MAP_CLASS = np.array([[1, 5, 5, 40] + [40] * 890])
NAMES = ["wall", "floor", "cabinet", "bed", "chair"] + [f"class {index}" for index in range(6, 41)]
LABELS = np.array([[0, 1, 1], [2, 3, 2]], dtype=np.uint16)  # a row of pixels a list
INSTANCES = np.array([[0, 1, 2], [1, 1, 2]], dtype=np.uint8)


def write_pictures(path: Path, **changed: Any) -> None:
    """Write the labelled file as MATLAB 7.3 does: a 512-byte header, then HDF5 with the axes reversed."""
    photo = np.arange(HEIGHT * WIDTH * 3, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3)
    arrays: dict[str, Any] = {
        "images": np.stack([photo + 100 * number for number in range(PICTURES)], axis=-1).astype(np.uint8),
        "labels": np.stack([LABELS] * PICTURES, axis=-1),
        "instances": np.stack([INSTANCES] * PICTURES, axis=-1),
    }
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in (arrays | changed).items():
            if array is not None:
                file.create_dataset(name, data=array.transpose(), chunks=True, compression="gzip")
                file[name].attrs["MATLAB_class"] = np.bytes_(array.dtype.name)
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    with path.open("r+b") as file:
        file.write(header)


def write_mapping(path: Path, **changed: Any) -> None:
    fields: dict[str, Any] = {"mapClass": MAP_CLASS, "className": np.array([NAMES], dtype=object)}
    savemat(path, {name: value for name, value in (fields | changed).items() if value is not None})


def write_splits(path: Path, train: list[int], test: list[int]) -> None:
    savemat(path, {"trainNdxs": np.array(train)[:, None], "testNdxs": np.array(test)[:, None]})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "nyu"
    root.mkdir()
    write_pictures(root / "nyu_depth_v2_labeled.mat")
    write_mapping(root / "classMapping40.mat")
    write_splits(root / "splits.mat", train=[3, 1], test=[2])
    return root


def test_pictures_of_both_splits_become_upright_png_files(root: Path) -> None:
    dataset, problems = read_dataset("nyu_depth_v2", root)
    assert problems == []
    assert [record.name for record in dataset.train] == ["0003", "0001"]
    assert [record.name for record in dataset.val] == ["0002"]
    first_row_of_photo_1 = pixels_of(dataset.train[1].image)[0]
    assert first_row_of_photo_1 == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert pixels_of(dataset.val[0].image)[1][2] == [115, 116, 117]


def test_894_labels_become_40_classes_and_0_stays_unlabelled(root: Path) -> None:
    dataset, _ = read_dataset("nyu_depth_v2", root)
    assert pixels_of(dataset.train[0].label) == [[0, 1, 1], [5, 5, 5]]
    assert len(dataset.classes) == 41
    assert [(each.index, each.name) for each in dataset.classes[:3]] == [(0, "unlabelled"), (1, "wall"), (2, "floor")]
    assert [each.index for each in dataset.classes if each.ignored_in_scores] == [0]
    assert len({each.colour for each in dataset.classes}) == 41


def test_an_object_is_one_label_with_one_number_and_walls_carry_their_class(root: Path) -> None:
    dataset, _ = read_dataset("nyu_depth_v2", root)
    # Chairs: label 2 number 1, label 3 number 1, label 2 number 2; ids follow label, then number.
    assert pixels_of(dataset.train[0].instance) == [[0, 1, 1], [256, 258, 257]]
    assert [each.has_instances for each in dataset.classes[:6]] == [False, False, False, True, True, True]


@pytest.mark.parametrize("name", ["nyu_depth_v2_labeled.mat", "splits.mat", "classMapping40.mat"])
def test_a_missing_file_is_named_with_what_it_holds(root: Path, name: str) -> None:
    (root / name).unlink()
    _, problems = read_dataset("nyu_depth_v2", root)
    assert problems[0].startswith(f"{root / name}: file not found, expected ")


@pytest.mark.parametrize("name", ["nyu_depth_v2_labeled.mat", "splits.mat", "classMapping40.mat"])
def test_a_broken_file_is_named(root: Path, name: str) -> None:
    (root / name).write_bytes(b"MATLAB 5.0 MAT-file" + bytes(120))
    _, problems = read_dataset("nyu_depth_v2", root)
    assert problems[0].startswith(f"{root / name}: ")


def test_a_truncated_file_of_pictures_is_named(root: Path) -> None:
    path = root / "nyu_depth_v2_labeled.mat"
    path.write_bytes(path.read_bytes()[:-100])
    _, problems = read_dataset("nyu_depth_v2", root)
    assert problems[0].startswith(f"{path}: unreadable or truncated, expected a MATLAB 7.3 file")


def test_a_file_without_instances_is_named_with_the_field(root: Path) -> None:
    write_pictures(root / "nyu_depth_v2_labeled.mat", instances=None)
    _, problems = read_dataset("nyu_depth_v2", root)
    assert problems[0] == f"{root}/nyu_depth_v2_labeled.mat: instances is None, expected 3 axes of uint8"


def test_a_mapping_without_names_or_with_other_classes_is_named(root: Path) -> None:
    write_mapping(root / "classMapping40.mat", className=None)
    _, problems = read_dataset("nyu_depth_v2", root)
    assert problems[0] == f"{root}/classMapping40.mat: found mapClass, expected a field className"
    write_mapping(root / "classMapping40.mat", mapClass=np.array([[1, 41]]))
    _, problems = read_dataset("nyu_depth_v2", root)
    assert problems[0] == f"{root}/classMapping40.mat: mapClass has values [1, 41], expected 1..40"


def test_a_split_that_names_no_picture_is_a_problem(root: Path) -> None:
    write_splits(root / "splits.mat", train=[0, 1], test=[4])
    _, problems = read_dataset("nyu_depth_v2", root)
    assert problems[:2] == [
        f"{root}/splits.mat: trainNdxs names [0], expected 1..3",
        f"{root}/splits.mat: testNdxs names [4], expected 1..3",
    ]


def test_a_split_of_no_numbers_is_a_problem(root: Path) -> None:
    savemat(root / "splits.mat", {"trainNdxs": np.array([1.5]), "testNdxs": np.array([2])})
    _, problems = read_dataset("nyu_depth_v2", root)
    assert problems[0] == f"{root}/splits.mat: trainNdxs holds float64 values, expected the numbers of pictures"


def test_a_label_past_the_mapping_is_a_problem_of_its_picture(root: Path) -> None:
    write_mapping(root / "classMapping40.mat", mapClass=MAP_CLASS[:, :2])
    dataset, problems = read_dataset("nyu_depth_v2", root)
    assert len(problems) == 4  # one a picture, and no training pair
    assert problems[0] == (
        f"{root}/nyu_depth_v2_labeled.mat: picture 3: has label 3, expected labels 0..2 as in classMapping40.mat"
    )
    assert dataset.train == ()
