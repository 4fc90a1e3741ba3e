"""Which of ONNX Runtime's execution providers runs a graph, and why no better one does."""

import contextlib
import ctypes
import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnxruntime

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
BEST_FIRST = (TENSORRT, CUDA, CPU)


@dataclass(frozen=True)
class Choice:
    """Providers for a session.

    Attributes:
        names: best first.
        asked: whether somebody asked for them, so that no other may stand in.
        unused: of each better one, why it is not among them.
    """

    names: tuple[str, ...]
    asked: bool
    unused: Mapping[str, str]


def choose(asked: Sequence[str] | None) -> Choice:
    """Choose the providers of a session.

    TensorRT runs only where it is asked for: it builds an engine for minutes before the first picture.

    Args:
        asked: names, best first; None takes CUDA where a device answers, else the CPU.

    Raises:
        ValueError: one that was asked for is unknown or has no device, naming what there is.
    """
    obstacles = {name: obstacle(name) for name in BEST_FIRST}
    working = [name for name in BEST_FIRST if obstacles[name] is None]
    if asked is not None:
        for name in asked:
            if name not in BEST_FIRST:
                raise ValueError(f"providers: found {name!r}, expected some of {list(BEST_FIRST)}")
            if obstacles[name] is not None:
                raise ValueError(f"providers: {name} does not work here: {obstacles[name]}; found {working}")
        if not asked:
            raise ValueError(f"providers: found none, expected some of {working}")
        names = tuple(asked)
    else:
        names = (CUDA, CPU) if CUDA in working else (CPU,)
    if names != (CPU,):
        with contextlib.redirect_stdout(io.StringIO()):  # what it cannot load, the session reports
            onnxruntime.preload_dlls()
    reasons = {TENSORRT: "not asked for; it builds an engine for minutes first", CUDA: "not asked for"}
    better = BEST_FIRST[: BEST_FIRST.index(names[0])]
    return Choice(names, asked is not None, {name: obstacles[name] or reasons[name] for name in better})


def obstacle(name: str) -> str | None:
    """Why a provider cannot work here, as far as is known before a session tries; None if nothing is known."""
    if name not in onnxruntime.get_available_providers():
        return "this build of ONNX Runtime does not have it"
    return None if name == CPU else _obstacle_of_cuda()


def _obstacle_of_cuda() -> str | None:
    """Ask the driver: a build for GPUs lists their providers everywhere, and complains where there is none."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return f"no NVIDIA driver ({library})"
    count = ctypes.c_int(0)
    if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0:
        return None
    return "the NVIDIA driver finds no device"
