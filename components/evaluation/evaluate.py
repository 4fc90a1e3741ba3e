"""What the evaluator and plain differences say of each picture of a set.

Shapes: N pictures, B of them in a batch, C classes, H x W full resolution; images are (H, W, 3) uint8.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from components.data.draws import batches_in_order
from components.data.encoding import to_signed_unit
from components.data.loader import Batch, BatchMaker
from components.evaluation.boundary import boundary_band
from components.evaluation.scores import confusion_matrices
from components.evaluation.segmenter import Segmenter
from components.progress import track_progress

Images = Callable[[Batch], Tensor]  # a batch to the images (B, 3, H, W) in [-1, 1] that are scored for it
ReadPicture = Callable[[str], NDArray[np.uint8]]  # a picture's name to its pixels (H, W, 3)
BATCH_SIZE = 8


@dataclass(frozen=True)
class Confusions:
    """Confusion matrices (N, C, C) int32 of each picture.

    Attributes:
        everywhere: of all its pixels.
        near_boundaries: of those in the band around instance boundaries.
    """

    everywhere: Tensor
    near_boundaries: Tensor


def photos(batch: Batch) -> Tensor:
    """The real photos: their scores are the oracle's."""
    return batch.image


def named_images(read: ReadPicture) -> Images:
    """Images read by the names of a batch's pictures."""

    def images(batch: Batch) -> Tensor:
        pixels = np.stack([read(name) for name in batch.names])
        return to_signed_unit(torch.from_numpy(pixels)).to(batch.image.device)

    return images


def confusions_of(segmenter: Segmenter, maker: BatchMaker, images: Images, fabric: Fabric, *, band: int) -> Confusions:
    """The evaluator's confusion matrices over all pictures of a split; `band` is the half-width in pixels."""
    everywhere, near_boundaries = [], []
    for batch, label, predicted in _predictions(segmenter, maker, images, fabric):
        everywhere.append(confusion_matrices(predicted, label, segmenter.classes))
        near = boundary_band(batch.instance, band)
        near_boundaries.append(confusion_matrices(predicted, label, segmenter.classes, where=near))
    return Confusions(torch.cat(everywhere), torch.cat(near_boundaries))


def confusion_of(segmenter: Segmenter, maker: BatchMaker, images: Images, fabric: Fabric) -> Tensor:
    """The evaluator's confusion matrix (C, C) over all pictures of a split."""
    count = len(segmenter.classes)
    total = torch.zeros(count, count, dtype=torch.int64)
    for _, label, predicted in _predictions(segmenter, maker, images, fabric):
        total += confusion_matrices(predicted, label, segmenter.classes).sum(0)
    return total


def absolute_differences(maker: BatchMaker, images: Images) -> NDArray[np.float64]:
    """Mean distance (N,) of each image to the real photo of the same picture, in grey levels 0..255."""
    differences = [
        (images(batch) - batch.image).abs().mean(dim=(1, 2, 3)).cpu() * 127.5 for batch in maker.in_order(BATCH_SIZE)
    ]
    return torch.cat(differences).double().numpy()


def _predictions(
    segmenter: Segmenter, maker: BatchMaker, images: Images, fabric: Fabric
) -> Iterator[tuple[Batch, Tensor, Tensor]]:
    """Yield each batch with its label maps and the classes that the evaluator predicts, both (B, H, W)."""
    segmenter.to(fabric.device).eval()
    total = len(batches_in_order(maker.store.index, BATCH_SIZE))
    for batch in track_progress(maker.in_order(BATCH_SIZE), total=total, label="scoring"):
        assert batch.label is not None, "segmentation is scored against label maps"
        with fabric.autocast():
            predicted = segmenter.predict(images(batch))
        yield batch, batch.label, predicted
