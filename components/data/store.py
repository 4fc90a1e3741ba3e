"""Memory-mapped tensor shards of a preprocessed split.

A shard is a safetensors file of n pictures of one size:
label (n, H, W) uint8 or condition (n, H, W, 3) uint8; instance (n, H, W) with ids 0..M-1 in each picture, of the
smallest type of INSTANCE_TYPES that holds them; boundary (n, H, ceil(W / 8)) uint8 packed bits; image (n, H, W, 3)
uint8.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from components.config import Config
from components.data.dataset import ClassInfo, Split

INDEX_FILE = "index.json"
INSTANCE_TYPES = (np.uint8, np.int16, np.int32)  # torch computes little with the other unsigned ones
_TYPE_NAMES = {np.dtype(np.uint8): "U8", np.dtype(np.int16): "I16", np.dtype(np.int32): "I32"}
Sample = dict[str, NDArray[np.generic]]  # one picture: the tensors of a shard without their first axis
Size = tuple[int, int]  # H, W in pixels
Window = tuple[slice, slice]  # rows and columns of a picture


class Shard(Config):
    """A file of pictures of one size.

    Attributes:
        file: its name.
        count: n, the number of pictures.
        height: H in pixels.
        width: W in pixels.
    """

    file: str
    count: int
    height: int
    width: int


class SplitIndex(Config):
    """What a split's `index.json` says.

    Attributes:
        split: `train` or `val`.
        classes: the classes; none for RGB conditions.
        instance_maps: whether the dataset had instance maps.
        fingerprint: SHA-256 of this split's source data.
        names: the pictures' names in order.
        instance_ids: for each picture, the dataset's own id of each dense id 0..M-1.
        shards: where the pictures are, in order.
    """

    split: Split
    classes: tuple[ClassInfo, ...]
    instance_maps: bool
    fingerprint: str
    names: tuple[str, ...]
    instance_ids: tuple[tuple[int, ...], ...]
    shards: tuple[Shard, ...]

    @cached_property
    def sizes(self) -> tuple[Size, ...]:
        """Height and width of each picture."""
        return tuple((shard.height, shard.width) for shard in self.shards for _ in range(shard.count))

    @property
    def height(self) -> int:
        """H of the most frequent size."""
        return self._commonest_size[0]

    @property
    def width(self) -> int:
        """W of the most frequent size."""
        return self._commonest_size[1]

    @cached_property
    def _commonest_size(self) -> Size:
        return Counter(self.sizes).most_common(1)[0][0]

    def size(self, position: int) -> Size:
        """Height and width of a picture."""
        return self.sizes[position]


def cut_into_shards(sizes: Sequence[Size], shard_size: int) -> tuple[Shard, ...]:
    """Decide which pictures share a shard: at most `shard_size` that follow one another and have one size."""
    counts = [
        (size, min(shard_size, len(run) - start))
        for size, run in ((size, list(run)) for size, run in groupby(sizes))
        for start in range(0, len(run), shard_size)
    ]
    return tuple(
        Shard(file=f"shard-{number:05d}.safetensors", count=count, height=height, width=width)
        for number, ((height, width), count) in enumerate(counts)
    )


class ShardFile:
    """A shard that is written picture by picture, each to its place: none is held in memory.

    The bytes are those that safetensors writes of all of them at once.
    """

    def __init__(self, file: BinaryIO, count: int) -> None:
        """Write `count` pictures into an empty file; see `open_shard`."""
        self._file = file
        self._count = count
        self._rows = 0
        self._places: dict[str, int] = {}  # where the first picture's part of each tensor begins

    def add(self, sample: Sample) -> None:
        """Write the next picture; all have the same tensors."""
        if not self._places:
            self._begin(sample)
        for key, place in self._places.items():
            self._file.seek(place + self._rows * sample[key].nbytes)
            self._file.write(np.ascontiguousarray(sample[key]).data)
        self._rows += 1

    def _begin(self, sample: Sample) -> None:
        header: dict[str, dict[str, object]] = {}
        begins: dict[str, int] = {}
        end = 0
        # As safetensors does, the widest type first: every tensor begins at a multiple of its type's size.
        for key, value in sorted(sample.items(), key=lambda item: (-item[1].itemsize, item[0])):
            begins[key], end = end, end + self._count * value.nbytes
            shape = [self._count, *value.shape]
            header[key] = {"dtype": _TYPE_NAMES[value.dtype], "shape": shape, "data_offsets": [begins[key], end]}
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        self._file.write(len(text).to_bytes(8, "little") + text)
        self._places = {key: 8 + len(text) + begin for key, begin in begins.items()}


@contextmanager
def open_shard(path: Path, count: int) -> Iterator[ShardFile]:
    """Write a shard of `count` pictures.

    Raises:
        OSError: naming the shard, where the disk is full.
    """
    try:
        with path.open("wb") as file:
            yield ShardFile(file, count)
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


class ShardStore:
    """Random access to the pictures of a split; what is read comes through the page cache."""

    def __init__(self, folder: Path) -> None:
        """Map the shards of `folder`.

        Raises:
            ValueError: where the index is missing or not one, or a shard is missing, unreadable or of another shape.
        """
        path = folder / INDEX_FILE
        try:
            self.index = SplitIndex.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise ValueError(f"{path}: expected the index of a preprocessed split, found {error}") from error
        self._shards = [_open_shard(folder, shard) for shard in self.index.shards]
        self._places = [(number, row) for number, shard in enumerate(self.index.shards) for row in range(shard.count)]

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self._places)

    def read(self, positions: Sequence[int], windows: Sequence[Window] | None = None) -> Sample:
        """Read pictures, stacked along a first axis.

        Args:
            positions: at least one.
            windows: which part of each picture to read, all of one size; None reads whole pictures. A part has no
                `boundary`: an edge to pixels outside of it is none.

        Raises:
            ValueError: where whole pictures are of several sizes.
        """
        if windows is None and len({self.index.size(position) for position in positions}) > 1:
            found = [f"{self.index.names[p]} ({' x '.join(map(str, self.index.size(p)))})" for p in positions]
            raise ValueError(f"{self.index.split}: expected pictures of one size, found {', '.join(found)}")
        parts = windows or [(slice(None), slice(None))] * len(positions)
        places = [self._places[position] for position in positions]
        keys = set(self._shards[places[0][0]].keys()) - ({"boundary"} if windows else set())
        return {
            key: np.stack(
                [
                    self._shards[number].get_slice(key)[row, rows, columns].numpy()
                    for (number, row), (rows, columns) in zip(places, parts, strict=True)
                ]
            )
            for key in sorted(keys)
        }

    def instance_count(self, positions: Iterable[int]) -> int:
        """The largest number M of instances in any of these pictures."""
        return max(len(self.index.instance_ids[position]) for position in positions)

    def __iter__(self) -> Iterator[Sample]:
        """Every picture in order, without a first axis."""
        for position in range(len(self)):
            yield {key: value[0] for key, value in self.read([position]).items()}


def _open_shard(folder: Path, shard: Shard) -> safe_open:
    """Map a shard. Opened for torch its slices are views of the map, copied once and outside the interpreter lock."""
    path = folder / shard.file
    try:
        opened = safe_open(path, framework="pt")
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path}: expected a shard of {shard.count} pictures, found {error}") from error
    found = tuple(opened.get_slice("image").get_shape()[:3])
    expected = (shard.count, shard.height, shard.width)
    if found != expected:
        raise ValueError(f"{path}: expected pictures of shape (n, H, W) = {expected}, found {found}")
    return opened
