"""Batches from shards, with the tensors that the networks see made on the device.

Shapes: B pictures, C classes, H x W the size of the phase.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from components.data.batch_stream import BatchStream
from components.data.draws import CropConfig, Draw, batches_in_order
from components.data.encoding import boundary_map, check_labels, one_hot, to_signed_unit, unpack_bits
from components.data.precomputed import PrecomputedFeatures
from components.data.store import Sample, ShardStore
from components.data.transfer import DeviceCopier, Transfer


@dataclass(frozen=True)
class Batch:
    """Pictures on a device.

    Attributes:
        names: the pictures' names.
        positions: their places in the index.
        condition: (B, C + 1, H, W) one-hot label map (or RGB in [-1, 1]) and, where asked for, boundary map.
        image: (B, 3, H, W) in [-1, 1].
        label: (B, H, W) uint8; None for RGB conditions.
        instance: (B, H, W) int64 ids 0..M-1 of the whole picture; in a window not all of them occur.
        instance_count: M, the largest of the batch.
        styles: (B, M, F) precomputed features of the instances; None where there are none.
    """

    names: tuple[str, ...]
    positions: tuple[int, ...]
    condition: Tensor
    image: Tensor
    label: Tensor | None
    instance: Tensor
    instance_count: int
    styles: Tensor | None = None


@dataclass(frozen=True)
class Reading:
    """A batch as it was read: the tensors of a shard, stacked, on their way to the device."""

    positions: tuple[int, ...]
    width: int
    transfer: Transfer


class BatchMaker:
    """Makes batches of a split at one scale on one device."""

    def __init__(
        self,
        store: ShardStore,
        *,
        scale: int,
        use_boundary_map: bool,
        device: torch.device,
        crop: CropConfig | None = None,
        features: PrecomputedFeatures | None = None,
    ) -> None:
        """Choose what the batches hold.

        Args:
            store: the split.
            scale: by how much the pictures are made smaller than they are stored, a power of two.
            use_boundary_map: whether it is the condition's last channel.
            device: where the tensors are made.
            crop: the window that is taken of each picture, of which only that part is read; None takes it whole.
            features: of the split's instances, where they are precomputed.

        Raises:
            ValueError: where a boundary map of a dataset with neither classes nor instance maps is asked for, or a
                crop is no multiple of the scale.
        """
        if use_boundary_map and not store.index.classes and not store.index.instance_maps:
            raise ValueError("model.boundary_map: true needs instance maps or label maps; the dataset has neither")
        if crop is not None and (crop.height % scale or crop.width % scale):
            raise ValueError(f"crop: must be a multiple of {scale} at this scale, got {crop.height} x {crop.width}")
        self.store = store
        self.scale = scale
        self.use_boundary_map = use_boundary_map
        self.device = device
        self.crop = crop
        self.features = features
        self._copier = DeviceCopier(device)

    def make(self, draws: Sequence[Draw]) -> Batch:
        """Read pictures and expand them: one-hot and boundary map on the device."""
        return self.finish(self.read(draws))

    def stream(self, batches: Iterable[Sequence[Draw]]) -> BatchStream:
        """Make batches one after the other, the next ones read ahead in a thread; None where one has no pictures."""
        return BatchStream(self, batches)

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Every picture once, in the order of the index; a batch ends early where the size changes."""
        assert self.crop is None, "windows of pictures have no order"
        with self.stream(batches_in_order(self.store.index, batch_size)) as stream:
            yield from filter(None, stream)

    def read(self, draws: Sequence[Draw]) -> Reading:
        """The part of `make` that needs no device: read, mirror, check, and start the copy. Any thread may do it.

        Raises:
            ValueError: where pictures of several sizes are to be taken whole, or a label is not one of the classes.
        """
        positions = tuple(draw.position for draw in draws)
        windows = None
        if self.crop is not None:
            height, width = self.crop.height, self.crop.width
            windows = [(slice(d.top, d.top + height), slice(d.left, d.left + width)) for d in draws]
        sample = self.store.read(positions, windows)
        width = sample["image"].shape[2]
        if "label" in sample:
            check_labels(sample["label"], len(self.store.index.classes), self._names(positions))
        _mirror(sample, [row for row, draw in enumerate(draws) if draw.flipped], width)
        return Reading(positions, width, self._copier.send(sample))

    def finish(self, reading: Reading) -> Batch:
        """The part of `make` that the device does."""
        tensors = self._copier.receive(reading.transfer)
        instance = tensors["instance"][:, :: self.scale, :: self.scale]
        label = tensors["label"][:, :: self.scale, :: self.scale] if "label" in tensors else None
        edge = None
        if self.use_boundary_map:
            stored = self.scale == 1 and "boundary" in tensors
            edge = unpack_bits(tensors["boundary"], reading.width) if stored else boundary_map(instance)
        if label is None:
            picture = _shrink(to_signed_unit(tensors["condition"]), self.scale)
            condition = picture if edge is None else torch.cat([picture, edge], dim=1)
        else:
            condition = one_hot(label, len(self.store.index.classes), extra=edge)
        count = self.store.instance_count(reading.positions)
        styles = None if self.features is None else self.features.styles(reading.positions, count).to(self.device)
        return Batch(
            names=self._names(reading.positions),
            positions=reading.positions,
            condition=condition,
            image=_shrink(to_signed_unit(tensors["image"]), self.scale),
            label=label,
            instance=instance.long(),
            instance_count=count,
            styles=styles,
        )

    def _names(self, positions: Sequence[int]) -> tuple[str, ...]:
        return tuple(self.store.index.names[position] for position in positions)


def _mirror(sample: Sample, rows: Sequence[int], width: int) -> None:
    """Mirror the chosen pictures left to right, all their tensors alike."""
    for key, value in sample.items():
        for row in rows:
            if key == "boundary":
                bits = np.unpackbits(value[row].astype(np.uint8), axis=-1, count=width)
                value[row] = np.packbits(bits[:, ::-1], axis=-1)
            else:
                value[row] = value[row, :, ::-1]


def _shrink(image: Tensor, scale: int) -> Tensor:
    return image if scale == 1 else avg_pool2d(image, scale)
