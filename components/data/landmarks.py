"""The 68 landmarks of a face: read from a file, or found in a photo by dlib.

Shapes: landmarks (68, 2) float, x and y in pixels, 0 at the centre of the first pixel.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.data.edges import LANDMARKS

MODEL_HINT = "a predictor of 68 landmarks in dlib's format (shape_predictor_68_face_landmarks.dat)"


def landmark_file(photo: Path) -> Path | None:
    """Give the file with the landmarks of a photo, NAME.pts or NAME.json beside it, None where there is none."""
    return next((path for ending in (".pts", ".json") if (path := photo.with_suffix(ending)).is_file()), None)


def read_landmarks(path: Path) -> npt.NDArray[np.float64]:
    """Read the landmarks of a face.

    Args:
        path: a `.pts` file of the iBUG annotations, which count pixels from 1, or a `.json` file with a list of
            [x, y], which count from 0.

    Raises:
        ValueError: the file is unreadable or does not hold 68 finite points.
    """
    try:
        text = path.read_text(encoding="utf-8")
        landmarks = np.array(json.loads(text), dtype=np.float64) if path.suffix == ".json" else _parse_pts(text)
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{path}: unreadable, expected the landmarks of a face ({error})") from error
    if landmarks.shape != (LANDMARKS, 2) or not np.isfinite(landmarks).all():
        raise ValueError(f"{path}: found numbers of shape {landmarks.shape}, expected {LANDMARKS} finite points x, y")
    return landmarks


def find_landmarks(photo: npt.NDArray[np.uint8], model: Path) -> npt.NDArray[np.float64] | None:
    """Find the landmarks of the largest face in a photo.

    Args:
        photo: (H, W, 3) uint8 RGB.
        model: the file of the predictor.

    Returns:
        The landmarks, None where no face is found.

    Raises:
        ValueError: see `load_predictor`.
    """
    import dlib

    detector = _detector()
    faces = detector(photo, 0) or detector(photo, 1)  # faces below 80 pixels are found in the photo of twice the size
    if not faces:
        return None
    largest = max(faces, key=dlib.rectangle.area)
    shape = load_predictor(model)(photo, largest)
    return np.array([(point.x, point.y) for point in shape.parts()], dtype=np.float64)


@lru_cache(maxsize=1)
def load_predictor(model: Path) -> Any:
    """Load a predictor of landmarks.

    Raises:
        ValueError: the file is missing, no predictor, or one of another number of landmarks.
    """
    import dlib

    if not model.is_file():
        raise ValueError(f"{model}: file not found, expected {MODEL_HINT}")
    try:
        predictor = dlib.shape_predictor(str(model))
    except RuntimeError as error:
        raise ValueError(f"{model}: unreadable, expected {MODEL_HINT} ({error})") from error
    blank = np.zeros((8, 8), dtype=np.uint8)
    count = predictor(blank, dlib.rectangle(0, 0, 7, 7)).num_parts
    if count != LANDMARKS:
        raise ValueError(f"{model}: predicts {count} landmarks, expected {MODEL_HINT}")
    return predictor


@lru_cache(maxsize=1)
def _detector() -> Any:
    import dlib

    return dlib.get_frontal_face_detector()


def _parse_pts(text: str) -> npt.NDArray[np.float64]:
    start, end = text.index("{"), text.index("}")
    return np.array([line.split() for line in text[start + 1 : end].strip().splitlines()], dtype=np.float64) - 1
