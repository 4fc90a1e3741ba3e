"""Pictures from id maps and styles, by ONNX Runtime.

Shapes: N pictures, H and W pixels, M instances of a picture (ids 0..M-1), F style dimension, C classes.
"""

import contextlib
import ctypes
import io
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from components.inference.bundle import Bundle, BundleError

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

_log = logging.getLogger(__name__)
_SHAPES = {"label": "[N,H,W]", "picture": "[N,H,W,3]", "instance": "[N,H,W]", "styles": "[N,M,F]"}
_DTYPES = {"label": "uint8", "picture": "uint8", "instance": "int32", "styles": "float32"}


class Synthesizer:
    """A loaded model. It keeps no state between calls, and several threads may share it.

    Args:
        folder: the serving bundle.
        threads: how many threads one call may use; None leaves it to ONNX Runtime (one a core).
        providers: ONNX Runtime's execution providers, best first; None takes CUDA where it works, else the CPU.

    Raises:
        BundleError: the bundle is damaged, or its graph has other inputs than it says.
        ValueError: `threads` is below 1, or a provider that was asked for does not work here.
    """

    def __init__(self, folder: Path | str, threads: int | None = None, providers: Sequence[str] | None = None) -> None:
        self.bundle = Bundle.load(folder)
        options = onnxruntime.SessionOptions()
        if threads is not None:
            if threads < 1:
                raise ValueError(f"threads: found {threads}, expected 1 or more")
            options.intra_op_num_threads = threads
        available = onnxruntime.get_available_providers()
        missing = [name for name in providers or () if name not in available]
        if missing:
            raise ValueError(f"providers: found {missing}, expected some of {available}")
        wanted = list(providers) if providers else _default_providers()
        self._session = onnxruntime.InferenceSession(self.bundle.graph, options, providers=wanted)
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        if self.providers[0] != wanted[0]:
            if providers:
                raise ValueError(f"providers: found {self.providers} working here, expected {wanted[0]}")
            _log.warning("%s does not work here; using %s", wanted[0], self.providers[0])
        graph_inputs = {entry.name for entry in self._session.get_inputs()}
        if graph_inputs != set(self.bundle.inputs):
            raise BundleError(
                f"{self.bundle.graph}: found inputs {sorted(graph_inputs)}, expected {sorted(self.bundle.inputs)}"
            )

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
        self._check(inputs)
        (image_NHW3,) = self._session.run(["image"], inputs)
        return np.asarray(image_NHW3)

    def _check(self, inputs: dict[str, NDArray[Any]]) -> None:
        if set(inputs) != set(self.bundle.inputs):
            raise ValueError(f"inputs: found {sorted(inputs)}, expected {sorted(self.bundle.inputs)}")
        for name, array in inputs.items():
            if not isinstance(array, np.ndarray) or array.dtype != _DTYPES[name]:
                found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
                raise ValueError(f"{name}: found {found}, expected an array of {_DTYPES[name]}")
            if array.ndim != _SHAPES[name].count(",") + 1 or (name == "picture" and array.shape[3] != 3):
                raise ValueError(f"{name}: found shape {array.shape}, expected {_SHAPES[name]}")
        maps = {name: array.shape[:3] for name, array in inputs.items() if name != "styles"}
        first, (pictures, height, width) = next(iter(maps.items()))
        for name, shape in maps.items():
            if shape != maps[first]:
                raise ValueError(f"{name}: found {shape} for N, H, W, expected {maps[first]}, those of {first}")
        multiple = self.bundle.size_multiple
        if not pictures or not height or not width or height % multiple or width % multiple:
            raise ValueError(
                f"{first}: found {pictures} pictures of {height}x{width} (HxW), "
                f"expected 1 or more of multiples of {multiple}"
            )
        self._check_values(inputs)

    def _check_values(self, inputs: dict[str, NDArray[Any]]) -> None:
        if "label" in inputs and inputs["label"].max() >= self.bundle.class_count:
            raise ValueError(f"label: found {inputs['label'].max()}, expected 0..{self.bundle.class_count - 1}")
        instance, styles = inputs.get("instance"), inputs.get("styles")
        if instance is not None and instance.min() < 0:
            raise ValueError(f"instance: found id {instance.min()}, expected 0 or more")
        if styles is None:
            return
        pictures, features = len(next(iter(inputs.values()))), self.bundle.style_dimension
        if styles.shape[0] != pictures or styles.shape[2] != features:
            raise ValueError(f"styles: found shape {styles.shape}, expected ({pictures}, M, {features})")
        if instance is not None and instance.max() >= styles.shape[1]:
            raise ValueError(
                f"instance: found id {instance.max()}, expected 0..{styles.shape[1] - 1}, the rows of styles"
            )
        if not np.isfinite(styles).all():
            raise ValueError("styles: found NaN or infinity, expected finite numbers")


def _default_providers() -> list[str]:
    """Take CUDA where a device answers: a build for GPUs lists it everywhere, and complains where there is none."""
    if CUDA not in onnxruntime.get_available_providers() or not _has_cuda_device():
        return [CPU]
    with contextlib.redirect_stdout(io.StringIO()):  # what it cannot load, the session reports
        onnxruntime.preload_dlls()
    return [CUDA, CPU]


def _has_cuda_device() -> bool:
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
