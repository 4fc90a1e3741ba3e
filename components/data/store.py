"""Memory-mapped tensor shards of a preprocessed split.

A shard is a safetensors file of n pictures:
label (n, H, W) uint8 or condition (n, H, W, 3) uint8; instance (n, H, W) int32 with ids 0..M-1 in each
picture; boundary (n, H, ceil(W / 8)) uint8 packed bits; image (n, H, W, 3) uint8.
"""

from collections.abc import Iterable, Iterator
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


class SplitIndex(Config):
    """What a split's `index.json` says.

    Attributes:
        split: `train` or `val`.
        height: H in pixels.
        width: W in pixels.
        classes: the classes; none for RGB conditions.
        instance_maps: whether the dataset had instance maps.
        fingerprint: SHA-256 of this split's source data.
        names: the pictures' names in order.
        instance_ids: for each picture, the dataset's own id of each dense id 0..M-1.
        shards: file name and number of pictures of each shard, in order.
    """

    split: Split
    height: int
    width: int
    classes: tuple[ClassInfo, ...]
    instance_maps: bool
    fingerprint: str
    names: tuple[str, ...]
    instance_ids: tuple[tuple[int, ...], ...]
    shards: tuple[tuple[str, int], ...]


def write_shard(path: Path, samples: Iterable[Sample]) -> int:
    """Write one shard and give its number of pictures."""
    stacked = list(samples)
    save_file({key: np.stack([sample[key] for sample in stacked]) for key in stacked[0]}, path)
    return len(stacked)


class ShardStore:
    """Random access to the pictures of a split; what is read comes through the page cache."""

    def __init__(self, folder: Path) -> None:
        """Map the shards of `folder`.

        Raises:
            ValueError: where the index is missing or not one, or a shard is missing or unreadable.
        """
        path = folder / INDEX_FILE
        try:
            self.index = SplitIndex.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise ValueError(f"{path}: expected the index of a preprocessed split, found {error}") from error
        self._shards = []
        self._places: list[tuple[int, int]] = []
        for number, (name, count) in enumerate(self.index.shards):
            try:
                self._shards.append(safe_open(folder / name, framework="numpy"))
            except (OSError, SafetensorError) as error:
                raise ValueError(f"{folder / name}: expected a shard of {count} pictures, found {error}") from error
            found = self._shards[-1].get_slice("image").get_shape()[0]
            if found != count:
                raise ValueError(f"{folder / name}: expected {count} pictures, found {found}")
            self._places += [(number, row) for row in range(count)]

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self._places)

    def read(self, positions: Iterable[int]) -> Sample:
        """Read pictures, stacked along a first axis."""
        rows: dict[str, list[NDArray[np.generic]]] = {}
        for position in positions:
            shard_number, row = self._places[position]
            shard = self._shards[shard_number]
            keys: list[str] = shard.keys()
            for key in keys:
                rows.setdefault(key, []).append(shard.get_slice(key)[row : row + 1])
        return {key: np.concatenate(parts) for key, parts in rows.items()}

    def instance_count(self, positions: Iterable[int]) -> int:
        """The largest number M of instances in any of these pictures."""
        return max(len(self.index.instance_ids[position]) for position in positions)

    def __iter__(self) -> Iterator[Sample]:
        """Every picture in order, without a first axis."""
        for position in range(len(self)):
            yield {key: value[0] for key, value in self.read([position]).items()}
