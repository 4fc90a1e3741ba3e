"""What int8 is calibrated on and judged by: training maps, and the segmenter's score on the validation set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from components.data.loader import BatchMaker
from components.data.store import ShardStore
from components.evaluation.evaluate import confusion_of
from components.evaluation.scores import scores_of
from components.evaluation.segmenter import load_segmenter
from components.export.int8 import Int8Trial, served_images, training_maps
from components.inference import StyleBank
from pipelines.params import Params


def int8_trial(
    shards: Path, segmenter: Path, styles: Mapping[str, Any], inputs: Sequence[str], params: Params, fabric: Fabric
) -> Int8Trial | None:
    """The trial of a model that takes label maps; None without classes, where nothing is scored.

    Args:
        shards: of both splits.
        segmenter: the evaluator that was trained for them.
        styles: the content of `styles.json`.
        inputs: names of the graph's inputs.
        params: all parameters.
        fabric: the device of the evaluator.
    """
    stores = {name: ShardStore(shards / name) for name in ("train", "val")}
    classes = stores["val"].index.classes
    if not classes:
        return None
    train, val = (BatchMaker(store, scale=1, use_boundary_map=False, device=fabric.device) for store in stores.values())
    bank = StyleBank.from_document(styles, len(classes), "styles.json")
    seed = params.synthesize.seed

    def mean_iou(graph: Path) -> float:
        images = served_images(graph, bank, seed=seed)
        return scores_of(confusion_of(load_segmenter(segmenter, classes), val, images, fabric), classes).mean_iou

    return Int8Trial(training_maps(train, bank, inputs, count=params.export.calibration_maps, seed=seed), mean_iou)
