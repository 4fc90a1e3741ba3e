import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from components.data.edges import detect_edges, draw_face, edge_map
from components.data.landmarks import find_landmarks, load_predictor, read_landmarks
from tests.tiny_dataset import tiny_edges
from tests.tiny_face import drawn_face, face_landmarks, train_predictor

RIM, ROWS = 3, 12  # where the ramp below is steepest; rows of a ramp


def ramp(contrast: int) -> npt.NDArray[np.uint8]:
    """Columns 0, 0, 0, half, all, all ...: the Sobel gradient is 4 times the contrast at column 3, half beside it."""
    row = np.array([0, 0, 0, contrast // 2, contrast, contrast, contrast, contrast], dtype=np.uint8)
    return np.tile(row, (ROWS, 1))


def test_canny_marks_the_steepest_column_alone() -> None:
    edges = detect_edges(ramp(100), tiny_edges(low=100, high=400))
    assert set(edges[1:-1, RIM]) == {255}
    assert not np.delete(edges, RIM, axis=1).any()


def test_canny_starts_no_edge_below_high() -> None:
    assert not detect_edges(ramp(100), tiny_edges(low=100, high=401)).any()


@pytest.mark.parametrize(("low", "last_row"), [(150, 31), (250, 18)])
def test_canny_continues_an_edge_down_to_low(low: int, last_row: int) -> None:
    fading = np.concatenate([ramp(100 - 2 * row)[:1] for row in range(40)])  # gradients of 400, 392, ...
    edges = detect_edges(fading, tiny_edges(low=low, high=300))
    assert np.flatnonzero(edges[:, RIM]).tolist() == list(range(1, last_row + 1))


def test_sobel_gives_the_strength_of_the_gradient_up_to_255() -> None:
    strength = detect_edges(ramp(20), tiny_edges(detector="sobel"))
    assert strength[ROWS // 2].tolist() == [0, 0, 40, 80, 40, 0, 0, 0]
    assert detect_edges(ramp(100), tiny_edges(detector="sobel"))[ROWS // 2].tolist()[2:5] == [200, 255, 200]


def test_blur_weakens_an_edge() -> None:
    sharp, blurred = (detect_edges(ramp(20), tiny_edges(detector="sobel", sigma=sigma)) for sigma in (0, 2))
    assert blurred[ROWS // 2, RIM] < sharp[ROWS // 2, RIM]


def test_an_edge_between_colours_is_an_edge_of_their_grey() -> None:
    photo = np.repeat(ramp(100)[..., None], 3, axis=2)
    assert np.array_equal(edge_map(photo, tiny_edges()), detect_edges(ramp(100), tiny_edges()))


def test_the_lines_of_a_face_replace_the_edges_within_it_and_leave_those_outside() -> None:
    size = 256
    edges = np.full((size, size), 255, dtype=np.uint8)
    face = draw_face(edges, face_landmarks(size))
    assert face[20, 128] == 255  # above the brows
    assert face[150, 100] == 0  # within the face, off every line
    assert face[192, 128] == 255  # the lowest point of the jaw
    assert face[96, 80] == 255  # on the right brow
    assert face[96, 128] == 0  # between the brows
    assert edges.all()  # the edge map given is left as it is


def test_lines_grow_with_the_picture() -> None:
    small, large = (draw_face(np.zeros((size, size), np.uint8), face_landmarks(size)) for size in (128, 1024))
    assert (small[:, 64] > 0).sum() == 2  # jaw and middle, a pixel each
    assert (large[700:, 512] > 0).sum() == 4


def test_a_map_of_landmarks_alone_is_black_elsewhere() -> None:
    photo = drawn_face(128)
    config = tiny_edges(detector="none", landmarks="files")
    expected = draw_face(np.zeros((128, 128), np.uint8), face_landmarks(128))
    assert np.array_equal(edge_map(photo, config, face_landmarks(128)), expected)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"low": 300}, r"high\n.*must be at least 300.0 \(low\), got 200.0"),
        ({"detector": "none"}, r"landmarks\n.*must be files or dlib where detector is none, got none"),
        ({"landmarks": "dlib"}, r"landmark_model\n.*must be the file of a predictor of 68 landmarks"),
        ({"validation_share": 1}, "validation_share"),
    ],
)
def test_parameters_that_do_not_fit_are_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        tiny_edges(**changed)


def test_ibug_files_count_pixels_from_1_and_json_from_0(tmp_path: Path) -> None:
    points = "\n".join(f"{index + 1}.5 {2 * index + 1}" for index in range(68))
    (tmp_path / "a.pts").write_text(f"version: 1\nn_points:  68\n{{\n{points}\n}}\n")
    (tmp_path / "a.json").write_text(json.dumps([[index + 0.5, 2 * index] for index in range(68)]))
    expected = [[index + 0.5, 2 * index] for index in range(68)]
    assert read_landmarks(tmp_path / "a.pts").tolist() == expected
    assert read_landmarks(tmp_path / "a.json").tolist() == expected


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.pts", "n_points: 68", "unreadable, expected the landmarks of a face"),
        ("a.pts", "{\n1 2\n3\n}", "unreadable"),
        ("a.pts", "{\n1 2\n}", r"found numbers of shape \(1, 2\), expected 68 finite points"),
        ("a.json", "[[1, 2], null]", "unreadable"),
        ("a.json", "[[NaN, 0]" + ", [0, 0]" * 67 + "]", r"found numbers of shape \(68, 2\), expected 68 finite"),
    ],
)
def test_a_file_without_68_points_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=f"{name}: {message}"):
        read_landmarks(tmp_path / name)


def test_a_predictor_finds_the_landmarks_it_was_trained_on(tmp_path: Path) -> None:
    model = train_predictor(tmp_path / "model.dat")
    found = find_landmarks(drawn_face(160), model)
    assert found is not None
    assert np.abs(found - face_landmarks(160)).max() <= 1


def test_the_largest_face_counts_and_a_picture_without_face_has_none(tmp_path: Path) -> None:
    model = train_predictor(tmp_path / "model.dat")
    two = np.full((240, 420, 3), 90, dtype=np.uint8)
    two[:120, :120], two[:240, 160:400] = drawn_face(120), drawn_face(240)
    found = find_landmarks(two, model)
    assert found is not None
    assert found[:, 0].min() > 160
    assert find_landmarks(np.full((160, 160, 3), 90, dtype=np.uint8), model) is None


def test_a_predictor_that_is_missing_broken_or_of_other_landmarks_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.dat: file not found, expected a predictor of 68 landmarks"):
        load_predictor(tmp_path / "nowhere.dat")
    (tmp_path / "broken.dat").write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"broken\.dat: unreadable, expected a predictor of 68 landmarks"):
        load_predictor(tmp_path / "broken.dat")
    five = train_predictor(tmp_path / "five.dat", count=5)
    with pytest.raises(ValueError, match=r"five\.dat: predicts 5 landmarks, expected a predictor of 68"):
        load_predictor(five)
