"""The model that is served, and the holder in which a newer one takes its place.

Shapes: H x W pixels, M instances of a picture, F style dimension.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.inference import Bundle, BundleError, StyleEncoder, Synthesizer
from components.inference.editing import Scene
from components.inference.samples import Samples


@dataclass(frozen=True, eq=False)
class ServedModel:
    """All that serves one bundle; made by `load`.

    Attributes:
        name: that it goes by.
        version: of the registry, where it comes from there.
        digest: the first 12 digits of the hash of `bundle.json`, which has the hashes of all other files.
        synthesizer: the generator.
        encoder: of photos, where the bundle has one.
        samples: its sample scenes and masks of objects.
        kept: pictures that were made once, such as thumbnails, by what they show.
    """

    name: str
    version: str | None
    digest: str
    synthesizer: Synthesizer
    encoder: StyleEncoder | None
    samples: Samples
    kept: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def load(
        cls,
        folder: Path | str,
        *,
        name: str | None = None,
        version: str | None = None,
        precision: str = "auto",
        threads: int | None = None,
    ) -> "ServedModel":
        """Load a bundle.

        Args:
            folder: of the bundle.
            name: that it goes by; None takes the folder's.
            version: of the registry.
            precision: as of `Synthesizer`.
            threads: as of `Synthesizer`.

        Raises:
            BundleError: the bundle is damaged.
            ValueError: it lacks the precision.
        """
        synthesizer = Synthesizer(folder, precision=precision, threads=threads)
        bundle = synthesizer.bundle
        return cls(
            name=name or Path(folder).resolve().name,
            version=version,
            digest=hashlib.sha256((bundle.folder / "bundle.json").read_bytes()).hexdigest()[:12],
            synthesizer=synthesizer,
            encoder=StyleEncoder(folder, threads=threads) if bundle.encoder else None,
            samples=Samples.load(bundle),
        )

    @property
    def bundle(self) -> Bundle:
        """What the bundle says of itself."""
        return self.synthesizer.bundle

    @cached_property
    def has_instances(self) -> tuple[bool, ...]:
        """Of each class whether its objects have ids of their own."""
        return tuple(each.has_instances for each in self.bundle.classes)

    def inputs_of(self, scene: Scene) -> dict[str, NDArray[Any]]:
        """Give what the model takes of a scene, without the axis N."""
        label: NDArray[np.uint8] = scene.label if "label" in self.bundle.inputs else np.zeros(0, np.uint8)
        arrays: dict[str, NDArray[Any]] = {"label": label, "instance": scene.instance, "styles": scene.styles}
        return {name: arrays[name] for name in self.bundle.inputs}

    def self_test(self) -> None:
        """Make a picture at the size of the training pictures, and where there is an encoder, styles of it.

        Raises:
            BundleError: what comes out is not what a bundle promises.
        """
        height, width = self.bundle.trained_size
        halves = (np.arange(height * width).reshape(1, height, width) % width >= width // 2).astype(np.uint8)
        label = halves if self.bundle.class_count > 1 else np.zeros_like(halves)
        given: dict[str, NDArray[Any]] = {
            "label": label,
            "picture": np.repeat(halves[..., None] * np.uint8(255), 3, axis=-1),
            "instance": halves.astype(np.int32),
            "styles": np.zeros((1, 2, self.bundle.style_dimension), np.float32),
        }
        image = self.synthesizer.synthesize(**{name: given[name] for name in self.bundle.inputs})
        if image.dtype != np.uint8 or image.shape != (1, height, width, 3):
            raise BundleError(
                f"{self.bundle.folder}: found a picture of {image.dtype} {image.shape}, "
                f"expected uint8 (1, {height}, {width}, 3)"
            )
        if self.encoder is not None:
            styles = self.encoder.encode(image, given["instance"], label)
            if styles.shape != given["styles"].shape or not np.isfinite(styles).all():
                raise BundleError(
                    f"{self.bundle.folder}: found styles of shape {styles.shape} or not finite, "
                    f"expected finite ones of {given['styles'].shape}"
                )


class Served:
    """The holder of the model in use. A request takes `current` once, so that a change in its midst is none to it.

    Args:
        model: the first one, which has passed its self-test; None while there is none.

    Attributes:
        current: the model in use.
        refused: why a newer version was not taken; None where none was refused since the last change.
        switches: how often a model took the place of another one.
        refusals: how often one was refused.
    """

    def __init__(self, model: ServedModel | None = None) -> None:
        self.current = model
        self.refused: str | None = None
        self.switches = 0
        self.refusals = 0

    def swap(self, model: ServedModel) -> None:
        """Serve another model, which has passed its self-test, from the next request on."""
        self.switches += self.current is not None
        self.current, self.refused = model, None

    def refuse(self, reason: str) -> None:
        """Keep the model in use, and say why a newer one was not taken."""
        self.refusals += 1
        self.refused = reason
