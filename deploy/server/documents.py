"""Scenes as JSON, and what is common to all documents that clients send.

Shapes: H x W pixels, M instances of a scene, F style dimension.
"""

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from components.inference.editing import Scene
from deploy.server.limits import LARGEST_IDS, Limits, deflated, inflated
from deploy.server.served import ServedModel

FARTHEST = 2**20  # pixels
_ID_TYPE = np.dtype("<u2")

Side = Annotated[int, Field(ge=1, le=FARTHEST)]
Seed = Annotated[int, Field(ge=0, le=2**53 - 1, description="of the styles that are drawn")]
InstanceId = Annotated[int, Field(ge=0, lt=LARGEST_IDS)]
ClassIndex = Annotated[int, Field(ge=0, le=255)]
Style = Annotated[
    Annotated[int, Field(ge=0, le=10_000)] | Annotated[list[float], Field(max_length=1024)],
    Field(description="the number of a style in the bank, or the style itself: F floats"),
]
Packed = Annotated[str, Field(description="base64 of zlib")]


class OtherModelError(ValueError):
    """A scene that was made with another model than the one in use."""


class Document(BaseModel):
    """What clients send: nothing unknown, nothing of a wrong type, nothing that is not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class SceneDocument(Document):
    """A scene, which the client holds and sends with each request."""

    height: Side
    width: Side
    instance: Annotated[
        Packed, Field(description="base64 of zlib of the instance map: uint16 little-endian ids, row by row")
    ]
    classes: Annotated[
        list[Annotated[int, Field(ge=-1, le=255)]],
        Field(min_length=1, max_length=LARGEST_IDS, description="of each id; -1 of one that never had a pixel"),
    ]
    styles: Annotated[
        list[Annotated[list[float], Field(max_length=1024)]],
        Field(max_length=LARGEST_IDS, description="of each id: F floats"),
    ]
    seed: Seed

    def scene(self, model: ServedModel, limits: Limits) -> Scene:
        """Make the scene.

        Raises:
            OtherModelError: it has classes or styles that the model has not.
            ValueError: it is too large, or its parts do not fit together.
        """
        bundle = model.bundle
        if not bundle.class_count:
            raise OtherModelError("scene: found one with classes, expected none: this model takes pictures")
        limits.check_size("scene", self.height, self.width, bundle.size_multiple)
        limits.check_instances("scene.classes", len(self.classes))
        classes = np.array(self.classes, np.int16)
        if classes.max() >= bundle.class_count:
            expected = f"expected at most {bundle.class_count - 1}: was the scene made with another model?"
            raise OtherModelError(f"scene.classes: found {classes.max()}, {expected}")
        styles = self._checked_styles(bundle.style_dimension)
        content = inflated("scene.instance", self.instance, _ID_TYPE.itemsize * self.height * self.width)
        instance_HW = np.frombuffer(content, _ID_TYPE).reshape(self.height, self.width).astype(np.int32)
        _check_ids(instance_HW, classes, model.has_instances)
        return Scene(instance_HW, classes, styles, model.has_instances, bundle.style_bank, self.seed)

    def _checked_styles(self, dimension: int) -> NDArray[np.float32]:
        if len(self.styles) != len(self.classes):
            raise ValueError(f"scene.styles: found {len(self.styles)}, expected {len(self.classes)}, one an id")
        for row in self.styles:
            if len(row) != dimension:
                expected = f"expected {dimension}: was the scene made with another model?"
                raise OtherModelError(f"scene.styles: found a style of {len(row)} numbers, {expected}")
        return float32("scene.styles", self.styles).reshape(len(self.styles), dimension)


def scene_document(scene: Scene) -> dict[str, Any]:
    """Give a scene as its document, which JSON can hold."""
    height, width = scene.instance.shape
    return {
        "height": height,
        "width": width,
        "instance": deflated(scene.instance.astype(_ID_TYPE).tobytes()),
        "classes": scene.classes.tolist(),
        "styles": scene.styles.tolist(),
        "seed": scene.seed,
    }


def float32(name: str, numbers: Any) -> NDArray[np.float32]:
    """Give numbers as float32.

    Raises:
        ValueError: one is too large for it, or not finite.
    """
    try:
        with np.errstate(over="ignore"):
            array = np.array(numbers, np.float32)
    except OverflowError:  # a whole number that no float holds
        array = np.full(1, np.inf, np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: found a number that float32 cannot hold, expected finite ones")
    return array


def _check_ids(instance_HW: NDArray[np.int32], classes: NDArray[np.int16], has_instances: tuple[bool, ...]) -> None:
    """Check that each id has a row, each id with pixels a class, and a class without instances one id."""
    largest = int(instance_HW.max())
    if largest >= len(classes):
        raise ValueError(f"scene.instance: found id {largest}, expected 0..{len(classes) - 1}, as many as classes")
    pixels = np.bincount(instance_HW.ravel(), minlength=len(classes))
    unknown = np.flatnonzero((pixels > 0) & (classes < 0))
    if unknown.size:
        raise ValueError(f"scene.classes: found -1 for id {unknown[0]}, expected its class, as it has pixels")
    ids_of = np.bincount(classes[classes >= 0], minlength=len(has_instances))
    several = np.flatnonzero((ids_of > 1) & ~np.array(has_instances))
    if several.size:
        found = f"found {ids_of[several[0]]} ids of class {several[0]}"
        raise ValueError(f"scene.classes: {found}, expected one, as it has no instances")
