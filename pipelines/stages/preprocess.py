"""Stage `preprocess`: encode both splits into memory-mapped shards."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.atomic import atomic_folder
from components.data.dataset import SPLITS
from components.data.manifest import Manifest
from components.data.preprocess import preprocess_split
from pipelines.entry import run_entry_point
from pipelines.params import load_params


def main(prepared: Annotated[Path, Option()], out: Annotated[Path, Option()]) -> None:
    """Write the shards of `train` and `val` into folders of these names in `out`."""
    config = load_params().preprocess
    manifest = Manifest.load(prepared / "manifest.json")
    with atomic_folder(out) as folder:
        for split in SPLITS:
            preprocess_split(manifest, split, config, folder / split)


if __name__ == "__main__":
    run_entry_point(main)
