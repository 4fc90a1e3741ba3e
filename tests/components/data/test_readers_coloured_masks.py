from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.data.colour_codes import decode_colours, read_label_colours
from tests.tiny_dataset import pixels_of, random_photo, read_dataset, write_picture

COLOURS = "64 128 64\tAnimal\n128 64 128\tRoad\n0 0 0\t\tVoid\n"
ANIMAL, ROAD, VOID = [64, 128, 64], [128, 64, 128], [0, 0, 0]
MASK = [[ROAD, ROAD, ANIMAL], [VOID, ROAD, ANIMAL]]
LABEL = [[1, 1, 0], [2, 1, 0]]


def write_pair(photos: Path, masks: Path, name: str, seed: int, ending: str = "") -> Path:
    write_picture(photos / f"{name}.png", random_photo(seed, 2, 3))
    return write_picture(masks / f"{name}{ending}.png", MASK)


@pytest.fixture
def camvid(tmp_path: Path) -> Path:
    root = tmp_path / "camvid"
    for seed, (split, name) in enumerate((("train", "0006R0_f00930"), ("val", "0016E5_00390"))):
        write_pair(root / "701_StillsRaw_full", root / "LabeledApproved_full", name, seed, "_L")
        (root / f"{split}.txt").write_text(f"{name}.png\n")
    write_pair(root / "701_StillsRaw_full", root / "LabeledApproved_full", "of_no_split", 3, "_L")
    (root / "label_colors.txt").write_text(COLOURS)
    return root


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    root = tmp_path / "folders"
    for seed, split in enumerate(("train", "test")):
        write_pair(root / f"{split}_img", root / f"{split}_label", "a", seed)
    (root / "label_colors.txt").write_text(COLOURS)
    return root


def test_camvids_own_masks_become_the_line_numbers_of_their_colours(camvid: Path) -> None:
    dataset, problems = read_dataset("coloured_masks", camvid)
    assert problems == []
    assert [record.name for record in dataset.train] == ["0006R0_f00930"]
    assert [record.name for record in dataset.val] == ["0016E5_00390"]
    assert dataset.val[0].image == camvid / "701_StillsRaw_full/0016E5_00390.png"
    assert pixels_of(dataset.train[0].label) == LABEL
    assert [each.name for each in dataset.classes] == ["Animal", "Road", "Void"]
    assert [each.has_instances for each in dataset.classes] == [True, False, False]
    assert [each.ignored_in_scores for each in dataset.classes] == [False, False, True]


def test_folders_of_a_split_and_palette_masks_are_read_too(folders: Path) -> None:
    palette = Image.fromarray(np.array(LABEL, dtype=np.uint8) + 7, mode="P")
    palette.putpalette([255] * 21 + ANIMAL + ROAD + VOID)
    palette.save(folders / "train_label/a.png")
    dataset, problems = read_dataset("coloured_masks", folders)
    assert problems == []
    assert pixels_of(dataset.train[0].label) == LABEL
    assert pixels_of(dataset.val[0].label) == LABEL


def test_classes_json_may_give_the_colours(folders: Path) -> None:
    entries = [
        f'{{"index": {index}, "name": "{index}", "colour": {colour}, "has_instances": true}}'
        for index, colour in enumerate((VOID, ROAD, ANIMAL))
    ]
    (folders / "classes.json").write_text(f"[{', '.join(entries)}]")
    dataset, problems = read_dataset("coloured_masks", folders)
    assert problems == []
    assert pixels_of(dataset.train[0].label) == [[1, 1, 2], [0, 1, 2]]
    assert all(each.has_instances for each in dataset.classes)


def test_a_colour_of_no_class_is_named_with_its_pixels(folders: Path) -> None:
    mask = write_picture(folders / "train_label/a.png", [[ROAD, [1, 2, 3], [1, 2, 3]], [VOID, [9, 9, 9], ANIMAL]])
    _, problems = read_dataset("coloured_masks", folders)
    assert problems[0] == (
        f"{mask}: has 2 colours that are of no class: (1, 2, 3) (2 pixels), (9, 9, 9) (1 pixels), "
        "expected the colours of the class list"
    )


def test_a_listed_name_without_photo_or_mask_is_a_problem(camvid: Path) -> None:
    (camvid / "train.txt").write_text("0006R0_f00930\nnowhere\n")
    _, problems = read_dataset("coloured_masks", camvid)
    assert problems == [
        f"{camvid}/train.txt: names nowhere, expected its photo {camvid}/701_StillsRaw_full/nowhere.png",
        f"{camvid}/train.txt: names nowhere, expected its mask {camvid}/LabeledApproved_full/nowhere_L.png",
    ]


def test_a_missing_list_of_a_split_is_a_problem(camvid: Path) -> None:
    (camvid / "val.txt").unlink()
    _, problems = read_dataset("coloured_masks", camvid)
    assert problems[0].startswith(f"{camvid}/val.txt: unreadable, expected a list of pictures")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 Road", "line 1 is '1 2 Road', expected 'R G B NAME' of 0..255"),
        ("1 2 256 Road", "line 1 is '1 2 256 Road', expected"),
        ("1 2 -3 Road", "line 1 is '1 2 -3 Road', expected"),
        ("0 0 0 Road\n1 1 1 Road", "found several classes named Road, expected unique names"),
        ("", "found 0 classes, expected 1..256"),
        ("\n".join(f"{index % 256} {index // 256} 0 {index}" for index in range(257)), "found 257 classes"),
    ],
)
def test_a_broken_colour_list_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "label_colors.txt"
    path.write_text(text)
    classes, problems = read_label_colours(path)
    assert classes == ()
    assert problems[0].startswith(f"{path}: {message}")


def test_classes_that_share_a_colour_are_a_problem(folders: Path) -> None:
    (folders / "label_colors.txt").write_text("0 0 0 Void\n1 1 1 Road\n0 0 0 Car\n")
    _, problems = read_dataset("coloured_masks", folders)
    assert problems == [
        f"{folders}/label_colors.txt: Void, Car have the colour (0, 0, 0), expected a colour of its own for each class"
    ]


def test_colours_are_told_apart_in_every_channel(tmp_path: Path) -> None:
    path = tmp_path / "label_colors.txt"
    path.write_text("255 0 0 r\n0 255 0 g\n0 0 255 b\n255 255 255 w\n")
    classes, _ = read_label_colours(path)
    pixels = np.array([[[0, 0, 255], [255, 255, 255]], [[255, 0, 0], [0, 255, 0]]], dtype=np.uint8)
    assert decode_colours(pixels, classes).tolist() == [[2, 3], [0, 1]]
