"""The same work on many pictures, in several processes where they are free."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TypeVar

PICTURES_A_PROCESS = 128  # fewer are done sooner than a process has started
CHUNK = 8  # pictures handed to a process at a time, where they are the items

Item = TypeVar("Item")
Result = TypeVar("Result")


def free_processes(count: int) -> int:
    """How many processes `count` pictures are worth, at most one a core that this process may use."""
    return max(1, min(len(os.sched_getaffinity(0)), count // PICTURES_A_PROCESS))


def map_in_processes(
    function: Callable[[Item], Result], items: Sequence[Item], processes: int | None = None, chunk: int = CHUNK
) -> Iterator[Result]:
    """Give the results in the order of the items, whatever the number of processes.

    Each process works on one item at a time, so the memory grows with their number, not with the items.

    Args:
        function: of a module, or a `functools.partial` of one, as it is sent to the processes.
        items: what to work on.
        processes: how many; 1 works in this one, None decides by the items and the free cores.
        chunk: how many items a process is handed at a time.

    Yields:
        The results.

    Raises:
        ChildProcessError: a process was killed, most often for lack of memory.
    """
    workers = processes or free_processes(len(items))
    if workers == 1:
        yield from map(function, items)
        return
    # A fork would copy the threads' locks of torch or of a bar as they are; a server that forks has none.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("forkserver"), initializer=_end_with_parent)
    try:
        yield from pool.map(function, items, chunksize=chunk)
    except BrokenProcessPool as error:
        raise ChildProcessError(
            f"one of {workers} processes was killed, most often for lack of memory: free some, or use fewer cores"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Have this process end when the one that made it does; a killed one could not tell it to."""

    def wait() -> None:
        if parent := parent_process():
            parent.join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()
