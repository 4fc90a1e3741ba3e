import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.data.edges import draw_face, edge_map
from tests.tiny_dataset import pixels_of, random_photo, read_dataset, tiny_edges, write_picture
from tests.tiny_face import drawn_face, face_landmarks, train_predictor


def write_landmarks(photo: Path, size: int) -> None:
    lines = "\n".join(f"{x + 1} {y + 1}" for x, y in face_landmarks(size))
    photo.with_suffix(".pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}\n}}\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "celeba_hq"
    for number in range(10):
        write_picture(root / f"{number:05}.png", random_photo(number))
    return root


def test_every_photo_gets_the_edge_map_of_its_pixels(root: Path) -> None:
    dataset, problems = read_dataset("edges_of_photos", root)
    assert problems == []
    record = dataset.train[0]
    assert record.image.parent == root
    assert record.condition == root.with_name("work") / "edges/train" / f"{record.name}.png"
    photo = np.array(Image.open(record.image))
    assert pixels_of(record.condition) == edge_map(photo, tiny_edges()).tolist()
    assert dataset.classes == ()
    assert (record.label, record.instance) == (None, None)


def test_a_share_of_the_photos_is_held_out_and_another_photo_moves_at_most_one(root: Path) -> None:
    dataset, _ = read_dataset("edges_of_photos", root, edges=tiny_edges(validation_share=0.3))
    held_out = {record.name for record in dataset.val}
    assert (len(dataset.train), len(held_out)) == (7, 3)
    assert held_out.isdisjoint(record.name for record in dataset.train)
    write_picture(root / "another.png", random_photo(99))
    grown, _ = read_dataset("edges_of_photos", root, edges=tiny_edges(validation_share=0.3))
    assert len(held_out - {record.name for record in grown.val}) <= 1


def test_the_smallest_share_holds_out_one_photo(root: Path) -> None:
    dataset, _ = read_dataset("edges_of_photos", root, edges=tiny_edges(validation_share=0.001))
    assert (len(dataset.train), len(dataset.val)) == (9, 1)


def test_folders_train_and_val_are_the_splits(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for seed, name in enumerate(("train/a.JPG", "train/more/b.png", "val/c.webp", "val/._d.png", "val/notes.txt")):
        write_picture(root / f"{name}.png", random_photo(seed)).rename(root / name)
    dataset, problems = read_dataset("edges_of_photos", root)
    assert problems == []
    assert [record.name for record in dataset.train] == ["a", "more_b"]
    assert [record.name for record in dataset.val] == ["c"]


def test_landmarks_beside_a_photo_draw_its_face(tmp_path: Path) -> None:
    root = tmp_path / "faces"
    for name in ("a", "b"):
        write_landmarks(write_picture(root / f"{name}.png", drawn_face(128)), 128)
    edges = tiny_edges(detector="none", landmarks="files")
    dataset, problems = read_dataset("edges_of_photos", root, edges=edges)
    assert problems == []
    expected = draw_face(np.zeros((128, 128), np.uint8), face_landmarks(128))
    assert pixels_of(dataset.val[0].condition) == expected.tolist()


def test_a_photo_without_its_landmarks_is_a_problem(root: Path) -> None:
    _, problems = read_dataset("edges_of_photos", root, edges=tiny_edges(landmarks="files"))
    assert len(problems) == 11  # one a photo, and no training pair
    assert f"{root}/00000.png: no landmarks, expected 00000.pts or 00000.json beside it" in problems


def test_dlib_finds_the_faces_and_one_warning_names_the_first_photo_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "faces"
    for name in ("a", "b"):
        write_picture(root / "train" / f"{name}.png", drawn_face(160))
    for name in ("bar", "more"):
        bar = np.zeros((160, 160, 3))
        bar[60:80] = 255
        write_picture(root / "val" / f"{name}.png", bar)
    edges = tiny_edges(landmarks="dlib", landmark_model=train_predictor(tmp_path / "model.dat"))
    with caplog.at_level(logging.WARNING):
        dataset, problems = read_dataset("edges_of_photos", root, edges=edges)
    assert problems == []
    jaw_x, jaw_y = face_landmarks(160)[8].round().astype(int)
    assert np.array(pixels_of(dataset.train[0].condition))[jaw_y - 2 : jaw_y + 3, jaw_x].max() == 255
    assert not np.any(pixels_of(dataset.val[0].condition)[90:])
    assert [record.getMessage() for record in caplog.records] == [
        f"{root}: no face found in 2 of 2 photos, whose maps hold edges alone; the first is {root}/val/bar.png"
    ]


def test_a_photo_without_face_is_a_problem_where_landmarks_are_all_there_is(tmp_path: Path) -> None:
    root = tmp_path / "faces"
    write_picture(root / "train/a.png", drawn_face(160))
    flat = write_picture(root / "val/flat.png", np.full((160, 160, 3), 90))
    model = train_predictor(tmp_path / "model.dat")
    edges = tiny_edges(detector="none", landmarks="dlib", landmark_model=model)
    _, problems = read_dataset("edges_of_photos", root, edges=edges)
    assert problems == [f"{flat}: no face found, expected one where prepare.edges.detector is none"]


def test_a_photo_without_edges_is_a_problem(root: Path) -> None:
    flat = write_picture(root / "flat.png", np.full((8, 8, 3), 90))
    _, problems = read_dataset("edges_of_photos", root)
    assert problems == [f"{flat}: no edge found, expected some: lower prepare.edges.high, or leave the photo out"]


def test_a_missing_predictor_is_one_problem_naming_the_parameter(root: Path) -> None:
    edges = tiny_edges(landmarks="dlib", landmark_model=root / "nowhere.dat")
    _, problems = read_dataset("edges_of_photos", root, edges=edges)
    assert problems[0].startswith(f"prepare.edges.landmark_model: {root}/nowhere.dat: file not found, expected ")
    assert len(problems) == 2


def test_a_broken_photo_is_named(root: Path) -> None:
    (root / "00003.png").write_bytes(b"no picture")
    _, problems = read_dataset("edges_of_photos", root)
    assert [line.split(":")[0] for line in problems] == [f"{root}/00003.png"]
