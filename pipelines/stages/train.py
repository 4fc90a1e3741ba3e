"""Stages `train_global`, `train_local` and `finetune`: the phases of coarse-to-fine training."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from PIL import Image
from typer import Argument, Option

from components import fingerprint
from components.atomic import atomic_folder
from components.checkpoint import CheckpointFolder
from components.data.store import INDEX_FILE, ShardStore
from components.models.networks import load_networks
from components.runtime import start
from components.training.curves import write_curves
from components.training.phases import StageName, phases_of
from components.training.trainer import Trainer
from pipelines.entry import run_entry_point
from pipelines.params import load_params
from pipelines.recorder import RunRecorder
from pipelines.tracking import start_run


def main(
    stage: Annotated[StageName, Argument()],
    shards: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
    state: Annotated[Path, Option(help="kept between runs: an interrupted stage goes on from it")],
    before: Annotated[Path | None, Option(help="the stage whose networks this one starts from")] = None,
) -> None:
    """Train a stage and write its networks, loss curves and sample pictures into `out`."""
    params = load_params()
    train, val = ShardStore(shards / "train"), ShardStore(shards / "val")
    phases = phases_of(stage, params.model, len(train.index.classes), getattr(params, stage))
    sections = params.model_dump(mode="json", include={"model", "losses", "runtime", stage})
    features_file = params.model.features_file
    depends_on = {
        "params": sections,
        "data": fingerprint.of_file(shards / "train" / INDEX_FILE),
        "code": fingerprint.of_code(),
        "before": fingerprint.of_files(before, "*.safetensors") if before else None,
        "features": fingerprint.of_file(features_file) if features_file else None,
    }
    checkpoints = CheckpointFolder(state, fingerprint.of_values(depends_on), keep=params.progress.keep_checkpoints)
    fabric = start(params.runtime)
    recorded = start_run(stage, sections, train.index.fingerprint, resume_file=checkpoints.run_file)
    with recorded if fabric.is_global_zero else nullcontext() as run:
        trainer = Trainer(
            train=train,
            val=val,
            losses=params.losses,
            progress=params.progress,
            runtime=params.runtime,
            fabric=fabric,
            checkpoints=checkpoints,
            recorder=None if run is None else RunRecorder(run),
        )
        result = trainer.run(phases, load_networks(before, params.model) if before else None)
        if run is None:  # another process writes
            return
        with atomic_folder(out, durable=True) as folder:
            result.networks.save(folder)
            write_curves(folder / "curves.csv", result.history)
            Image.fromarray(trainer.sample_grid(result.networks)).save(folder / "samples.png")
        run.log_picture(out / "samples.png", "samples.png")
        checkpoints.finish()


if __name__ == "__main__":
    run_entry_point(main)
