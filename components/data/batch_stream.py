"""Batches that are read while the networks are busy with those before."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from components.data.draws import Draw

if TYPE_CHECKING:
    from components.data.loader import Batch, BatchMaker, Reading

DEPTH = 2  # batches read ahead: one that is ready, one that is being read


class BatchStream(Iterator["Batch | None"]):
    """Iterates over batches, reading ahead in one thread; None stands for a batch without pictures.

    A context manager: whoever stops before the last batch leaves it, or calls `close`, and the thread ends.

    Attributes:
        waited: seconds for which the consumer had to wait for what was read.
    """

    def __init__(self, maker: "BatchMaker", batches: Iterable[Sequence[Draw]]) -> None:
        """Start to read.

        Args:
            maker: reads and makes the batches.
            batches: what each is made of; it is asked for `DEPTH` batches more than were consumed.
        """
        self.waited = 0.0
        self._maker = maker
        self._batches = iter(batches)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading-batches")
        self._ahead: deque[Future[Reading | None]] = deque()
        for _ in range(DEPTH):
            self._read_another()

    def __next__(self) -> "Batch | None":
        """Give the next batch; what its reading raised is raised here."""
        if not self._ahead:
            self.close()
            raise StopIteration
        started = monotonic()
        try:
            reading = self._ahead.popleft().result()
        except Exception:
            self.close()
            raise
        self.waited += monotonic() - started
        self._read_another()
        return None if reading is None else self._maker.finish(reading)

    def close(self) -> None:
        """Stop reading and wait for the thread to end."""
        self._ahead.clear()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        """Give the stream."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the stream."""
        self.close()

    def _read_another(self) -> None:
        draws = next(self._batches, None)
        if draws is not None:
            self._ahead.append(self._thread.submit(self._read, draws))

    def _read(self, draws: Sequence[Draw]) -> "Reading | None":
        return self._maker.read(draws) if draws else None
