"""Edge maps of photos, the conditions of edges to photo.

Shapes: photo (H, W, 3) uint8 RGB; grey (H, W) uint8; edge map (H, W) uint8, 0 where there is no edge; landmarks (68, 2)
float, x and y in pixels of the 68 points of a face in the order of the iBUG annotations, which dlib has too.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from pydantic import Field, ValidationInfo, field_validator

from components.config import Config

LANDMARKS = 68
_JAW, _BROWS = range(17), range(17, 27)
# First and last point of each line of a face, and whether it closes.
_LINES = (
    (0, 16, False),  # jaw
    (17, 21, False),  # eyebrows
    (22, 26, False),
    (27, 30, False),  # nose
    (31, 35, False),
    (36, 41, True),  # eyes
    (42, 47, True),
    (48, 59, True),  # lips
    (60, 67, True),
)
_PIXELS_A_LINE_WIDTH = 256


class EdgesConfig(Config):
    """How the reader `edges_of_photos` makes edge maps and splits photos.

    Attributes:
        detector: `canny` marks edges by 255; `sobel` gives the strength of the gradient; `none` leaves the lines of
            landmarks alone.
        sigma: of the Gaussian blur before detection, in pixels; 0 leaves it out.
        low: for `canny`, the gradient (length of the 3x3 Sobel vector, up to about 1,440) that continues an edge.
        high: for `canny`, the gradient that starts an edge.
        landmarks: whether lines along a face's landmarks replace the edges within the face: `none`; `files`, read from
            NAME.pts or NAME.json beside each photo; `dlib`, found by dlib's face detector and landmark predictor.
        landmark_model: for `dlib`, the file of a predictor of 68 landmarks, else null.
        validation_share: of the photos, those held out for validation where they are not in folders train and val.
    """

    detector: Literal["canny", "sobel", "none"]
    sigma: float = Field(ge=0)
    low: float = Field(gt=0)
    high: float = Field(gt=0)
    landmarks: Literal["none", "files", "dlib"]
    landmark_model: Path | None
    validation_share: float = Field(gt=0, lt=1)

    @field_validator("high")
    @classmethod
    def _at_least_low(cls, high: float, info: ValidationInfo) -> float:
        low = info.data.get("low", high)
        if high < low:
            raise ValueError(f"must be at least {low} (low), got {high}")
        return high

    @field_validator("landmarks")
    @classmethod
    def _draws_something(cls, landmarks: str, info: ValidationInfo) -> str:
        if landmarks == "none" and info.data.get("detector") == "none":
            raise ValueError("must be files or dlib where detector is none, got none")
        return landmarks

    @field_validator("landmark_model")
    @classmethod
    def _given_for_dlib(cls, model: Path | None, info: ValidationInfo) -> Path | None:
        if info.data.get("landmarks") == "dlib" and model is None:
            raise ValueError("must be the file of a predictor of 68 landmarks where landmarks is dlib, got null")
        return model


def edge_map(
    photo: npt.NDArray[np.uint8], config: EdgesConfig, landmarks: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[np.uint8]:
    """Make the edge map of a photo.

    Args:
        photo: (H, W, 3).
        config: the detector and its thresholds.
        landmarks: (68, 2), of a face whose lines replace the edges within it; None for none.
    """
    edges = detect_edges(np.array(Image.fromarray(photo).convert("L")), config)
    return edges if landmarks is None else draw_face(edges, landmarks)


def detect_edges(grey: npt.NDArray[np.uint8], config: EdgesConfig) -> npt.NDArray[np.uint8]:
    """Find the edges of a picture (Canny 1986) or the strength of its gradients, cut at 255."""
    import dlib
    from scipy import ndimage

    if config.detector == "none":
        return np.zeros_like(grey)
    blurred = ndimage.gaussian_filter(grey, config.sigma) if config.sigma else grey
    horizontal, vertical = dlib.sobel_edge_detector(blurred)
    if config.detector == "sobel":
        strength = np.hypot(horizontal, vertical, dtype=np.float32)
        return np.asarray(strength.clip(0, 255), dtype=np.uint8)
    thinned = dlib.suppress_non_maximum_edges(horizontal, vertical)
    return np.asarray(dlib.hysteresis_threshold(thinned, config.low, config.high), dtype=np.uint8)


def draw_face(edges: npt.NDArray[np.uint8], landmarks: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Replace the edges within a face by the lines of its landmarks, a pixel wide for each 256 of the shorter side."""
    points = [(float(x), float(y)) for x, y in landmarks]
    picture = Image.fromarray(edges)
    pen = ImageDraw.Draw(picture)
    pen.polygon([points[index] for index in (*_JAW, *reversed(_BROWS))], fill=0)
    width = max(1, round(min(edges.shape) / _PIXELS_A_LINE_WIDTH))
    for first, last, closes in _LINES:
        pen.line(points[first : last + 1] + points[first : first + 1] * closes, fill=255, width=width)
    return np.array(picture)
