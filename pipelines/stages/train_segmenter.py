"""Stage `train_segmenter`: PSPNet on the real training photos, and its scores on the real validation photos."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from typer import Option

from components import fingerprint
from components.atomic import atomic_folder
from components.checkpoint import CheckpointFolder
from components.data.loader import BatchMaker
from components.data.store import INDEX_FILE, ShardStore
from components.evaluation.evaluate import confusion_of, photos
from components.evaluation.scores import scores_of
from components.evaluation.segmenter_training import train_segmenter
from components.runtime import start
from pipelines.entry import run_entry_point
from pipelines.params import Params, load_params
from pipelines.tracking import StageRun, start_run


def main(
    shards: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
    state: Annotated[Path, Option(help="kept between runs: an interrupted stage goes on from it")],
) -> None:
    """Write the evaluator and `oracle.json`, its scores on real photos; for a dataset without classes, a note."""
    params = load_params()
    train, val = ShardStore(shards / "train"), ShardStore(shards / "val")
    sections = params.model_dump(mode="json", include={"runtime", "train_segmenter"})
    depends_on = {
        "params": sections,
        "data": fingerprint.of_file(shards / "train" / INDEX_FILE),
        "code": fingerprint.of_code(["data", "evaluation"]),
    }
    checkpoints = CheckpointFolder(state, fingerprint.of_values(depends_on), keep=params.progress.keep_checkpoints)
    with (
        start_run("train_segmenter", sections, train.index.fingerprint, resume_file=checkpoints.run_file) as run,
        atomic_folder(out, durable=True) as folder,
    ):
        if train.index.classes:
            _train_and_score(params, train, val, checkpoints, run, folder)
        else:
            (folder / "oracle.json").write_text(json.dumps({"no_segmenter": "the dataset has no classes"}))
    checkpoints.finish()


def _train_and_score(
    params: Params, train: ShardStore, val: ShardStore, checkpoints: CheckpointFolder, run: StageRun, folder: Path
) -> None:
    fabric = start(params.runtime)
    makers = [BatchMaker(store, scale=1, use_boundary_map=False, device=fabric.device) for store in (train, val)]
    segmenter = train_segmenter(
        makers[0],
        params.train_segmenter,
        fabric,
        checkpoints=checkpoints,
        checkpoint_seconds=params.progress.checkpoint_seconds,
        report=lambda loss, epoch: run.log_metrics({"cross_entropy": loss}, step=epoch),
    )
    segmenter.save(folder)
    oracle = scores_of(confusion_of(segmenter, makers[1], photos, fabric), val.index.classes)
    (folder / "oracle.json").write_text(json.dumps(asdict(oracle), indent=1))
    overall = ("mean_iou", "pixel_accuracy", "frequency_weighted_iou")
    run.log_score({f"oracle_{name}": getattr(oracle, name) for name in overall})


if __name__ == "__main__":
    run_entry_point(main)
