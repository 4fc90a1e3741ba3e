"""How an entry point runs: plain log lines, and for bad input a message in place of a traceback."""

import atexit
import errno
import gc
import logging
import signal
import sys
from collections.abc import Callable

import typer

from components.preemption import EXIT_PREEMPTED, Preempted

EXIT_UNAVAILABLE = 69  # EX_UNAVAILABLE of sysexits.h: nothing is wrong with the input, try again later

logger = logging.getLogger(__name__)


def run_entry_point(main: Callable[..., None]) -> None:
    """Run an entry point with the command line's arguments.

    It exits with 1 where input, a file or a loss is bad, with 69 where a server does not answer or the disk is full,
    and with 75 after SIGTERM: it cleaned up behind it, and training saved its state.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    signal.signal(signal.SIGTERM, _stop)
    atexit.register(gc.disable)  # else the interpreter would look through all objects twice at its end
    try:
        app()
    except Preempted as error:
        logger.error("%s", error)
        raise SystemExit(EXIT_PREEMPTED) from error
    except (ValueError, OSError, FloatingPointError) as error:
        logger.error("%s", error)
        raise SystemExit(EXIT_UNAVAILABLE if _may_pass(error) else 1) from error


def _may_pass(error: Exception) -> bool:
    """Whether a server or room on the disk is missing, which may be there later."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _stop(number: int, frame: object) -> None:
    raise Preempted("stopped by SIGTERM; run again, it goes on")
