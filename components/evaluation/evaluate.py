"""Scores of a set of images under the evaluator.

Shapes: B pictures, C classes, H x W full resolution; images are (H, W, 3) uint8.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from components.data.draws import batches_in_order
from components.data.encoding import to_signed_unit
from components.data.loader import Batch, BatchMaker
from components.evaluation.scores import confusion_matrix
from components.evaluation.segmenter import Segmenter
from components.progress import track_progress

Images = Callable[[Batch], Tensor]  # a batch to the images (B, 3, H, W) in [-1, 1] that are scored for it
BATCH_SIZE = 8


def photos(batch: Batch) -> Tensor:
    """The real photos: their scores are the oracle's."""
    return batch.image


def named_images(read: Callable[[str], NDArray[np.uint8]]) -> Images:
    """Images read by the names of a batch's pictures.

    Args:
        read: a name to its pixels (H, W, 3) uint8.
    """

    def images(batch: Batch) -> Tensor:
        pixels = np.stack([read(name) for name in batch.names])
        return to_signed_unit(torch.from_numpy(pixels)).to(batch.image.device)

    return images


def confusion_of(segmenter: Segmenter, maker: BatchMaker, images: Images, fabric: Fabric) -> Tensor:
    """The evaluator's confusion matrix (C, C) over all pictures of a split."""
    segmenter.to(fabric.device).eval()
    count = len(segmenter.classes)
    confusion = torch.zeros(count, count, dtype=torch.int64)
    total = len(batches_in_order(maker.store.index, BATCH_SIZE))
    for batch in track_progress(maker.in_order(BATCH_SIZE), total=total, label="scoring"):
        assert batch.label is not None, "segmentation is scored against label maps"
        with fabric.autocast():
            predicted = segmenter.predict(images(batch))
        confusion += confusion_matrix(predicted, batch.label, segmenter.classes)
    return confusion


def mean_absolute_difference(maker: BatchMaker, images: Images) -> float:
    """Mean distance of images to the real photos of the same pictures, in grey levels 0..255."""
    differences: Sequence[Tensor] = [
        (images(batch) - batch.image).abs().mean(dim=(1, 2, 3)).cpu() * 127.5 for batch in maker.in_order(BATCH_SIZE)
    ]
    return float(torch.cat(list(differences)).mean())
