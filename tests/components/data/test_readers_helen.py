from pathlib import Path

import pytest

from tests.tiny_dataset import pixels_of, random_photo, read_dataset, write_picture

SKIN, NOSE, HAIR = 1, 6, 10


def write_face(root: Path, name: str, masks: dict[int, list[list[int]]], seed: int) -> None:
    write_picture(root / "images" / f"{name}.jpg", random_photo(seed, 2, 3))
    for index in range(11):
        mask = masks.get(index, [[0, 0, 0], [0, 0, 0]])
        write_picture(root / "labels" / name / f"{name}_lbl{index:02}.png", mask)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "SmithCVPR2013_dataset_resized"
    masks = {
        0: [[255, 10, 0], [0, 0, 127]],
        SKIN: [[0, 245, 100], [80, 0, 0]],
        NOSE: [[0, 0, 155], [90, 0, 0]],
        HAIR: [[0, 0, 0], [85, 0, 128]],
    }
    for seed, (split, name) in enumerate((("exemplars", "100_1"), ("tuning", "200_1"), ("testing", "300_1"))):
        write_face(root, name, masks, seed)
        (root / f"{split}.txt").write_text(f"000{seed + 1} , {name}\n")
    return root


def test_each_pixel_takes_the_class_whose_mask_is_strongest(root: Path) -> None:
    dataset, problems = read_dataset("helen", root)
    assert problems == []
    # Where all masks are 0, and where two are equal, the first class counts.
    assert pixels_of(dataset.train[0].label) == [[0, SKIN, NOSE], [NOSE, 0, HAIR]]
    assert [(each.index, each.name) for each in dataset.classes][-1] == (HAIR, "hair")


def test_exemplars_train_and_tuning_validates(root: Path) -> None:
    dataset, _ = read_dataset("helen", root)
    assert [record.name for record in dataset.train] == ["100_1"]
    assert [record.name for record in dataset.val] == ["200_1"]
    assert dataset.train[0].image == root / "images/100_1.jpg"


def test_testing_validates_where_there_is_no_tuning(root: Path) -> None:
    (root / "tuning.txt").unlink()
    dataset, problems = read_dataset("helen", root)
    assert problems == []
    assert [record.name for record in dataset.val] == ["300_1"]


def test_missing_files_are_named(root: Path) -> None:
    (root / "images/100_1.jpg").unlink()
    (root / "labels/200_1/200_1_lbl07.png").unlink()
    _, problems = read_dataset("helen", root)
    assert problems[0] == f"{root}/images/100_1.jpg: file not found, expected the photo of a listed face"
    assert problems[1].startswith(f"{root}/labels/200_1/200_1_lbl07.png: ")


def test_masks_of_different_sizes_are_a_problem(root: Path) -> None:
    write_picture(root / "labels/100_1/100_1_lbl03.png", [[0, 0]])
    _, problems = read_dataset("helen", root)
    first = root / "labels/100_1/100_1_lbl00.png"
    assert problems[0] == f"{root}/labels/100_1/100_1_lbl03.png: mask is 2x1, expected 3x2, the size of {first}"


def test_a_list_without_the_column_of_names_is_a_problem(root: Path) -> None:
    (root / "exemplars.txt").write_text("100_1\n")
    _, problems = read_dataset("helen", root)
    assert problems[0] == (f"{root}/exemplars.txt: found a line of fewer than 2 values, expected names after comma 1")
