"""Undo and redo without limit."""

import zlib
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.inference.editing.masks import Box
from components.inference.editing.scene import Scene


@dataclass(frozen=True)
class _Side:
    """One side of a step: the ids in its window, compressed, and every other field of the scene."""

    ids: bytes
    others: dict[str, Any]


@dataclass(frozen=True)
class _Step:
    box: Box
    before: _Side
    after: _Side


class History:
    """The scenes of an editing session: the present one, and the changes that lead back and forth.

    A change keeps the rectangle of the instance map that differs, compressed, so that many fit in memory.

    Args:
        scene: the first one.

    Attributes:
        scene: the present one.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._done: list[_Step] = []
        self._undone: list[_Step] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a change to make again."""
        return bool(self._undone)

    def record(self, scene: Scene) -> None:
        """Make a scene the present one; what was undone before is forgotten. The present one itself is no change.

        Raises:
            ValueError: the scene has another height or width.
        """
        if scene.instance.shape != self.scene.instance.shape:
            raise ValueError(f"scene: found shape {scene.instance.shape}, expected {self.scene.instance.shape}")
        if scene is self.scene:
            return
        differs = scene.instance != self.scene.instance
        box = Box.around(differs) if differs.any() else Box(0, 0, 0, 0)
        self._done.append(_Step(box, _side(self.scene, box), _side(scene, box)))
        self._undone.clear()
        self.scene = scene

    def undo(self) -> Scene:
        """Take the last change back and give the scene before it.

        Raises:
            ValueError: there is none.
        """
        if not self._done:
            raise ValueError("undo: found no change to take back")
        step = self._done.pop()
        self._undone.append(step)
        self.scene = _restored(self.scene, step.box, step.before)
        return self.scene

    def redo(self) -> Scene:
        """Make the last undone change again and give the scene after it.

        Raises:
            ValueError: there is none.
        """
        if not self._undone:
            raise ValueError("redo: found no change to make again")
        step = self._undone.pop()
        self._done.append(step)
        self.scene = _restored(self.scene, step.box, step.after)
        return self.scene


def _side(scene: Scene, box: Box) -> _Side:
    others = {field.name: getattr(scene, field.name) for field in fields(scene) if field.name != "instance"}
    return _Side(zlib.compress(scene.instance[box.window].tobytes(), level=1), others)


def _restored(scene: Scene, box: Box, side: _Side) -> Scene:
    instance_HW: NDArray[np.int32] = scene.instance.copy()
    height, width = box.bottom - box.top, box.right - box.left
    instance_HW[box.window] = np.frombuffer(zlib.decompress(side.ids), dtype=np.int32).reshape(height, width)
    return replace(scene, instance=instance_HW, **side.others)
