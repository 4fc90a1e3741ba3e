"""Scores of a serving bundle on the present validation set, as its consumers would run it."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray

from components.data.encoding import to_signed_unit
from components.data.loader import Batch, BatchMaker
from components.data.store import ShardStore
from components.evaluation.evaluate import confusion_of
from components.evaluation.scores import scores_of
from components.evaluation.segmenter import load_segmenter
from components.inference import Synthesizer

STYLE_SEED = 0  # of the first picture, and counted on


def score_bundle(bundle: Path, shards: Path, segmenter: Path) -> dict[str, float]:
    """Synthesize a validation set through ONNX Runtime and score it.

    Args:
        bundle: the serving bundle.
        shards: the preprocessed validation split.
        segmenter: the evaluator that was trained for it.

    Returns:
        `mean_iou` and `pixel_accuracy`, in 0..1.

    Raises:
        ValueError: where the bundle was made for other classes or for RGB conditions.
    """
    store = ShardStore(shards)
    synthesizer = Synthesizer(bundle)
    expected = [each.name for each in store.index.classes]
    found = [each.name for each in synthesizer.bundle.classes]
    if not expected or found != expected:
        raise ValueError(f"{bundle}: has the classes {found}, the validation set {expected}")
    fabric = Fabric(accelerator="cpu", devices=1)
    maker = BatchMaker(store, scale=1, use_boundary_map=False, device=fabric.device)

    seeds = count(STYLE_SEED)

    def images(batch: Batch) -> torch.Tensor:
        return to_signed_unit(torch.from_numpy(_synthesize(synthesizer, batch, seeds)))

    scores = scores_of(
        confusion_of(load_segmenter(segmenter, store.index.classes), maker, images, fabric), store.index.classes
    )
    return {"mean_iou": scores.mean_iou, "pixel_accuracy": scores.pixel_accuracy}


def _synthesize(synthesizer: Synthesizer, batch: Batch, seeds: Iterator[int]) -> NDArray[np.uint8]:
    """Images (B, H, W, 3) uint8; one picture at a time, since each has its own number of instances."""
    assert batch.label is not None, "a dataset with classes has label maps"
    images = []
    for label, instance in zip(batch.label.numpy(), batch.instance.numpy().astype(np.int32), strict=True):
        inputs = {"label": label, "instance": instance}
        inputs["styles"] = synthesizer.bundle.style_bank.sample(label, instance, next(seeds))
        images.append(synthesizer.synthesize(**{name: inputs[name][None] for name in synthesizer.bundle.inputs})[0])
    return np.stack(images)
