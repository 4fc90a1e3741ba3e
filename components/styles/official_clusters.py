"""The styles that the published `encode_features.py` clusters, read without running what their pickle may hold.

Shapes: K styles of a class, F feature channels.
"""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.styles.cluster import ClassStyles

MAGIC = b"\x93NUMPY"


class _Dtype:
    """Takes what a pickle says of a `numpy.dtype`."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code = code

    def __setstate__(self, state: Any) -> None:
        self.byte_order = state[1]


class _Array:
    """Takes what a pickle says of an array: `numpy.ndarray` trusts its state, and a damaged one ends the process."""

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.dtype, self.is_fortran, self.data = state

    def numbers(self) -> NDArray[np.float32]:
        if self.dtype.code not in ("f4", "f8") or self.dtype.byte_order not in ("<", ">"):
            raise ValueError(f"numbers of type {self.dtype.code!r:.20}, expected f4 or f8")
        data = self.data.encode("latin1") if isinstance(self.data, str) else self.data  # text where Python 2 wrote it
        flat = np.frombuffer(data, np.dtype(self.dtype.byte_order + self.dtype.code))
        return flat.reshape(self.shape, order="F" if self.is_fortran else "C").astype(np.float32)


class _ArrayUnpickler(pickle.Unpickler):
    """Reads arrays, and refuses every other class and function."""

    KNOWN = {
        "numpy.core.multiarray._reconstruct": lambda *_: _Array(),
        "numpy._core.multiarray._reconstruct": lambda *_: _Array(),
        "numpy.ndarray": _Array,
        "numpy.dtype": _Dtype,
        "_codecs.encode": lambda text, _: text.encode("latin1"),  # bytes, as old pickles spell them
    }

    def find_class(self, module: str, name: str) -> Any:
        wanted = f"{module}.{name}"
        if wanted not in self.KNOWN:
            raise pickle.UnpicklingError(f"{wanted}, where only arrays are read")
        return self.KNOWN[wanted]


def read_official_clusters(path: Path, *, dimension: int, class_count: int) -> dict[int, ClassStyles]:
    """Read `features_clustered_*.npy`: a dict of class index to styles (K, F).

    The published code draws each style of a class with the same probability, so every count is 1.

    Args:
        path: the file.
        dimension: F of the model.
        class_count: of the model.

    Raises:
        ValueError: naming the file, where it is no such dict, or holds anything but arrays.
    """
    try:
        clusters = {index: array.numbers() for index, array in _unpickle(path.read_bytes()).items()}
    except (
        *(ValueError, TypeError, AttributeError, LookupError),
        *(pickle.UnpicklingError, EOFError, OverflowError, MemoryError),
    ) as error:
        raise ValueError(f"{path}: expected a dict of arrays as numpy saves it, found {error}") from error
    if not clusters:
        raise ValueError(f"{path}: expected the styles of at least one class, found none")
    for index, centres in clusters.items():
        if not isinstance(index, int) or not 0 <= index < class_count:
            raise ValueError(f"{path}: found class {index!r:.20}, expected classes 0..{class_count - 1}")
        if centres.ndim != 2 or not len(centres) or centres.shape[1] != dimension:
            raise ValueError(f"{path}: class {index}: found shape {centres.shape}, expected (K, {dimension})")
        if not np.isfinite(centres).all():
            raise ValueError(f"{path}: class {index}: found NaN or infinity, expected finite numbers")
    return {index: ClassStyles(centres, np.ones(len(centres), np.int64)) for index, centres in clusters.items()}


def _unpickle(content: bytes) -> dict[Any, _Array]:
    """The dict that is the only element of the file's array."""
    if not content.startswith(MAGIC):
        raise ValueError("a file of another kind")
    length_bytes = 2 if content[6] == 1 else 4  # by the version of the format
    start = 8 + length_bytes + int.from_bytes(content[8 : 8 + length_bytes], "little")
    (clusters,) = _ArrayUnpickler(io.BytesIO(content[start:]), encoding="latin1").load().data
    return dict(clusters)
