"""Pictures from id maps and styles, by ONNX Runtime.

Shapes: N pictures, H and W pixels, M instances of a picture (ids 0..M-1), F style dimension, C classes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.inference.bundle import FLOAT32, Bundle
from components.inference.inputs import check_inputs
from components.inference.providers import CPU, Choice, choose
from components.inference.session import Session
from components.inference.tensorrt import tensorrt_options

AUTO = "auto"
FLOAT16 = "float16"


class Synthesizer:
    """A loaded model. It keeps no state between calls, and several threads may share it.

    Args:
        folder: the serving bundle.
        precision: of the bundle's graphs, such as `float32`; `auto` takes float16 on a GPU, if there is one, else
            float32.
        threads: how many threads a call may use; None takes one a core.
        providers: ONNX Runtime's execution providers, best first; None takes CUDA where it works, else the CPU.

    Raises:
        BundleError: the bundle is damaged, or its graph has other inputs than it says.
        ValueError: the bundle lacks the precision, `threads` is below 1, or a provider that was asked for does not
            work here.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        precision: str = FLOAT32,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
    ) -> None:
        self.bundle = Bundle.load(folder)
        choice = choose(providers)
        self.precision = _pick(self.bundle, precision, on_gpu=choice.names[0] != CPU)
        self._session = self._open(choice, threads)
        if precision == AUTO and self.precision != FLOAT32 and not self._session.on_gpu:
            self.precision = FLOAT32  # the CPU stood in for a GPU
            self._session = self._open(choice, threads)

    def _open(self, choice: Choice, threads: int | None) -> Session:
        graph = self.bundle.graphs[self.precision]
        options = tensorrt_options(self.bundle, graph)
        return Session(self.bundle.verified(graph.file), self.bundle.inputs, choice, threads=threads, tensorrt=options)

    @property
    def providers(self) -> tuple[str, ...]:
        """The execution providers in use, best first."""
        return self._session.providers

    def report(self) -> str:
        """Say which graph runs on what, and why not on better: a line each."""
        return f"precision {self.precision}, {self._session.report()}"

    def warm_up(self, height: int | None = None, width: int | None = None) -> None:
        """Make a picture that nobody sees: the first of a size also takes memory and, on a GPU, picks algorithms.

        Args:
            height: in pixels; None takes that of the training pictures.
            width: likewise.

        Raises:
            ValueError: the bundle does not allow this size.
        """
        size = (1, height or self.bundle.trained_size[0], width or self.bundle.trained_size[1])
        arrays: dict[str, NDArray[Any]] = {
            "label": np.zeros(size, np.uint8),
            "picture": np.zeros((*size, 3), np.uint8),
            "instance": np.zeros(size, np.int32),
            "styles": np.zeros((1, 1, self.bundle.style_dimension), np.float32),
        }
        self.synthesize(**{name: arrays[name] for name in self.bundle.inputs})

    def synthesize(self, **inputs: NDArray[Any]) -> NDArray[np.uint8]:
        """Make pictures; the keyword arguments are the inputs that the bundle names.

        Args:
            inputs: of `label` uint8 [N,H,W] (0..C-1), `picture` uint8 [N,H,W,3], `instance` int32 [N,H,W]
                (0..M-1 in each picture) and `styles` float32 [N,M,F].

        Returns:
            uint8 [N,H,W,3], RGB.

        Raises:
            ValueError: an input is missing, unknown, or has a wrong dtype, shape or value.
        """
        check_inputs(self.bundle, self.bundle.inputs, inputs)
        return self._session.run(inputs)


def _pick(bundle: Bundle, precision: str, *, on_gpu: bool) -> str:
    if precision == AUTO:
        return FLOAT16 if on_gpu and FLOAT16 in bundle.graphs else FLOAT32
    if precision not in bundle.graphs:
        why = f" ({precision} was left out: {bundle.left_out[precision]})" if precision in bundle.left_out else ""
        raise ValueError(f"precision: found {precision!r}, expected {AUTO!r} or one of {list(bundle.graphs)}{why}")
    return precision
