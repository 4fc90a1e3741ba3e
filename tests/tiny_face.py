"""A drawn face, its landmarks, and a predictor trained on it, for tests of edge maps."""

from pathlib import Path

import dlib
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter


def drawn_face(size: int) -> npt.NDArray[np.uint8]:
    """A face that dlib's detector finds: eyes, brows, nose and mouth, light on dark."""
    scale = size / 160
    picture = Image.new("L", (size, size), 90)
    pen = ImageDraw.Draw(picture)

    def ellipse(x: float, y: float, radius_x: float, radius_y: float, grey: int) -> None:
        corners = (x - radius_x, y - radius_y, x + radius_x, y + radius_y)
        pen.ellipse([scale * corner for corner in corners], fill=grey)

    ellipse(80, 80, 52, 66, 40)
    ellipse(80, 88, 44, 56, 200)
    for x in (62, 98):
        pen.rectangle([scale * corner for corner in (x - 13, 64, x + 13, 68)], fill=70)
        ellipse(x, 76, 10, 6, 235)
        ellipse(x, 76, 5, 5, 30)
    pen.polygon([(80 * scale, 78 * scale), (72 * scale, 104 * scale), (88 * scale, 104 * scale)], fill=170)
    ellipse(80, 120, 18, 6, 110)
    blurred = picture.filter(ImageFilter.GaussianBlur(1.5 * scale))
    return np.array(blurred.convert("RGB"))


def face_landmarks(size: int) -> npt.NDArray[np.float64]:
    """A jaw from the left down and up to the right, brows across, everything else in the middle."""
    quarter = size / 4
    turn = np.linspace(np.pi, 0, 17)
    jaw = np.stack([2 * quarter + quarter * np.cos(turn), 2 * quarter + quarter * np.sin(turn)], axis=1)
    brows = np.stack([np.linspace(quarter, 3 * quarter, 10), np.full(10, 1.5 * quarter)], axis=1)
    middle = np.full((41, 2), 2 * quarter)
    return np.concatenate([jaw, brows, middle])


def train_predictor(path: Path, count: int = 68) -> Path:
    """Train a predictor on the drawn face, whose landmarks it then gives for any face."""
    face = drawn_face(160)
    box = dlib.get_frontal_face_detector()(face, 0)[0]
    points = [dlib.point(round(x), round(y)) for x, y in face_landmarks(160)[:count]]
    options = dlib.shape_predictor_training_options()
    options.cascade_depth, options.tree_depth, options.num_trees_per_cascade_level = 1, 1, 1
    options.oversampling_amount, options.feature_pool_size, options.num_test_splits = 2, 10, 1
    detections = [[dlib.full_object_detection(box, points)] * 2]
    dlib.train_shape_predictor([face], detections, options).save(str(path))
    return path
