"""Stage `synthesize`: the validation set's conditions to images, in styles drawn from the bank."""

import json
from pathlib import Path
from typing import Annotated

from PIL import Image
from typer import Option

from components.atomic import atomic_folder
from components.data.loader import BatchMaker
from components.data.store import ShardStore
from components.inference import StyleBank
from components.models.networks import load_networks
from components.runtime import start
from components.styles.bank import BANK_FILE
from components.styles.synthesize import synthesize_split
from pipelines.entry import run_entry_point
from pipelines.params import load_params


def main(
    shards: Annotated[Path, Option()],
    networks: Annotated[Path, Option()],
    styles: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
) -> None:
    """Write a PNG file for each validation picture, and its further samples below `samples/`."""
    params = load_params()
    store = ShardStore(shards / "val")
    fabric = start(params.runtime)
    maker = BatchMaker(store, scale=1, use_boundary_map=params.model.boundary_map, device=fabric.device)
    bank_path = styles / BANK_FILE
    bank = StyleBank.from_document(json.loads(bank_path.read_text()), len(store.index.classes), str(bank_path))
    trained = load_networks(networks, params.model)
    with atomic_folder(out) as folder:
        for picture in synthesize_split(trained, maker, bank, params.synthesize, fabric):
            of_sample = folder / "samples" / str(picture.sample) if picture.sample else folder
            of_sample.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture.pixels).save(of_sample / f"{picture.name}.png")


if __name__ == "__main__":
    run_entry_point(main)
