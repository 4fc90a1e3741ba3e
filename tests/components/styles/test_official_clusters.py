import contextlib
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.styles.official_clusters import read_official_clusters

CLUSTERS = {7: np.array([[0.5, -0.25, 1.0], [0.0, 0.125, -1.0]]), 26: np.array([[0.75, 0.5, 0.25]])}


def _object_array(content: Any) -> np.ndarray:
    array = np.empty((), dtype=object)
    array[()] = content
    return array


def _write(path: Path, dump: Callable[[io.BytesIO], None]) -> Path:
    """A file of numpy's format whose array of one object is pickled by `dump`."""
    header = "{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    header = header.ljust(117) + "\n"
    file = io.BytesIO()
    file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
    dump(file)
    path.write_bytes(file.getvalue())
    return path


def _read(path: Path) -> dict[int, Any]:
    return read_official_clusters(path, dimension=3, class_count=35)


def _is_clusters(read: dict[int, Any]) -> bool:
    assert [styles.centres.dtype for styles in read.values()] == [np.float32] * 2
    assert [styles.counts.tolist() for styles in read.values()] == [[1, 1], [1]]
    return read.keys() == CLUSTERS.keys() and all(np.array_equal(read[k].centres, CLUSTERS[k]) for k in CLUSTERS)


def test_what_numpy_saved_is_read_with_every_style_as_frequent_as_the_others(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", _object_array(CLUSTERS))
    assert _is_clusters(_read(tmp_path / "x.npy"))


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_pickles_of_every_age_are_read(protocol: int, tmp_path: Path) -> None:
    path = _write(tmp_path / "x.npy", lambda file: pickle.dump(_object_array(CLUSTERS), file, protocol=protocol))
    assert _is_clusters(_read(path))


class _Python2Pickler(pickle._Pickler):
    """Writes bytes as Python 2 wrote its strings: below 256 of them, opcode U and their number."""

    def save_text(self, content: bytes) -> None:
        self.write(b"U" + bytes([len(content)]) + content)  # type: ignore[attr-defined]
        self.memoize(content)  # type: ignore[attr-defined]

    dispatch = pickle._Pickler.dispatch | {bytes: save_text}  # type: ignore[assignment]


def test_arrays_of_python_2_hold_their_bytes_as_text(tmp_path: Path) -> None:
    array = _object_array(CLUSTERS)
    path = _write(tmp_path / "x.npy", lambda file: _Python2Pickler(file, protocol=2).dump(array))
    assert b"_codecs" not in path.read_bytes()
    assert _is_clusters(_read(path))


def test_arrays_of_either_byte_order_and_layout_are_read(tmp_path: Path) -> None:
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "x.npy", _object_array({0: np.asfortranarray(rows), 1: rows.astype(">f4")}))
    for styles in _read(tmp_path / "x.npy").values():
        np.testing.assert_array_equal(styles.centres, rows)


class _Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_file_that_runs_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", _object_array({7: _Touch(tmp_path / "ran")}))
    with pytest.raises(ValueError, match=r"x\.npy: expected a dict of arrays .*found \S+, where only arrays are read"):
        _read(tmp_path / "x.npy")
    assert not (tmp_path / "ran").exists()
    np.load(tmp_path / "x.npy", allow_pickle=True)
    assert (tmp_path / "ran").exists(), "the file of this test runs nothing"


def test_a_damaged_state_of_an_array_ends_in_a_message_and_not_the_process(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", _object_array(CLUSTERS))
    whole = (tmp_path / "x.npy").read_bytes()
    refused = 0
    for position in range(128, len(whole)):
        (tmp_path / "x.npy").write_bytes(whole[:position] + b"\x00" + whole[position + 1 :])
        with contextlib.suppress(ValueError):
            _read(tmp_path / "x.npy")
            continue
        refused += 1
    assert 100 < refused < len(whole) - 128


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({}, "styles of at least one class, found none"),
        ({35: np.zeros((1, 3))}, r"found class 35, expected classes 0\.\.34"),
        ({"road": np.zeros((1, 3))}, "found class 'road'"),
        ({7: np.zeros((2, 4))}, r"class 7: found shape \(2, 4\), expected \(K, 3\)"),
        ({7: np.zeros((0, 3))}, r"class 7: found shape \(0, 3\)"),
        ({7: np.array([[np.nan, 0, 0]])}, "class 7: found NaN"),
        ({7: np.zeros((1, 3), int)}, "numbers of type 'i8', expected f4 or f8"),
        ({7: [0.0, 0.0, 0.0]}, "expected a dict of arrays"),
        ([1, 2], "expected a dict of arrays"),
    ],
)
def test_what_does_not_fit_the_model_is_named(content: Any, found: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", _object_array(content))
    with pytest.raises(ValueError, match=rf"x\.npy: .*{found}"):
        _read(tmp_path / "x.npy")


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x93NUMPY", b"\x93NUMPY\x01\x00\x76\x00"])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.npy: expected a dict of arrays as numpy saves it, found \w"):
        _read(tmp_path / "x.npy")
