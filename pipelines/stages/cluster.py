"""Stage `cluster`: the encoder's features of every training instance, clustered for each class."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.atomic import atomic_folder
from components.data.dataset import SPLITS
from components.data.loader import BatchMaker
from components.data.manifest import Manifest
from components.data.precomputed import FEATURES_FILE, FeatureRows, precomputed_features, write_features
from components.data.store import ShardStore
from components.models.networks import load_networks
from components.runtime import start
from components.styles.agreement import TRUE_STYLES_FILE
from components.styles.bank import bank_document, write_bank
from components.styles.collect import collect_styles
from components.styles.findings import drawn_for, write_findings
from pipelines.entry import run_entry_point
from pipelines.params import load_params
from pipelines.tracking import start_run


def main(
    prepared: Annotated[Path, Option()],
    shards: Annotated[Path, Option()],
    networks: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
) -> None:
    """Write the style bank, its page and the features of all instances; a model without features has an empty bank."""
    params = load_params()
    model = params.model
    stores = [ShardStore(shards / split) for split in SPLITS]
    train = stores[0].index
    fabric = start(params.runtime)
    sections = params.model_dump(mode="json", include={"cluster"})
    with start_run("cluster", sections, train.fingerprint) as run, atomic_folder(out) as folder:
        if not model.n_features:
            write_bank(folder, bank_document(0, {}, train.classes, drawn_for=drawn_for(model)))
            return
        trained = load_networks(networks, model)
        makers = [
            BatchMaker(
                store,
                scale=1,
                use_boundary_map=model.boundary_map,
                device=fabric.device,
                features=precomputed_features(model.features_file, store.index, model.n_features),
            )
            for store in stores
        ]
        rows = [collect_styles(trained, maker, fabric, batch_size=params.cluster.batch_size) for maker in makers]
        scores = write_findings(
            folder,
            trained,
            makers[0],
            rows[0],
            config=params.cluster,
            true_styles=Path(Manifest.load(prepared / "manifest.json").root) / TRUE_STYLES_FILE,
            fabric=fabric,
        )
        write_features(
            folder / FEATURES_FILE,
            [FeatureRows(s.index, r.vectors, r.picture, r.instance) for s, r in zip(stores, rows, strict=True)],
        )
        run.log_score(scores)
        run.log_artifacts(folder, "styles")


if __name__ == "__main__":
    run_entry_point(main)
