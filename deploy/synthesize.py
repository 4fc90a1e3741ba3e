"""Pictures from label maps, on the command line: `python -m deploy.synthesize MAPS --bundle DIR --out DIR`.

It needs numpy, pillow, onnxruntime, tqdm and typer.
"""

import logging
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from components.inference import Synthesizer, synthesize_tiled
from components.inference.providers import CPU, CUDA, TENSORRT
from deploy.map_files import find_sources
from deploy.picture_files import file_hash
from deploy.size_options import parse_overlap, parse_size
from deploy.style_options import chosen_styles, photo_bank
from deploy.synthesis_run import Settings, SynthesisRun

PROVIDERS = {
    "auto": None,
    "cpu": [CPU],
    "cuda": [CUDA, CPU],
    "tensorrt": [TENSORRT, CUDA, CPU],
}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def synthesize(
    maps: Annotated[Path, Argument(help="label map, or a folder of them: PNG files with a class index a pixel")],
    bundle: Annotated[Path, Option(help="folder of the serving bundle")],
    out: Annotated[Path, Option(help="folder for the pictures, which keep the names of their maps")],
    instances: Annotated[
        Path | None, Option(help="instance map, or a folder with one of the same name for each label map")
    ] = None,
    seed: Annotated[int, Option(min=0, help="of the styles that are drawn")] = 0,
    style: Annotated[
        list[str] | None, Option(metavar="CLASS=K", help="style of a class; CLASS=K:L:SHARE is one between two")
    ] = None,
    style_from: Annotated[Path | None, Option(help="photo whose objects give the styles of their classes")] = None,
    style_from_label: Annotated[Path | None, Option(help="the photo's label map")] = None,
    style_from_instances: Annotated[Path | None, Option(help="the photo's instance map")] = None,
    size: Annotated[str | None, Option(metavar="HxW", help="resize the maps to this height and width")] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda", "tensorrt"], Option(help="auto takes the best that works")
    ] = "auto",
    precision: Annotated[
        Literal["auto", "float32", "float16", "int8"], Option(help="auto takes float16 on a GPU")
    ] = "float32",
    threads: Annotated[int | None, Option(min=1, help="of the CPU for one picture; by default one a core")] = None,
    batch: Annotated[int, Option(min=1, help="pictures of one size made at once")] = 1,
    tile: Annotated[int | None, Option(min=1, help="make pictures in tiles of this side, in pixels")] = None,
    overlap: Annotated[
        int | None, Option(min=0, help="of the tiles, in pixels; by default a quarter of a tile")
    ] = None,
) -> None:
    """Make a picture of each label map.

    Pictures that are there, made of the same maps, model and options, are skipped, so a run that was stopped goes on.
    The exit status is 1 where a picture could not be made.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    try:
        sources = find_sources(maps, instances, out)
        synthesizer = Synthesizer(bundle, precision=precision, threads=threads, providers=PROVIDERS[device])
        described = synthesizer.bundle
        target_size = parse_size(size, described.size_multiple)
        tile_overlap = parse_overlap(tile, overlap, described.size_multiple)
        photo = (style_from, style_from_label, style_from_instances)
        bank = photo_bank(described, *photo, target_size) if any(photo) else described.style_bank
        settings = Settings(
            style_bank=bank,
            chosen=chosen_styles(style or [], described),
            seed=seed,
            size=target_size,
            batch=batch,
            tile=tile,
            overlap=tile_overlap,
            made_of={
                "bundle": file_hash(bundle / "bundle.json"),
                "precision": synthesizer.precision,
                "seed": seed,
                "style": sorted(style or []),
                "style_from": [file_hash(path) for path in photo if path],
                "size": target_size,
                "tile": tile and [tile, tile_overlap],
            },
        )
    except (ValueError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    if len(sources) > 1:
        logging.getLogger(synthesize_tiled.__module__).setLevel(logging.WARNING)  # the pictures are counted already
    typer.echo(synthesizer.report(), err=True)
    run = SynthesisRun(synthesizer, settings)
    run.run(sources)
    typer.echo(f"{run.made} made, {run.kept} there already, {len(run.problems)} failed; in {out}")
    if run.problems:
        typer.echo("\n".join(run.problems), err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
