import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from components.data.street_scenes import CLASSES, STYLES, StreetScenesConfig, write_street_scenes
from components.data.street_scenes.canvas import Camera, Canvas, Light, Sketch
from components.data.street_scenes.catalogue import CAR

CONFIG = StreetScenesConfig(train=6, val=2, height=64, width=128, seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes") / "street_scenes"
    write_street_scenes(folder, CONFIG)
    return folder


def read(folder: Path, kind: str, name: str) -> np.ndarray:
    with Image.open(folder / f"{name.split('_')[0]}_{kind}" / f"{name}.png") as picture:
        return np.asarray(picture)


def names(folder: Path) -> list[str]:
    return sorted(path.stem for split in ("train", "val") for path in (folder / f"{split}_label").iterdir())


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def true_styles(folder: Path) -> dict[str, Any]:
    styles: dict[str, Any] = json.loads((folder / "true_styles.json").read_text())
    return styles


def class_of(instance: int) -> int:
    return instance // 1000 if instance >= 1000 else instance


def test_the_layout_is_that_of_the_published_code(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [f"{split}_{kind}" for split in ("train", "val") for kind in ("label", "inst", "img")]
        + ["classes.json", "true_styles.json"]
    )
    assert len(names(folder)) == 8
    for name in names(folder):
        for kind, mode in (("label", "L"), ("inst", "I;16"), ("img", "RGB")):
            with Image.open(folder / f"{name.split('_')[0]}_{kind}" / f"{name}.png") as picture:
                assert (picture.mode, picture.size) == (mode, (128, 64))


def test_classes_are_written_as_in_the_bundle(folder: Path) -> None:
    classes = json.loads((folder / "classes.json").read_text())
    assert [entry["index"] for entry in classes] == list(range(7))
    assert [entry["name"] for entry in classes if entry["has_instances"]] == ["building", "tree", "car", "pedestrian"]
    assert classes[0] == {
        "index": 0,
        "name": "sky",
        "colour": [70, 130, 180],
        "has_instances": False,
        "ignored_in_scores": False,
    }


def test_same_seed_gives_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for run, seed in (("first", 5), ("again", 5), ("other", 6)):
        write_street_scenes(tmp_path / run, StreetScenesConfig(train=1, val=1, height=32, width=64, seed=seed))
    first, again, other = (files(tmp_path / run) for run in ("first", "again", "other"))
    assert first == again
    assert first["train_img/train_0000.png"] != other["train_img/train_0000.png"]


def test_more_pictures_leave_the_earlier_ones_as_they_were(tmp_path: Path) -> None:
    for run, count in (("few", 1), ("more", 2)):
        write_street_scenes(tmp_path / run, StreetScenesConfig(train=count, val=1, height=32, width=64, seed=0))
    few, more = (
        {name: content for name, content in files(tmp_path / run).items() if name.endswith(".png")}
        for run in ("few", "more")
    )
    assert len(more) == len(few) + 3
    assert few.items() <= more.items()


def test_pictures_differ_from_each_other_within_and_between_splits(folder: Path) -> None:
    assert len({read(folder, "img", name).tobytes() for name in names(folder)}) == 8


def test_instance_ids_name_the_class_in_the_label_map(folder: Path) -> None:
    for name in names(folder):
        label, instance = read(folder, "label", name), read(folder, "inst", name)
        assert np.array_equal(np.where(instance >= 1000, instance // 1000, instance), label)
        has_instances = np.array([info.has_instances for info in CLASSES])[label]
        assert np.array_equal(instance >= 1000, has_instances)


def test_objects_are_counted_from_zero_without_gaps(folder: Path) -> None:
    for name in names(folder):
        ids = np.unique(read(folder, "inst", name))
        for info in CLASSES:
            numbers = [number % 1000 for number in ids.tolist() if number // 1000 == info.index and number >= 1000]
            assert numbers == list(range(len(numbers)))


def test_every_class_is_seen_in_training(folder: Path) -> None:
    seen = {
        index for name in names(folder) if name.startswith("train") for index in np.unique(read(folder, "label", name))
    }
    assert seen == set(range(7))


def test_cars_of_different_ids_touch(folder: Path) -> None:
    pairs = set()
    for name in names(folder):
        instance = read(folder, "inst", name).astype(int)
        left, right = instance[:, :-1], instance[:, 1:]
        both_cars = (left // 1000 == CAR) & (right // 1000 == CAR) & (left != right)
        pairs |= {(name, *pair) for pair in zip(left[both_cars], right[both_cars], strict=True)}
    assert pairs


def test_true_styles_name_exactly_the_instances_of_each_picture(folder: Path) -> None:
    styles = true_styles(folder)
    for name in names(folder):
        of_picture = styles[name.split("_")[0]][name]
        assert sorted(map(int, of_picture)) == np.unique(read(folder, "inst", name)).tolist()
        for instance, style in of_picture.items():
            assert 0 <= style < len(styles["styles"][CLASSES[class_of(int(instance))].name])
    assert styles["styles"]["car"] == ["red", "white", "black", "blue", "yellow"]
    assert all(3 <= len(of_class) <= 5 for of_class in STYLES.values())


def test_photos_show_cars_in_the_colours_of_their_styles(folder: Path) -> None:
    styles = true_styles(folder)
    pixels: dict[str, list[np.ndarray]] = {style: [] for style in styles["styles"]["car"]}
    for name in names(folder):
        photo, instance = read(folder, "img", name), read(folder, "inst", name)
        for number, style in styles[name.split("_")[0]][name].items():
            if class_of(int(number)) == CAR:
                pixels[styles["styles"]["car"][style]].append(photo[instance == int(number)])
    mean = {style: np.concatenate(of_style).mean(axis=0) for style, of_style in pixels.items()}
    assert mean["red"][0] - mean["red"][2] > 40
    assert mean["blue"][2] - mean["blue"][0] > 40
    assert mean["yellow"][1] - mean["yellow"][2] > 40
    assert mean["white"].mean() - mean["black"].mean() > 60


def test_a_point_of_the_street_is_seen_where_perspective_puts_it() -> None:
    camera = Camera(width=200, height=100, focal=100, centre=100, horizon=40, eye=2)
    assert camera.project(1, 0, 10) == (110, 60)
    assert camera.project(-3, 2, 5) == (40, 40)
    across, down = camera.rays(camera.box(110, 60, 110, 60))
    assert across.tolist() == [[0.105]]
    assert down.tolist() == [[0.205]]


def test_what_is_painted_later_hides_the_earlier_in_photo_and_instances_alike() -> None:
    light = Light(*(np.array(value) for value in ((0.0, 1.0, 0.0), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), (1.0, 1.0, 1.0))))
    canvas = Canvas(Camera(width=3, height=2, focal=1, centre=1, horizon=1, eye=1), light)
    whole = canvas.camera.box(0, 0, 3, 2)
    canvas.paint(whole, np.ones((2, 3), bool), np.full((2, 3, 3), 0.2), owner=1, depth=0.0)
    canvas.paint(whole, np.array([[0, 1, 1], [0, 0, 1]], bool), np.full((2, 3, 3), 0.6), owner=2, depth=0.0)
    assert canvas.owner.tolist() == [[1, 2, 2], [1, 1, 2]]
    assert canvas.photo[..., 0].tolist() == [[0.2, 0.6, 0.6], [0.2, 0.2, 0.6]]
    assert light.on(0, 1, 0).tolist() == [1.0, 1.0, 1.0]
    assert light.on(0, -1, 0).tolist() == [0.5, 0.5, 0.5]


def test_what_lies_beside_the_canvas_leaves_an_empty_sketch() -> None:
    camera = Camera(width=30, height=20, focal=10, centre=15, horizon=10, eye=1)
    sketch = Sketch(camera, [(40.0, 5.0), (50.0, 15.0)])
    sketch.polygon([(40.0, 5.0), (50.0, 5.0), (50.0, 15.0)], (1.0, 0.0, 0.0))
    assert sketch.empty
    assert sketch.mask().size == 0


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 97), (96, 32)])
def test_odd_and_smallest_sizes_are_rendered(tmp_path: Path, height: int, width: int) -> None:
    write_street_scenes(tmp_path / "scenes", StreetScenesConfig(train=1, val=1, height=height, width=width, seed=1))
    assert read(tmp_path / "scenes", "img", "train_0000").shape == (height, width, 3)


def test_a_folder_that_holds_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.png").touch()
    with pytest.raises(ValueError, match=r"holds 'old\.png', expected a new or empty folder"):
        write_street_scenes(tmp_path, CONFIG)


@pytest.mark.parametrize(("field", "value"), [("train", 0), ("val", 0), ("height", 31), ("width", 31), ("seed", -1)])
def test_config_names_the_field_that_is_out_of_range(field: str, value: int) -> None:
    with pytest.raises(ValidationError, match=field):
        StreetScenesConfig(**{**CONFIG.model_dump(), field: value})
