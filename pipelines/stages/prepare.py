"""Stage `prepare`: choose or generate the dataset, check every pair, write its manifest."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.atomic import atomic_folder
from components.data.prepare import prepare_dataset
from pipelines.entry import run_entry_point
from pipelines.params import load_params


def main(out: Annotated[Path, Option()]) -> None:
    """Write `manifest.json` and, where it is generated, the dataset into `out`."""
    config = load_params().prepare
    with atomic_folder(out) as folder:
        manifest = prepare_dataset(config, folder)
        manifest.moved(folder, out).write(folder / "manifest.json")


if __name__ == "__main__":
    run_entry_point(main)
