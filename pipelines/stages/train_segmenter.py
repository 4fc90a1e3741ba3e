"""Stage `train_segmenter`: PSPNet on the real training photos, and its scores on the real validation photos."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from typer import Option

from components.atomic import atomic_folder
from components.data.loader import BatchMaker
from components.data.store import ShardStore
from components.evaluation.evaluate import confusion_of, photos
from components.evaluation.scores import scores_of
from components.evaluation.segmenter import train_segmenter
from components.runtime import start
from pipelines.entry import run_entry_point
from pipelines.params import load_params
from pipelines.tracking import start_run


def main(shards: Annotated[Path, Option()], out: Annotated[Path, Option()]) -> None:
    """Write the evaluator and `oracle.json`, its scores on real photos; for a dataset without classes, a note."""
    params = load_params()
    train, val = ShardStore(shards / "train"), ShardStore(shards / "val")
    fabric = start(params.runtime)
    with (
        start_run("train_segmenter", params.train_segmenter.model_dump(mode="json"), train.index.fingerprint) as run,
        atomic_folder(out) as folder,
    ):
        if not train.index.classes:
            (folder / "oracle.json").write_text(json.dumps({"no_segmenter": "the dataset has no classes"}))
            return
        makers = [BatchMaker(store, scale=1, use_boundary_map=False, device=fabric.device) for store in (train, val)]
        segmenter = train_segmenter(makers[0], params.train_segmenter, fabric)
        segmenter.save(folder)
        oracle = scores_of(confusion_of(segmenter, makers[1], photos, fabric), val.index.classes)
        (folder / "oracle.json").write_text(json.dumps(asdict(oracle), indent=1))
        run.log_score({"oracle_pixel_accuracy": oracle.pixel_accuracy, "oracle_mean_iou": oracle.mean_iou})


if __name__ == "__main__":
    run_entry_point(main)
