"""A serving bundle of checkpoints that the published pix2pixHD code trained; docs/moving.md shows how."""

import logging
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from components.atomic import atomic_folder
from components.data.class_list import classes_of_model
from components.export.bundle import write_bundle
from components.export.official import (
    check_replaceable,
    lineage,
    options_of_folder,
    picture_size,
    require_generator,
    served_checkpoints,
    style_bank,
)
from components.inference import Bundle
from components.models.networks import SHAPE_FILE
from components.models.official import NETWORKS, load_official
from pipelines.entry import run_entry_point
from pipelines.params import load_params

logger = logging.getLogger(__name__)


def main(
    checkpoints: Annotated[Path, Argument(help="folder with latest_net_G.pth and, where it is still there, opt.txt")],
    out: Annotated[Path, Option(help="the bundle's folder")],
    option: Annotated[
        list[str] | None, Option(help="published option, as in netG=local, over that of opt.txt; may be repeated")
    ] = None,
    classes: Annotated[Path | None, Option(help="classes.json with names and colours")] = None,
    styles: Annotated[Path | None, Option(help="styles.json or .npy of clusters, instead of the folder's")] = None,
    height: Annotated[int | None, Option(help="of the training pictures")] = None,
    width: Annotated[int | None, Option(help="of the training pictures")] = None,
    epoch: Annotated[str, Option(help="the first part of the files' names")] = "latest",
    networks: Annotated[Path | None, Option(help="folder for all networks in our form, to train on")] = None,
) -> None:
    """Turn published checkpoints into a serving bundle, checked against torch."""
    require_generator(checkpoints, epoch)
    check_replaceable(out, "bundle.json", checkpoints)
    if networks:
        check_replaceable(networks, SHAPE_FILE, checkpoints)
    options = options_of_folder(checkpoints, option or [])
    logger.info("published options: %s", " ".join(f"{name}={value}" for name, value in options))
    size = picture_size(options, height, width)
    served = served_checkpoints(checkpoints, options, epoch)
    official = load_official(checkpoints, options, only=NETWORKS if networks else tuple(served), epoch=epoch)
    if "encoder" not in served:
        official.networks.encoder = None
    names = classes_of_model(options.label_nc, classes)
    bank = style_bank(checkpoints, options, names, styles)
    logger.info("exporting, and comparing with torch at %d x %d pixels", size[1], size[0])
    with atomic_folder(out) as folder:
        description = write_bundle(
            folder,
            official.networks,
            classes=names,
            height=size[0],
            width=size[1],
            styles=bank,
            scores={},
            lineage=lineage(options, served.values()),
            config=load_params().export,
            int8_trial=None,
            samples=None,
        )
        Bundle.load(folder).verify()
    if networks:
        with atomic_folder(networks) as folder:
            official.networks.save(folder)
    logger.info("%s: takes %s in multiples of %d pixels", out, description["inputs"], description["size_multiple"])


if __name__ == "__main__":
    run_entry_point(main)
