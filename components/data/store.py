"""Memory-mapped tensor shards of a preprocessed split.

A shard is a safetensors file of n pictures of one size:
label (n, H, W) uint8 or condition (n, H, W, 3) uint8; instance (n, H, W) int32 with ids 0..M-1 in each
picture; boundary (n, H, ceil(W / 8)) uint8 packed bits; image (n, H, W, 3) uint8.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from components.config import Config
from components.data.dataset import ClassInfo, Split

INDEX_FILE = "index.json"
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


class ShardWriter:
    """Writes pictures into shards, in order; a picture of another size than the one before starts a new shard."""

    def __init__(self, folder: Path, shard_size: int) -> None:
        """Write into `folder`, at most `shard_size` pictures a shard; one shard is held in memory."""
        self._folder = folder
        self._shard_size = shard_size
        self._pending: list[Sample] = []
        self._shards: list[Shard] = []

    def add(self, sample: Sample) -> None:
        """Write a picture, at once or with those that follow."""
        pending = self._pending
        if pending and (len(pending) == self._shard_size or pending[0]["image"].shape != sample["image"].shape):
            self._flush()
        self._pending.append(sample)

    def finish(self) -> tuple[Shard, ...]:
        """Write what is left and give all shards."""
        if self._pending:
            self._flush()
        return tuple(self._shards)

    def _flush(self) -> None:
        name = f"shard-{len(self._shards):05d}.safetensors"
        first = self._pending[0]
        save_file({key: np.stack([sample[key] for sample in self._pending]) for key in first}, self._folder / name)
        height, width = first["image"].shape[:2]
        self._shards.append(Shard(file=name, count=len(self._pending), height=height, width=width))
        self._pending = []


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
