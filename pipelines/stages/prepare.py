"""Stage `prepare`: choose or generate the dataset, check every pair, write its manifest and the data report."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.atomic import atomic_folder
from pipelines.entry import run_entry_point


def main(out: Annotated[Path, Option()]) -> None:
    """Write `manifest.json`, `report/` and, where they are made, the dataset or parts of it into `out`."""
    # Processes that check pictures import this module: what they do not use, torch above all, stays out of its head.
    from components.data.data_report import write_report
    from components.data.prepare import prepare_dataset
    from pipelines.params import load_params

    config = load_params().prepare
    with atomic_folder(out) as folder:
        manifest = prepare_dataset(config, folder)
        write_report(manifest, folder / "report")
        manifest.moved(folder, out).write(folder / "manifest.json")


if __name__ == "__main__":
    run_entry_point(main)
