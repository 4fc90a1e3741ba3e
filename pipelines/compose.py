"""Write `params.yaml` from `recipes/`, as `dvc exp run -S` does, without running anything."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from dvc.utils.hydra import compose_and_dump
from hydra.errors import HydraException

from pipelines.entry import run_entry_point
from pipelines.params import PARAMS_FILE, ParamsError, load_params


def main(
    overrides: Annotated[list[str] | None, typer.Argument(help="as in recipe=camvid train_global.epochs=40")] = None,
) -> None:
    """Compose the default with a recipe and single values; what is unsound is not written."""
    with TemporaryDirectory(dir=".") as folder:
        composed = Path(folder).absolute() / PARAMS_FILE
        try:
            compose_and_dump(composed, str(Path("recipes").absolute()), None, "config", "", overrides or [])
        except HydraException as error:
            raise ParamsError(str(error)) from error
        load_params(composed)
        os.replace(composed, PARAMS_FILE)


if __name__ == "__main__":
    run_entry_point(main)
