"""Stage `cluster`: the encoder's features of every training instance, clustered for each class."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.atomic import atomic_folder
from components.data.loader import BatchMaker
from components.data.store import ShardStore
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
    """Write `styles.json` and `instances.csv`; a model without features has an empty bank."""
    params = load_params()
    store = ShardStore(shards / "train")
    fabric = start(params.runtime)
    sections = params.model_dump(mode="json", include={"cluster"})
    with start_run("cluster", sections, store.index.fingerprint) as run, atomic_folder(out) as folder:
        if not params.model.n_features:
            write_bank(folder, bank_document(0, {}, store.index.classes))
            return
        maker = BatchMaker(store, scale=1, use_boundary_map=False, device=fabric.device)
        styles = collect_styles(
            load_networks(networks, params.model), maker, fabric, batch_size=params.cluster.batch_size
        )
        clustered = cluster_styles(styles, params.cluster)
        write_bank(folder, bank_document(params.model.n_features, clustered, store.index.classes))
        write_instances(folder, styles, clustered, store.index)
        run.log_score({"instances": len(styles), "styles": sum(len(each.counts) for each in clustered.values())})
        run.log_artifacts(folder, "styles")


if __name__ == "__main__":
    run_entry_point(main)
