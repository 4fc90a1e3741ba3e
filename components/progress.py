"""Progress of long work: a bar at a terminal, plain lines in a log."""

import logging
import sys
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TypeVar

from tqdm import tqdm

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 10.0
SECONDS_OF_SILENCE = 60.0

T = TypeVar("T")


def track_progress(items: Iterable[T], *, total: int, label: str) -> Iterator[T]:
    """Yield the items and show how many are done, their rate and the time left.

    Args:
        items: what is worked through; an item counts as done when the next one is asked for.
        total: how many items there are.
        label: what is being done, as in `checking train`.

    Yields:
        The items, unchanged. Where stderr is no terminal, a line is logged at about every tenth of the work,
        at most one each 10 seconds and at least one a minute, and one at the end.
    """
    if sys.stderr.isatty() and logging.root.manager.disable < logging.INFO:
        yield from tqdm(items, total=total, desc=label)
        return
    started = reported = monotonic()
    next_tenth = 1
    for done, item in enumerate(items, start=1):
        yield item
        now = monotonic()
        due = done * 10 >= next_tenth * total and now - reported >= SECONDS_BETWEEN_LINES
        due |= now - reported >= SECONDS_OF_SILENCE
        if due or done == total:
            rate = done / max(now - started, 1e-9)
            left = tqdm.format_interval((total - done) / rate)
            logger.info(
                "%s: %d of %d (%d%%), %.1f a second, %s left", label, done, total, 100 * done // total, rate, left
            )
            reported = now
            next_tenth = done * 10 // total + 1
