"""Stage `export`: the serving bundle, checked against torch before the stage may succeed."""

import json
from pathlib import Path
from typing import Annotated

from typer import Option

from components import fingerprint
from components.atomic import atomic_folder
from components.data.store import ShardStore
from components.export.bundle import Lineage, write_bundle
from components.export.samples import samples_document
from components.export.serving import input_names
from components.models.networks import load_networks
from components.runtime import start
from components.styles.bank import BANK_FILE
from pipelines.entry import run_entry_point
from pipelines.int8_trial import int8_trial
from pipelines.params import load_params
from pipelines.tracking import start_run

TRAINED_BY = {"preprocess", "runtime", "model", "losses", "train_global", "train_local", "finetune", "cluster"}


def main(
    shards: Annotated[Path, Option()],
    segmenter: Annotated[Path, Option()],
    networks: Annotated[Path, Option()],
    styles: Annotated[Path, Option()],
    scores: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
) -> None:
    """Write the bundle: graphs, styles, classes, description and model card."""
    params = load_params()
    fabric = start(params.runtime)
    validation = ShardStore(shards / "val")
    train, val = ShardStore(shards / "train").index, validation.index
    bank, trained = json.loads((styles / BANK_FILE).read_text()), load_networks(networks, params.model)
    lineage = Lineage(
        recipe=params.recipe,
        data=train.fingerprint,
        validation=val.fingerprint,
        params=fingerprint.of_values(params.model_dump(mode="json", include=TRAINED_BY)),
        code=fingerprint.of_code(),
    )
    sections = params.model_dump(mode="json", include={"export"})
    with start_run("export", sections, train.fingerprint) as run, atomic_folder(out) as folder:
        description = write_bundle(
            folder,
            trained,
            classes=val.classes,
            height=val.height,
            width=val.width,
            styles=bank,
            scores=json.loads(scores.read_text()),
            lineage=lineage,
            config=params.export,
            int8_trial=int8_trial(shards, segmenter, bank, input_names(trained), params, fabric),
            samples=samples_document(validation, params.export, size_multiple=params.model.size_multiple),
        )
        for precision, graph in description["graphs"].items():
            measured = graph["parity"] | {name: value for name, value in graph.items() if name.endswith("mean_iou")}
            numbers = {name: value for name, value in measured.items() if isinstance(value, int | float)}
            run.log_score({f"{precision}_{name}": value for name, value in numbers.items()})
        run.log_artifacts(folder, "bundle")


if __name__ == "__main__":
    run_entry_point(main)
