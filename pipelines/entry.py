"""How an entry point runs: plain log lines, and for bad input a message in place of a traceback."""

import logging
import sys
from collections.abc import Callable

import typer

logger = logging.getLogger(__name__)


def run_entry_point(main: Callable[..., None]) -> None:
    """Run an entry point with the command line's arguments; exit with 1 where input, a file or a loss is bad."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        app()
    except (ValueError, OSError, FloatingPointError) as error:
        logger.error("%s", error)
        raise SystemExit(1) from error
