"""The styles that clustering found for each class, and the draw of a style for each instance.

Shapes: F style dimension, K styles of a class, M instances of a picture (ids 0..M-1), C classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

DrawnFor = Literal["instance", "class"]


@dataclass(frozen=True)
class StyleExample:
    """The training instance that is nearest to a style.

    Attributes:
        picture: the picture's name.
        instance: the dataset's own id.
    """

    picture: str
    instance: int


@dataclass(frozen=True)
class StyleBank:
    """The style bank of a model.

    Attributes:
        dimension: F; 0 where the model takes no styles.
        styles: float32 [K, F] of each class index that has any.
        counts: int64 [K] of the same classes: how many training instances each style stands for.
        drawn_for: what has a style of its own in a picture: each `instance`, or, where the model was trained on
            features of label regions, each `class`.
        spread: float32 [K] of the classes where it is known: the root mean square distance of the instances to the
            style that stands for them.
        examples: K training instances, of the classes where they are known.
    """

    dimension: int
    styles: Mapping[int, NDArray[np.float32]]
    counts: Mapping[int, NDArray[np.int64]]
    drawn_for: DrawnFor = "instance"
    spread: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)
    examples: Mapping[int, tuple[StyleExample, ...]] = field(default_factory=dict)

    @classmethod
    def from_document(cls, document: Any, class_count: int, source: str) -> "StyleBank":
        """Read the parsed content of a `styles.json`.

        Args:
            document: `{"dimension": F, "drawn_for": "instance", "classes": {index: {"name", "styles": [[F floats]],
                "counts": [int], "spread": [float], "examples": [{"picture": name, "instance": id}]}}}`; spread and
                examples may be missing; a bank that does not say what it is drawn for is drawn for instances.
            class_count: C of the model the bank belongs to.
            source: the file's name, for errors.

        Raises:
            ValueError: a field is missing, a class is not in 0..C-1, or styles and counts do not fit.
        """
        try:
            dimension, classes = int(document["dimension"]), document["classes"]
            styles = {int(index): np.asarray(entry["styles"], dtype=np.float32) for index, entry in classes.items()}
            counts = {int(index): np.asarray(entry["counts"], dtype=np.int64) for index, entry in classes.items()}
            spread = {index: np.asarray(each, np.float32) for index, each in _optional(classes, "spread").items()}
            examples = {
                index: tuple(StyleExample(str(each["picture"]), int(each["instance"])) for each in found)
                for index, found in _optional(classes, "examples").items()
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            expected = "expected `dimension` and `classes`, each with `styles` and `counts`"
            raise ValueError(f"{source}: found {error!r}, {expected}") from error
        drawn_for = document.get("drawn_for", "instance")
        if drawn_for not in get_args(DrawnFor):
            raise ValueError(f"{source}: found drawn_for {drawn_for!r}, expected one of {get_args(DrawnFor)}")
        for index in styles:
            if not 0 <= index < class_count:
                raise ValueError(f"{source}: found class {index}, expected one of the {class_count}, counted from 0")
            shape, of_counts = styles[index].shape, counts[index].shape
            if len(of_counts) != 1 or not of_counts[0] or shape != (of_counts[0], dimension):
                raise ValueError(
                    f"{source}: class {index}: found styles of shape {shape} and counts of shape {of_counts}, "
                    f"expected [K, {dimension}] and [K]"
                )
            if counts[index].min() < 1:
                raise ValueError(
                    f"{source}: class {index}: found counts {counts[index].tolist()}, expected 1 or more each"
                )
            for name, values in (("spread", spread.get(index)), ("examples", examples.get(index))):
                shape = of_counts if values is None else np.asarray(values).shape
                if shape != of_counts:
                    raise ValueError(f"{source}: class {index}: found {name} of shape {shape}, expected {of_counts}")
        return cls(dimension, styles, counts, drawn_for, spread, examples)

    def style(self, class_index: int, k: int) -> NDArray[np.float32]:
        """Give style `k` of a class, float32 [F].

        Raises:
            ValueError: the bank has no such class or style.
        """
        known = self.styles.get(class_index)
        if known is None:
            raise ValueError(f"class {class_index} has no styles, expected one of {sorted(self.styles)}")
        if not 0 <= k < len(known):
            raise ValueError(f"style {k} of class {class_index}: expected 0..{len(known) - 1}")
        return np.array(known[k])

    def interpolate(self, class_index: int, first: int, second: int, share: float) -> NDArray[np.float32]:
        """Give a style between two of a class, float32 [F]: `first` at share 0, `second` at share 1.

        Raises:
            ValueError: the bank has no such class or style, or the share is not in 0..1.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"share {share} of style {second} of class {class_index}: expected 0..1")
        ends = self.style(class_index, first), self.style(class_index, second)
        return ((1 - share) * ends[0].astype(np.float64) + share * ends[1]).astype(np.float32)

    def of_picture(
        self, label_HW: NDArray[np.uint8], instance_HW: NDArray[np.int32], styles_MF: NDArray[np.float32]
    ) -> "StyleBank":
        """Give a bank that draws from the styles of another picture.

        Each class that the picture has takes the styles of its instances there, each drawn as often as the others; the
        other classes keep the styles of this bank.

        Args:
            label_HW: class indices of the other picture.
            instance_HW: its ids 0..M-1.
            styles_MF: the styles of its instances, as the encoder gives them.

        Raises:
            ValueError: maps and styles do not fit.
        """
        class_of = _class_of_each_instance(label_HW, instance_HW)  # [M]
        if styles_MF.shape != (len(class_of), self.dimension):
            raise ValueError(
                f"found styles of shape {styles_MF.shape}, expected ({len(class_of)}, {self.dimension}): "
                "a row for each id of the instance map"
            )
        present = np.unique(class_of[class_of >= 0]).tolist()
        taken = {index: styles_MF[class_of == index].astype(np.float32) for index in present}
        ones = {index: np.ones(len(rows), np.int64) for index, rows in taken.items()}
        return StyleBank(self.dimension, {**self.styles, **taken}, {**self.counts, **ones}, self.drawn_for)

    def sample(
        self,
        label_HW: NDArray[np.uint8],
        instance_HW: NDArray[np.int32],
        seed: int,
        chosen: Mapping[int, NDArray[np.float32]] | None = None,
    ) -> NDArray[np.float32]:
        """Draw a style of its class for each instance, with probability proportional to the counts.

        The class of an instance is the commonest label of its pixels. A draw depends on the seed and the
        instance id (or the class, where that has the style) alone, so an edit of one instance leaves the others as
        they are, and it is the same on every machine: of numpy's random numbers only the raw bit stream is promised
        to stay.

        Args:
            label_HW: class indices.
            instance_HW: ids 0..M-1.
            seed: 0 or more.
            chosen: by class index the style [F] that all its instances have, in place of a drawn one.

        Returns:
            float32 [M, F]: row i for id i; zeros where the bank has no style for its class or no pixel has the id.

        Raises:
            ValueError: the maps differ in shape, an id or the seed is negative, or a chosen style has another length.
        """
        if seed < 0:
            raise ValueError(f"seed {seed}: expected 0 or more")
        chosen = chosen or {}
        for class_index, style in chosen.items():
            if np.shape(style) != (self.dimension,):
                raise ValueError(
                    f"class {class_index}: found a style of shape {np.shape(style)}, expected ({self.dimension},)"
                )
        class_of = _class_of_each_instance(label_HW, instance_HW)  # [M]
        drawn = np.zeros((len(class_of), self.dimension), dtype=np.float32)
        for instance, class_index in enumerate(class_of.tolist()):
            if class_index in chosen:
                drawn[instance] = chosen[class_index]
            elif class_index in self.styles:
                cumulative = self.counts[class_index].cumsum()
                drawn_by = instance if self.drawn_for == "instance" else class_index
                ticket = int(np.random.PCG64((seed, drawn_by)).random_raw()) % int(cumulative[-1])
                drawn[instance] = self.styles[class_index][np.searchsorted(cumulative, ticket, side="right")]
        return drawn


def _optional(classes: Mapping[str, Any], name: str) -> dict[int, Any]:
    """Give the content of a field by class index, of the classes that have it."""
    return {int(index): entry[name] for index, entry in classes.items() if name in entry}


def _class_of_each_instance(label_HW: NDArray[np.uint8], instance_HW: NDArray[np.int32]) -> NDArray[np.int64]:
    """Give the commonest label of each id 0..M-1 (the lowest of equals), -1 for an id without pixels; int64 [M].

    Raises:
        ValueError: the maps differ in shape or an id is negative.
    """
    if label_HW.shape != instance_HW.shape or label_HW.ndim != 2:
        raise ValueError(f"label {label_HW.shape} and instance {instance_HW.shape}: expected one shape [H, W]")
    if instance_HW.min(initial=0) < 0:
        raise ValueError(f"least instance id {instance_HW.min(initial=0)}: expected 0 or more")
    if not label_HW.size:
        return np.zeros(0, dtype=np.int64)
    labels = int(label_HW.max()) + 1
    instances = int(instance_HW.max()) + 1
    pixels = np.bincount(
        (instance_HW.astype(np.int64) * labels + label_HW).ravel(), minlength=instances * labels
    ).reshape(instances, labels)
    return np.where(pixels.any(axis=1), pixels.argmax(axis=1), -1)
