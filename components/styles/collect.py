"""Encoder features of every training instance (Wang et al. 2018, Sec. 3.4).

Shapes: n instances in all, F feature channels.
"""

from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray

from components.data.draws import batches_in_order
from components.data.loader import Batch, BatchMaker
from components.models.networks import Networks
from components.progress import track_progress


@dataclass(frozen=True)
class InstanceStyles:
    """One row an instance.

    Attributes:
        vectors: (n, F) float32, its style.
        class_index: (n,) int64, the class of most of its pixels.
        area: (n,) float64, its share of the picture.
        picture: (n,) int64, the position of its picture in the split.
        instance: (n,) int64, its id 0..M-1 in the picture.
    """

    vectors: NDArray[np.float32]
    class_index: NDArray[np.int64]
    area: NDArray[np.float64]
    picture: NDArray[np.int64]
    instance: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of instances."""
        return len(self.vectors)


def collect_styles(networks: Networks, maker: BatchMaker, fabric: Fabric, *, batch_size: int) -> InstanceStyles:
    """Run the encoder over a split, in one pass; or take the features that were precomputed.

    Args:
        networks: with features.
        maker: of the split, at the networks' scale.
        fabric: the device.
        batch_size: pictures at a time.
    """
    networks.to(fabric.device).eval()
    parts = []
    total = len(batches_in_order(maker.store.index, batch_size))
    for batch in track_progress(maker.in_order(batch_size), total=total, label="collecting styles"):
        with torch.no_grad(), fabric.autocast():
            vectors = networks.styles(batch)  # (B, M, F)
        assert vectors is not None, "only a model with features has styles to collect"
        parts.append(_rows(batch, vectors.float().cpu().numpy()))
    return InstanceStyles(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def _rows(batch: Batch, vectors: NDArray[np.float32]) -> InstanceStyles:
    assert batch.label is not None, "styles belong to classes"
    count, classes = batch.instance_count, int(batch.label.max()) + 1
    pixels = batch.label[0].numel()
    offsets = torch.arange(len(vectors), device=batch.label.device).view(-1, 1, 1) * count
    pairs = (batch.instance + offsets) * classes + batch.label
    table = torch.bincount(pairs.flatten(), minlength=len(vectors) * count * classes).view(-1, count, classes)
    areas = table.sum(2).cpu().numpy()  # (B, M) pixels
    picture, instance = np.nonzero(areas)
    return InstanceStyles(
        vectors=vectors[picture, instance],
        class_index=table.argmax(2).cpu().numpy()[picture, instance],
        area=areas[picture, instance] / pixels,
        picture=np.array(batch.positions)[picture],
        instance=instance,
    )
