"""Batches from shards, in a seeded order, with the tensors that the networks see made on the device.

Shapes: B pictures, C classes, H x W the size of the phase.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

from components.data.encoding import boundary_map, one_hot, to_signed_unit, unpack_bits
from components.data.store import Sample, ShardStore


@dataclass(frozen=True)
class Batch:
    """Pictures on a device.

    Attributes:
        names: the pictures' names.
        condition: (B, C + 1, H, W) one-hot label map (or RGB in [-1, 1]) and, where asked for, boundary map.
        image: (B, 3, H, W) in [-1, 1].
        label: (B, H, W) uint8; None for RGB conditions.
        instance: (B, H, W) int64 ids 0..M-1.
        instance_count: M, the largest of the batch.
    """

    names: tuple[str, ...]
    condition: Tensor
    image: Tensor
    label: Tensor | None
    instance: Tensor
    instance_count: int


@dataclass(frozen=True)
class EpochOrder:
    """In which order an epoch visits the pictures, and which of them it mirrors.

    Attributes:
        positions: (n,) int64, every position once.
        flipped: (n,) bool, in the order of `positions`.
    """

    positions: NDArray[np.int64]
    flipped: NDArray[np.bool_]


def epoch_order(count: int, *, seed: int, epoch: int, flip: bool) -> EpochOrder:
    """Draw an epoch's order; it depends on nothing but these values, so a resumed epoch has the same."""
    generator = np.random.default_rng([seed, epoch])
    positions = generator.permutation(count)
    flipped = generator.random(count) < 0.5
    return EpochOrder(positions, flipped & flip)


class BatchMaker:
    """Makes batches of a split at one scale on one device."""

    def __init__(self, store: ShardStore, *, scale: int, use_boundary_map: bool, device: torch.device) -> None:
        """Choose what the batches hold.

        Args:
            store: the split.
            scale: by how much the pictures are made smaller than they are stored, a power of two.
            use_boundary_map: whether it is the condition's last channel.
            device: where the tensors are made.

        Raises:
            ValueError: where a boundary map of a dataset with neither classes nor instance maps is asked for.
        """
        if use_boundary_map and not store.index.classes and not store.index.instance_maps:
            raise ValueError("model.boundary_map: true needs instance maps or label maps; the dataset has neither")
        self.store = store
        self.scale = scale
        self.use_boundary_map = use_boundary_map
        self.device = device

    def make(self, positions: Sequence[int], flipped: Sequence[bool] | None = None) -> Batch:
        """Read pictures and expand them: one-hot and boundary map on the device."""
        sample = self.store.read(positions)
        if flipped is not None:
            _mirror(sample, np.asarray(flipped), self.store.index.width)
        tensors = {key: torch.from_numpy(value).to(self.device, non_blocking=True) for key, value in sample.items()}
        instance = tensors["instance"][:, :: self.scale, :: self.scale]
        label = None
        if "label" in tensors:
            label = tensors["label"][:, :: self.scale, :: self.scale]
            condition = one_hot(label, len(self.store.index.classes))
        else:
            condition = _shrink(to_signed_unit(tensors["condition"]), self.scale)
        if self.use_boundary_map:
            stored = self.scale == 1
            edge = unpack_bits(tensors["boundary"], self.store.index.width) if stored else boundary_map(instance)
            condition = torch.cat([condition, edge], dim=1)
        return Batch(
            names=tuple(self.store.index.names[position] for position in positions),
            condition=condition,
            image=_shrink(to_signed_unit(tensors["image"]), self.scale),
            label=label,
            instance=instance.long(),
            instance_count=self.store.instance_count(positions),
        )

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Every picture once, in the order of the index."""
        for start in range(0, len(self.store), batch_size):
            yield self.make(range(start, min(start + batch_size, len(self.store))))

    def shuffled(self, order: EpochOrder, batch_size: int, *, first_batch: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `first_batch` on; the last may be smaller."""
        for start in range(first_batch * batch_size, len(order.positions), batch_size):
            part = slice(start, start + batch_size)
            yield self.make(order.positions[part].tolist(), order.flipped[part].tolist())


def _mirror(sample: Sample, flipped: NDArray[np.bool_], width: int) -> None:
    """Mirror the chosen pictures left to right, all their tensors alike."""
    for key, value in sample.items():
        if key == "boundary":
            bits = np.unpackbits(value[flipped].astype(np.uint8), axis=-1, count=width)
            value[flipped] = np.packbits(bits[:, :, ::-1], axis=-1)
        else:
            value[flipped] = value[flipped][:, :, ::-1]


def _shrink(image: Tensor, scale: int) -> Tensor:
    return image if scale == 1 else avg_pool2d(image, scale)
