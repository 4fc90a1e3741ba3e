"""A scene that is being edited: the object of each pixel, and the class and the style of each object.

Shapes: H and W pixels, M ids 0..M-1, F style dimension, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from components.inference.connected_components import dense_instances
from components.inference.style_bank import StyleBank

NEVER_SEEN = -1  # the class of an id that has had no pixel yet


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture to be synthesized, as objects; made by `Scene.from_maps`, and by each operation from another one.

    The class belongs to the id, and the label map follows from both, so an object cannot have two classes. An id is
    never given to another object: where the last pixel of one is painted over, its row stays, without pixels, until
    `compact`. A class without instances has one id, its region.

    Attributes:
        instance: int32 [H, W], ids 0..M-1; read-only, as are the other arrays.
        classes: int16 [M], the class 0..C-1 of each id, -1 of one that has had no pixel yet.
        styles: float32 [M, F]; F may be 0.
        has_instances: of each class, whether its objects have ids of their own.
        bank: where the style of a new object is drawn; without one it is zeros.
        seed: of these draws, which depend on it, the class and the id alone.
    """

    instance: NDArray[np.int32]
    classes: NDArray[np.int16]
    styles: NDArray[np.float32]
    has_instances: tuple[bool, ...]
    bank: StyleBank | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Make the arrays read-only, as scenes share them."""
        for array in (self.instance, self.classes, self.styles):
            array.flags.writeable = False

    @classmethod
    def from_maps(
        cls,
        label: NDArray[np.uint8],
        instance: NDArray[np.int32],
        styles: NDArray[np.float32] | None = None,
        *,
        has_instances: Sequence[bool],
        bank: StyleBank | None = None,
        seed: int = 0,
    ) -> "Scene":
        """Check the maps of one picture and copy them into a scene.

        Args:
            label: uint8 [H, W], 0..C-1.
            instance: int32 [H, W], ids 0..M-1; `consistent_instances` makes such a map of any ids.
            styles: float32 [M, F]; None draws them from the bank, or has F = 0 without one.
            has_instances: [C], see `Scene`.
            bank: see `Scene`.
            seed: 0 or more, see `Scene`.

        Raises:
            ValueError: a dtype, shape or value is not as said, an object has several classes, a class without
                instances has several ids, or the bank has another style dimension.
        """
        _check_map("label", label, np.uint8, len(has_instances))
        if styles is None:
            _check_map("instance", instance, np.int32, label.size)
            count = int(instance.max()) + 1
            styles = bank.sample(label, instance, seed) if bank else np.zeros((count, 0), dtype=np.float32)
        styles = _checked_styles(styles, bank)
        _check_map("instance", instance, np.int32, len(styles))
        if instance.shape != label.shape:
            raise ValueError(f"instance: found shape {instance.shape}, expected {label.shape}, that of label")
        if seed < 0:
            raise ValueError(f"seed: found {seed}, expected 0 or more")
        classes = np.full(len(styles), NEVER_SEEN, dtype=np.int16)
        classes[instance.ravel()] = label.ravel()
        mixed = instance[classes[instance] != label]
        if mixed.size:
            found = np.unique(label[instance == mixed[0]]).tolist()
            raise ValueError(f"instance {mixed[0]}: found pixels of the classes {found}, expected one class")
        for class_index, has in enumerate(has_instances):
            regions = np.flatnonzero(classes == class_index).tolist()
            if not has and len(regions) > 1:
                raise ValueError(
                    f"class {class_index}: found instances {regions}, expected one, as it has no instances"
                )
        return cls(instance.copy(), classes, styles.copy(), tuple(map(bool, has_instances)), bank, seed)

    @cached_property
    def label(self) -> NDArray[np.uint8]:
        """The label map, uint8 [H, W], read-only."""
        label_HW: NDArray[np.uint8] = self.classes.astype(np.uint8)[self.instance]
        label_HW.flags.writeable = False
        return label_HW

    @cached_property
    def areas(self) -> NDArray[np.int64]:
        """Pixels of each id, int64 [M]."""
        return np.bincount(self.instance.ravel(), minlength=len(self.classes))

    def class_of(self, instance: int) -> int:
        """Give the class of an id, also of one that has lost its pixels.

        Raises:
            ValueError: the id is not in 0..M-1, or has had no pixel yet.
        """
        if not 0 <= instance < len(self.classes):
            raise ValueError(f"instance {instance}: expected 0..{len(self.classes) - 1}")
        if self.classes[instance] == NEVER_SEEN:
            raise ValueError(f"instance {instance}: found no pixel, expected one or more")
        return int(self.classes[instance])

    def mask(self, instance: int) -> NDArray[np.bool_]:
        """Give the pixels of an object, bool [H, W].

        Raises:
            ValueError: the id is not in 0..M-1, or has no pixel.
        """
        self.class_of(instance)
        mask_HW: NDArray[np.bool_] = self.instance == instance
        if not mask_HW.any():
            raise ValueError(f"instance {instance}: found no pixel, expected one or more")
        return mask_HW

    def instance_for(self, class_index: int) -> int:
        """Give the id of new pixels of a class: that of its region, else M, the next free one.

        Raises:
            ValueError: the class is not in 0..C-1.
        """
        if not 0 <= class_index < len(self.has_instances):
            raise ValueError(f"class {class_index}: expected 0..{len(self.has_instances) - 1}")
        region = np.flatnonzero(self.classes == class_index)
        return len(self.classes) if self.has_instances[class_index] or not region.size else int(region[0])

    def drawn_styles(self, classes: Sequence[int], instances: Sequence[int], seed: int) -> NDArray[np.float32]:
        """Draw styles of these classes for these ids, both [D], as `StyleBank.sample` does; float32 [D, F]."""
        if self.bank is None:
            return np.zeros((len(instances), self.styles.shape[1]), dtype=np.float32)
        one_pixel_each = np.array([classes], dtype=np.uint8), np.array([instances], dtype=np.int32)
        drawn: NDArray[np.float32] = self.bank.sample(*one_pixel_each, seed)[list(instances)]
        return drawn

    def with_objects(self, class_index: int, styles: NDArray[np.float32]) -> "Scene":
        """Append the rows of objects that have no pixels yet, with their styles float32 [D, F]."""
        classes = np.append(self.classes, np.full(len(styles), class_index, dtype=np.int16))
        return replace(self, classes=classes, styles=np.concatenate([self.styles, styles]))

    def with_pixels(self, mask: NDArray[np.bool_], instance: int) -> "Scene":
        """Give the pixels of a mask, bool [H, W], to an object."""
        instance_HW = self.instance.copy()
        instance_HW[mask] = instance
        return replace(self, instance=instance_HW)


def compact(scene: Scene) -> Scene:
    """Number the objects that have pixels 0..M-1, in their order, and drop the other rows; styles stay with objects."""
    kept = np.flatnonzero(scene.areas)
    renumbered = np.zeros(len(scene.classes), dtype=np.int32)
    renumbered[kept] = np.arange(len(kept))
    return replace(scene, instance=renumbered[scene.instance], classes=scene.classes[kept], styles=scene.styles[kept])


def consistent_instances(
    label: NDArray[np.uint8], instance: NDArray[np.integer], has_instances: Sequence[bool]
) -> NDArray[np.int32]:
    """Make an instance map that a scene accepts of one with any ids.

    Args:
        label: uint8 [H, W], 0..C-1.
        instance: integers [H, W].
        has_instances: [C].

    Returns:
        int32 [H, W], ids 0..M-1 in the order of class and former id: one for each class without instances, and one
        for each former id in each other class.

    Raises:
        ValueError: the maps differ in shape, or a label is not in 0..C-1.
    """
    _check_map("label", label, np.uint8, len(has_instances))
    if instance.shape != label.shape:
        raise ValueError(f"instance: found shape {instance.shape}, expected {label.shape}, that of label")
    ids = np.where(np.asarray(has_instances, dtype=bool)[label], dense_instances(instance), 0)
    return dense_instances(label * np.int64(label.size) + ids)


def _check_map(name: str, array: object, dtype: type[np.generic], count: int) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise ValueError(f"{name}: found {found}, expected an array of {np.dtype(dtype)}")
    if array.ndim != 2 or not array.size:
        raise ValueError(f"{name}: found shape {array.shape}, expected [H, W], each 1 or more")
    if array.min() < 0 or array.max() >= count:
        raise ValueError(f"{name}: found {array.min()}..{array.max()}, expected 0..{count - 1}")


def _checked_styles(styles: object, bank: StyleBank | None) -> NDArray[np.float32]:
    if not isinstance(styles, np.ndarray) or styles.dtype != np.float32:
        found = styles.dtype if isinstance(styles, np.ndarray) else type(styles).__name__
        raise ValueError(f"styles: found {found}, expected an array of float32")
    dimension = bank.dimension if bank else "F"
    if styles.ndim != 2 or (bank and styles.shape[1] != bank.dimension):
        raise ValueError(f"styles: found shape {styles.shape}, expected [M, {dimension}]")
    if not np.isfinite(styles).all():
        raise ValueError("styles: found NaN or infinity, expected finite numbers")
    return styles
