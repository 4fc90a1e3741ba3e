"""Stage `cluster`: the encoder's features of every training instance, clustered for each class."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.atomic import atomic_folder
from components.data.dataset import SPLITS
from components.data.loader import BatchMaker
from components.data.precomputed import FEATURES_FILE, FeatureRows, precomputed_features, write_features
from components.data.store import ShardStore
from components.inference.style_bank import DrawnFor
from components.models.networks import load_networks
from components.runtime import start
from components.styles.bank import bank_document, write_bank, write_instances
from components.styles.cluster import cluster_styles
from components.styles.collect import collect_styles
from pipelines.entry import run_entry_point
from pipelines.params import load_params
from pipelines.tracking import start_run


def main(
    shards: Annotated[Path, Option()], networks: Annotated[Path, Option()], out: Annotated[Path, Option()]
) -> None:
    """Write `styles.json`, `instances.csv` and `features.safetensors`; a model without features has an empty bank."""
    params = load_params()
    model = params.model
    stores = [ShardStore(shards / split) for split in SPLITS]
    train = stores[0].index
    fabric = start(params.runtime)
    sections = params.model_dump(mode="json", include={"cluster"})
    drawn_for: DrawnFor = "class" if model.features == "label" else "instance"
    with start_run("cluster", sections, train.fingerprint) as run, atomic_folder(out) as folder:
        if not model.n_features:
            write_bank(folder, bank_document(0, {}, train.classes, drawn_for=drawn_for))
            return
        trained = load_networks(networks, model)
        collected = []
        for store in stores:
            features = precomputed_features(model.features_file, store.index, model.n_features)
            maker = BatchMaker(store, scale=1, use_boundary_map=False, device=fabric.device, features=features)
            collected.append(collect_styles(trained, maker, fabric, batch_size=params.cluster.batch_size))
        clustered = cluster_styles(collected[0], params.cluster)
        write_bank(folder, bank_document(model.n_features, clustered, train.classes, drawn_for=drawn_for))
        write_instances(folder, collected[0], clustered, train)
        rows = [
            FeatureRows(store.index, each.vectors, each.picture, each.instance)
            for store, each in zip(stores, collected, strict=True)
        ]
        write_features(folder / FEATURES_FILE, rows)
        styles = sum(len(each.counts) for each in clustered.values())
        run.log_score({"instances": len(collected[0]), "styles": styles})
        run.log_artifacts(folder, "styles")


if __name__ == "__main__":
    run_entry_point(main)
