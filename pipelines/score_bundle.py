"""Scores and pictures of serving bundles on the present validation set, as their consumers would run them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from PIL import Image

from components import fingerprint
from components.data.draws import Draw
from components.data.encoding import to_bytes, to_signed_unit
from components.data.loader import Batch, BatchMaker
from components.data.pictures import condition_pictures, grid, spread_positions
from components.data.store import ShardStore
from components.evaluation.config import EvaluateConfig
from components.evaluation.evaluate import confusions_of
from components.evaluation.scores import score_estimates
from components.evaluation.segmenter import load_segmenter
from components.inference import Synthesizer
from pipelines.bundle_scores import BundleScores

STYLE_SEED = 0  # of the first picture, and counted on


def score_bundle(bundle: Path, shards: Path, segmenter: Path, config: EvaluateConfig) -> BundleScores | None:
    """Synthesize a validation set through ONNX Runtime and score it.

    Args:
        bundle: the serving bundle.
        shards: the preprocessed validation split.
        segmenter: the evaluator that was trained for it.
        config: how confidence intervals are made.

    Returns:
        None where neither bundle nor validation set has classes: there is nothing to score then.

    Raises:
        ValueError: where the bundle was made for other classes.
    """
    store = ShardStore(shards)
    classes = store.index.classes
    synthesizer = Synthesizer(bundle)
    expected = [each.name for each in classes]
    found = [each.name for each in synthesizer.bundle.classes]
    if not expected and not found:
        return None
    if found != expected:
        raise ValueError(f"{bundle}: has the classes {found}, the validation set {expected}")
    fabric = Fabric(accelerator="cpu", devices=1)
    maker = BatchMaker(store, scale=1, use_boundary_map=False, device=fabric.device)
    seeds = count(STYLE_SEED)

    def images(batch: Batch) -> torch.Tensor:
        return to_signed_unit(torch.from_numpy(_synthesize(synthesizer, batch, seeds)))

    evaluator = load_segmenter(segmenter, classes)
    confusions = confusions_of(evaluator, maker, images, fabric, band=config.boundary_band)
    scores = score_estimates(confusions.everywhere, classes, config.bootstrap)
    return BundleScores(
        pixel_accuracy=scores.overall("pixel_accuracy"),
        mean_iou=scores.overall("mean_iou"),
        class_iou={name: scores.of_class("class_iou", name) for name in scores.value.class_iou},
    )


def scoring_key(shards: Path, segmenter: Path, config: EvaluateConfig) -> str:
    """Fingerprint of all that the scores of a bundle depend on beside the bundle."""
    return fingerprint.of_values(
        {
            "validation": ShardStore(shards).index.fingerprint,
            "segmenter": fingerprint.of_files(segmenter, "*"),
            "bootstrap": asdict(config.bootstrap),
            "code": fingerprint.of_code(("data", "evaluation", "inference")),
        }
    )


def write_comparison(path: Path, bundles: Sequence[Path], shards: Path, *, rows: int) -> None:
    """Write a PNG of pictures spread over a validation set, a row each: condition, each bundle's picture, photo.

    Args:
        path: of the PNG.
        bundles: serving bundles of the validation set's classes, or for RGB conditions where it has none.
        shards: the preprocessed validation split.
        rows: pictures to show at most.
    """
    store = ShardStore(shards)
    synthesizers = [Synthesizer(bundle) for bundle in bundles]
    maker = BatchMaker(store, scale=1, use_boundary_map=False, device=torch.device("cpu"))
    lines = []
    for position in spread_positions(len(store), rows):
        batch = maker.make([Draw(position)])
        (condition,) = condition_pictures(batch, store.index.classes)
        pictures = [_synthesize(each, batch, count(STYLE_SEED + position))[0] for each in synthesizers]
        lines.append([condition, *pictures, to_bytes(batch.image)[0].numpy()])
    Image.fromarray(grid(lines)).save(path)


def _synthesize(synthesizer: Synthesizer, batch: Batch, seeds: Iterator[int]) -> NDArray[np.uint8]:
    """Images (B, H, W, 3) uint8; one picture at a time, since each has its own number of instances."""
    images = []
    for number in range(len(batch.names)):
        inputs = _inputs(synthesizer, batch, number, next(seeds))
        images.append(synthesizer.synthesize(**{name: inputs[name][None] for name in synthesizer.bundle.inputs})[0])
    return np.stack(images)


def _inputs(synthesizer: Synthesizer, batch: Batch, number: int, seed: int) -> dict[str, NDArray[Any]]:
    """What the graph may take for a picture; without classes there are no styles to draw, and zeros stand for them."""
    instance = batch.instance[number].numpy().astype(np.int32)
    bundle = synthesizer.bundle
    if batch.label is None:
        picture = to_bytes(batch.condition[number : number + 1, :3])[0].numpy()
        styles = np.zeros((instance.max() + 1, bundle.style_dimension), np.float32)
        return {"picture": picture, "instance": instance, "styles": styles}
    label = batch.label[number].numpy()
    return {"label": label, "instance": instance, "styles": bundle.style_bank.sample(label, instance, seed)}
