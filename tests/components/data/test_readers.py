import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from components.data.class_colours import distinct_colour
from components.data.readers import READERS
from components.data.readers.cityscapes import CLASSES
from tests.tiny_dataset import read_dataset, tiny_prepare

TWO_CLASSES = [
    {"index": 0, "name": "sky", "colour": [0, 0, 255]},
    {"index": 1, "name": "car", "colour": [255, 0, 0], "has_instances": True, "ignored_in_scores": True},
]


def make_files(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def cityscapes_files(split: str, city: str, name: str) -> list[str]:
    return [
        f"leftImg8bit/{split}/{city}/{name}_leftImg8bit.png",
        f"gtFine/{split}/{city}/{name}_gtFine_labelIds.png",
        f"gtFine/{split}/{city}/{name}_gtFine_instanceIds.png",
    ]


def make_labelled_folders(root: Path, held_out: str = "val") -> None:
    make_files(root, *(f"{split}_{kind}" for split in ("train", held_out) for kind in ("label/a.png", "img/a.jpg")))
    (root / "classes.json").write_text(json.dumps(TWO_CLASSES))


def write_classes(root: Path, text: str) -> list[str]:
    make_labelled_folders(root)
    (root / "classes.json").write_text(text)
    return read_dataset("labelled_folders", root)[1]


def test_cityscapes_pairs_photo_label_and_instance_map_of_every_city(tmp_path: Path) -> None:
    ulm, bonn = "ulm_000001_000019", "bonn_000000_000019"
    files = cityscapes_files("train", "ulm", ulm) + cityscapes_files("train", "bonn", bonn)
    val = cityscapes_files("val", "jena", "jena_000002_000019")
    make_files(tmp_path, *files, *val, f"gtFine/train/ulm/{ulm}_gtFine_color.png", "leftImg8bit/train/ulm/._x.png")
    dataset, problems = read_dataset("cityscapes", tmp_path)
    assert problems == []
    assert [record.name for record in dataset.train] == [bonn, ulm]
    assert [record.name for record in dataset.val] == ["jena_000002_000019"]
    record = dataset.train[1]
    assert [record.image, record.label, record.instance] == [tmp_path / name for name in files[:3]]
    assert record.condition is None


def test_cityscapes_has_34_classes_of_which_19_are_scored() -> None:
    assert [each.index for each in CLASSES] == list(range(34))
    scored = [each.index for each in CLASSES if not each.ignored_in_scores]
    assert scored == [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
    assert [each.index for each in CLASSES if each.has_instances] == list(range(24, 34))
    assert (CLASSES[26].name, CLASSES[26].colour) == ("car", (0, 0, 142))


def test_a_file_without_partners_is_one_line_naming_it_and_all_that_was_expected(tmp_path: Path) -> None:
    photo, label, instance = cityscapes_files("train", "ulm", "ulm_000001_000019")
    make_files(tmp_path, *cityscapes_files("train", "ulm", "ulm_000000_000019"), label)
    _, problems = read_dataset("cityscapes", tmp_path)
    assert problems == [
        f"{tmp_path / label}: no photo, expected {tmp_path / photo}, no instance map, expected {tmp_path / instance}"
    ]


def test_a_lossy_map_is_named_beside_the_one_expected(tmp_path: Path) -> None:
    photo, label, instance = cityscapes_files("train", "ulm", "ulm_000000_000019")
    make_files(tmp_path, photo, label.replace(".png", ".jpg"), instance)
    _, problems = read_dataset("cityscapes", tmp_path)
    lossy = tmp_path / label.replace(".png", ".jpg")
    assert problems[0] == (
        f"{tmp_path / photo}: no label map, expected {tmp_path / label}; "
        f"found {lossy}, a lossy format in which ids turn into others"
    )


def test_camvid_pairs_jpeg_and_png_photos_and_has_no_instance_maps(tmp_path: Path) -> None:
    train = ["train/images/a.jpg", "train/labels/a.png", "train/images/b.png", "train/labels/b.png"]
    make_files(tmp_path, *train, "val/images/c.JPG", "val/labels/c.png")
    dataset, problems = read_dataset("camvid", tmp_path)
    assert problems == []
    assert [(record.name, record.image.name) for record in dataset.train] == [("a", "a.jpg"), ("b", "b.png")]
    assert [(record.name, record.instance) for record in dataset.val] == [("c", None)]
    assert [each.name for each in dataset.classes if each.has_instances] == ["Car", "Pedestrian", "Bicyclist"]
    assert [each.index for each in dataset.classes if each.ignored_in_scores] == [11]


def test_two_photos_of_one_name_are_a_problem(tmp_path: Path) -> None:
    make_files(tmp_path, "train/images/a.jpg", "train/images/a.png", "train/labels/a.png")
    _, problems = read_dataset("camvid", tmp_path)
    images = tmp_path / "train/images"
    assert problems == [
        f"{images / 'a.png'}: has the name of {images / 'a.jpg'}, expected names to be unique within a split"
    ]


@pytest.mark.parametrize("held_out", ["val", "test"])
def test_labelled_folders_take_val_or_test_as_validation_split(tmp_path: Path, held_out: str) -> None:
    make_labelled_folders(tmp_path, held_out)
    dataset, problems = read_dataset("labelled_folders", tmp_path)
    assert problems == []
    assert dataset.val[0].label == tmp_path / f"{held_out}_label" / "a.png"
    assert dataset.val[0].instance is None
    assert dataset.classes[1].colour == (255, 0, 0)
    assert (dataset.classes[1].has_instances, dataset.classes[1].ignored_in_scores) == (True, True)


def test_instance_maps_of_one_split_are_expected_in_the_other_too(tmp_path: Path) -> None:
    make_labelled_folders(tmp_path)
    make_files(tmp_path, "train_inst/a.png")
    dataset, problems = read_dataset("labelled_folders", tmp_path)
    assert dataset.train[0].instance == tmp_path / "train_inst/a.png"
    assert problems == [f"{tmp_path}/val_label/a.png: no instance map, expected {tmp_path}/val_inst/a.png"]


def test_paired_folders_take_a_as_condition_and_b_as_photo(tmp_path: Path) -> None:
    make_files(tmp_path, "train_A/a.png", "train_B/a.jpg", "train_inst/a.png", "test_A/b.png", "test_B/b.png")
    make_files(tmp_path, "test_inst/b.png")
    dataset, problems = read_dataset("paired_folders", tmp_path)
    assert problems == []
    record = dataset.train[0]
    assert (record.condition, record.image) == (tmp_path / "train_A/a.png", tmp_path / "train_B/a.jpg")
    assert (record.label, record.instance) == (None, tmp_path / "train_inst/a.png")
    assert [record.name for record in dataset.val] == ["b"]
    assert dataset.classes == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "classes: Invalid JSON"),
        ("[]", "classes: List should have at least 1 item"),
        ('[{"index": 0, "colour": [0, 0, 0]}]', "[0].name: Field required"),
        (
            '[{"index": 0, "name": "sky", "colour": [0, 300, 0]}]',
            "[0].colour[1]: Input should be less than or equal to",
        ),
        ('[{"index": "0", "name": "sky", "colour": [0, 0, 0]}]', "[0].index: Input should be a valid integer, got '0'"),
        ('[{"index": 0, "name": "sky", "colour": [0, 0, 0], "color": 1}]', "[0].color: Extra inputs"),
        ('[{"index": 1, "name": "sky", "colour": [0, 0, 0]}]', "index: expected each of 0..0 once, got [1]"),
        (
            json.dumps([{"index": index, "name": "sky", "colour": [0, 0, 0]} for index in (0, 1)]),
            "name: expected unique names, got more than one sky",
        ),
        (
            json.dumps([{"index": index, "name": str(index), "colour": [0, 0, 0]} for index in range(257)]),
            "classes: List should have at most 256 items",
        ),
    ],
)
def test_broken_class_list_is_one_line_naming_file_and_field(tmp_path: Path, text: str, message: str) -> None:
    problems = write_classes(tmp_path, text)
    assert len(problems) == 1
    assert problems[0].startswith(f"{tmp_path}/classes.json: {message}")
    assert "\n" not in problems[0]


def test_missing_class_list_is_reported_with_the_missing_partners(tmp_path: Path) -> None:
    make_labelled_folders(tmp_path)
    (tmp_path / "classes.json").unlink()
    (tmp_path / "val_img/a.jpg").unlink()
    _, problems = read_dataset("labelled_folders", tmp_path)
    assert [line.split(":")[0] for line in problems] == [f"{tmp_path}/classes.json", f"{tmp_path}/val_label/a.png"]


def test_class_list_may_be_in_any_order(tmp_path: Path) -> None:
    make_labelled_folders(tmp_path)
    (tmp_path / "classes.json").write_text(json.dumps(TWO_CLASSES[::-1]))
    dataset, problems = read_dataset("labelled_folders", tmp_path)
    assert problems == []
    assert [each.name for each in dataset.classes] == ["sky", "car"]


@pytest.mark.parametrize("reader", sorted(READERS))
def test_missing_folder_is_one_line_naming_it_and_the_layout(tmp_path: Path, reader: str) -> None:
    dataset, problems = read_dataset(reader, tmp_path / "nowhere")
    assert dataset.train == dataset.val == ()
    assert len(problems) == 1
    assert problems[0].startswith(f"{tmp_path}/nowhere: folder not found, expected ")


@pytest.mark.parametrize("reader", sorted(READERS))
def test_no_training_pair_is_a_line_naming_folder_and_layout(tmp_path: Path, reader: str) -> None:
    _, problems = read_dataset(reader, tmp_path)
    assert problems[-1].startswith(f"{tmp_path}: no training pair found, expected ")


def test_a_reader_is_a_module_with_a_function_read() -> None:
    assert {"cityscapes", "nyu_depth_v2", "ade20k", "helen", "camvid", "coloured_masks"} < set(READERS)
    assert len(READERS) == len(list(READERS))
    with pytest.raises(KeyError, match="kitti"):
        READERS["kitti"]


def test_an_unknown_reader_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(ValidationError, match=r"reader\n.*must be one of ade20k, .*street_scenes, got kitti"):
        tiny_prepare(reader="kitti")


def test_colours_made_for_classes_are_all_different() -> None:
    assert len({distinct_colour(index) for index in range(256)}) == 256


def test_real_camvid_has_367_and_101_pairs(shared_data: Path) -> None:
    root = shared_data / "camvid"
    if not root.is_dir():
        pytest.skip(f"no folder {root}")
    dataset, problems = read_dataset("camvid", root)
    assert problems == []
    assert (len(dataset.train), len(dataset.val)) == (367, 101)


def test_real_cityscapes_names_each_validation_map_without_photo(shared_data: Path) -> None:
    root = shared_data / "cityscapes_sample"
    if not root.is_dir():
        pytest.skip(f"no folder {root}")
    dataset, problems = read_dataset("cityscapes", root)
    assert (len(dataset.train), len(dataset.val)) == (8, 0)
    labels = sorted((root / "gtFine/val/frankfurt").glob("*_labelIds.png"))
    assert len(labels) == 15
    assert [line.split(":")[0] for line in problems] == [str(path) for path in labels]
    assert all(": no photo, expected " in line for line in problems)
