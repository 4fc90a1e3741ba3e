"""Operations on a scene as JSON; each is done by the function of `components.inference.editing` of its name."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from components.inference import editing
from components.inference.editing import Scene
from deploy.server.documents import ClassIndex, Document, InstanceId, Seed, Style, float32
from deploy.server.limits import LARGEST_IDS
from deploy.server.masks import Bitmap, Course, Mask, Offset

_Class = Annotated[ClassIndex, Field(alias="class")]
_Fill = Annotated[ClassIndex | None, Field(description="the class that fills the hole; null leaves it to neighbours")]


class Paint(Document):
    """Give pixels to a new object, an existing one, or the region of a class without instances."""

    do: Literal["paint"]
    mask: Mask
    class_index: _Class
    instance: InstanceId | None = None
    style: Style | None = None

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        pixels = self.mask.pixels(scene, course)
        return editing.paint(scene, pixels, self.class_index, self.instance, _optional_style(self.style))


class Erase(Document):
    """Take pixels from an object."""

    do: Literal["erase"]
    instance: InstanceId
    mask: Mask
    fill: _Fill = None

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        return editing.erase(scene, self.instance, self.mask.pixels(scene, course), self.fill)


class AddObject(Document):
    """Add an object from a bitmap."""

    do: Literal["add_object"]
    mask: Bitmap
    class_index: _Class
    style: Style | None = None

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        own, style = self.mask.own_pixels(course), _optional_style(self.style)
        return editing.add_object(scene, own, self.class_index, self.mask.top, self.mask.left, style)


class Remove(Document):
    """Remove an object."""

    do: Literal["remove"]
    instance: InstanceId
    fill: _Fill = None

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        return editing.remove(scene, self.instance, self.fill)


class Move(Document):
    """Move an object by pixels."""

    do: Literal["move"]
    instance: InstanceId
    down: Offset
    right: Offset
    fill: _Fill = None

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        return editing.move(scene, self.instance, self.down, self.right, self.fill)


class Scale(Document):
    """Scale an object about its middle."""

    do: Literal["scale"]
    instance: InstanceId
    factor: Annotated[float, Field(ge=0.001, le=1000)]
    fill: _Fill = None

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        return editing.scale(scene, self.instance, self.factor, self.fill)


class Duplicate(Document):
    """Lay a copy of an object beside it."""

    do: Literal["duplicate"]
    instance: InstanceId
    down: Offset
    right: Offset

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        return editing.duplicate(scene, self.instance, self.down, self.right)


class ChangeClass(Document):
    """Make an object one of another class."""

    do: Literal["change_class"]
    instance: InstanceId
    class_index: _Class

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        return editing.change_class(scene, self.instance, self.class_index)


class Merge(Document):
    """Make one object of several of one class."""

    do: Literal["merge"]
    instances: Annotated[list[InstanceId], Field(min_length=2, max_length=LARGEST_IDS)]

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        return editing.merge(scene, self.instances)


class Split(Document):
    """Make an object of the pixels that a mask has of another."""

    do: Literal["split"]
    instance: InstanceId
    mask: Mask

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        return editing.split(scene, self.instance, self.mask.pixels(scene, course))


class SplitConnected(Document):
    """Make an object of each part of one that hangs together."""

    do: Literal["split_connected"]
    instance: InstanceId

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        return editing.split_connected(scene, self.instance)


class SetStyle(Document):
    """Give an object a style."""

    do: Literal["set_style"]
    instance: InstanceId
    style: Style

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        return editing.set_style(scene, self.instance, _style(self.style))


class SetClassStyle(Document):
    """Give all objects of a class one style."""

    do: Literal["set_class_style"]
    class_index: _Class
    style: Style

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        return editing.set_class_style(scene, self.class_index, _style(self.style))


class DrawStyles(Document):
    """Draw the styles of all objects, or of some, anew."""

    do: Literal["draw_styles"]
    seed: Seed
    instances: Annotated[list[InstanceId], Field(max_length=65536)] | None = None

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        return editing.draw_styles(scene, self.seed, self.instances)


class Compact(Document):
    """Number the objects anew and drop those without pixels."""

    do: Literal["compact"]

    def apply(self, scene: Scene, course: Course) -> Scene:
        """Do it."""
        return editing.compact(scene)


Operation = Annotated[
    Paint
    | Erase
    | AddObject
    | Remove
    | Move
    | Scale
    | Duplicate
    | ChangeClass
    | Merge
    | Split
    | SplitConnected
    | SetStyle
    | SetClassStyle
    | DrawStyles
    | Compact,
    Field(discriminator="do"),
]


def apply_operations(scene: Scene, operations: Sequence[Operation], course: Course) -> Scene:
    """Do operations one after the other.

    Raises:
        ValueError: one cannot be done, or they or the ids that they leave are too many; it names the operation.
    """
    if len(operations) > course.limits.operations:
        raise ValueError(f"operations: found {len(operations)}, expected at most {course.limits.operations}")
    for index, operation in enumerate(operations):
        course.check()
        try:
            scene = operation.apply(scene, course)
            course.limits.check_instances("scene (compact drops those without pixels)", len(scene.classes))
        except ValueError as error:
            raise ValueError(f"operations.{index} ({operation.do}): {error}") from error
    return scene


def _style(style: Style) -> editing.Style:
    return style if isinstance(style, int) else float32("style", style)


def _optional_style(style: Style | None) -> editing.Style | None:
    return None if style is None else _style(style)
