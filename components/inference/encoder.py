"""The styles of a photo's instances, by ONNX Runtime.

Shapes: N pictures, H and W pixels, M instances of a picture (ids 0..M-1), F style dimension.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.inference.bundle import Bundle, BundleError
from components.inference.inputs import check_inputs
from components.inference.providers import choose
from components.inference.session import Session


class StyleEncoder:
    """A bundle's loaded encoder. It keeps no state between calls, and several threads may share it.

    Args:
        folder: the serving bundle.
        threads: how many threads a call may use; None takes one a core.
        providers: ONNX Runtime's execution providers, best first; None takes CUDA where it works, else the CPU.

    Raises:
        BundleError: the bundle is damaged or has no encoder.
        ValueError: `threads` is below 1, or a provider that was asked for does not work here.
    """

    def __init__(
        self, folder: Path | str, *, threads: int | None = None, providers: Sequence[str] | None = None
    ) -> None:
        self.bundle = Bundle.load(folder)
        if self.bundle.encoder is None:
            raise BundleError(
                f"{self.bundle.folder / 'bundle.json'}: found no encoder, expected one for styles of photos"
            )
        self.inputs = self.bundle.encoder.inputs
        graph = self.bundle.verified(self.bundle.encoder.file)
        self._session = Session(graph, self.inputs, choose(providers), threads=threads)

    @property
    def providers(self) -> tuple[str, ...]:
        """The execution providers in use, best first."""
        return self._session.providers

    def report(self) -> str:
        """Say what the encoder runs on, and why not on better: a line each."""
        return self._session.report()

    def encode(
        self, image: NDArray[np.uint8], instance: NDArray[np.int32], label: NDArray[np.uint8] | None = None
    ) -> NDArray[np.float32]:
        """Give each instance's style.

        Args:
            image: photos, uint8 [N,H,W,3], RGB.
            instance: int32 [N,H,W], ids 0..M-1.
            label: class indices, uint8 [N,H,W]; only an encoder whose `inputs` name it needs and reads it.

        Returns:
            float32 [N,M,F]: row i for id i, zeros for an id without pixels in a picture. M is the largest id of all
            pictures and one.

        Raises:
            ValueError: an input is missing or has a wrong dtype, shape or value.
        """
        given: dict[str, NDArray[Any]] = {"image": image, "instance": instance}
        if "label" in self.inputs and label is not None:
            given["label"] = label
        check_inputs(self.bundle, self.inputs, given)
        return self._session.run(given)
