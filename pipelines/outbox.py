"""What tracked runs have to tell their store: on the disk first, and sent from there in the background.

So a tracking server that goes away costs a stage neither time nor numbers. What could not be sent stays in `outbox`,
a folder a run, and is sent by the next stage that starts a run, or by `python -m pipelines.outbox`. Sending twice,
after a crash in between, changes nothing: MLflow keeps one of metrics with equal name, step, time and value.
"""

import errno
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import typer

from components.atomic import atomic_file, atomic_folder

logger = logging.getLogger(__name__)

OUTBOX = Path("outbox")
RETRY_SECONDS = 5.0
PATIENCE_SECONDS = 10.0
REFUSALS = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "BAD_REQUEST")  # will never be taken

Entry = Mapping[str, Any]


class TrackingError(ConnectionError):
    """The tracking server does not answer."""


class Outbox:
    """What one run has to tell; `folder` holds what is not sent yet, an entry a file, numbered in their order."""

    def __init__(self, run_id: str, uri: str) -> None:
        """Start to send in the background what is added, after what an interrupted stage left."""
        self.folder = OUTBOX.absolute() / run_id
        self.folder.mkdir(parents=True, exist_ok=True)
        self._uri = uri
        self._number = max((int(path.name[:8]) for path in self.folder.glob("[0-9]*")), default=0)
        self._added, self._closing = Event(), Event()
        self._failing = False
        self._thread = Thread(target=self._send_until_closed, name="outbox", daemon=True)
        self._thread.start()

    def add(self, entry: Entry, fill: Callable[[Path], object] | None = None) -> None:
        """Put an entry on the disk, to be sent; where the disk is full it is left out with a warning.

        Args:
            entry: `metrics`, `artifacts`, `tags` or `status`; see `_deliver`.
            fill: puts the files of `artifacts` into the folder that it is given.
        """
        self._number += 1
        path = self.folder / f"{self._number:08d}.json"
        try:
            if fill is not None:
                with atomic_folder(_files_of(path)) as folder:
                    fill(folder)
            with atomic_file(path) as file:
                file.write_text(json.dumps({"store": shown(self._uri), **entry}))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            logger.warning("%s: not recorded: %s", path, error)
        self._added.set()

    def close(self) -> None:
        """Return when all is sent; a server that does not answer is waited for briefly."""
        self._closing.set()
        self._added.set()
        self._thread.join(PATIENCE_SECONDS if self._failing else None)
        if left := entries(self.folder):
            logger.warning(
                "%s: not sent yet: %d; the next stage sends them, or `python -m pipelines.outbox`",
                self.folder,
                len(left),
            )

    def _send_until_closed(self) -> None:
        while True:
            closing = self._closing.is_set()  # before sending: nothing is added afterwards
            self._added.clear()
            try:
                send(self.folder, self._uri)
            except TrackingError as error:
                if not self._failing:
                    logger.warning("%s; what it is not told stays in %s", error, self.folder)
                self._failing = True
            else:
                if self._failing:
                    logger.info("tracking server %s answers again", shown(self._uri))
                self._failing = False
            if closing:
                return
            if self._failing:
                self._closing.wait(RETRY_SECONDS)
            else:
                self._added.wait()


def entries(folder: Path) -> list[Path]:
    """Give the entries of a run that are not sent yet, in their order."""
    return sorted(folder.glob("*.json"))


def send(folder: Path, uri: str) -> None:
    """Send the entries of a run in their order, unless they are for another store; each is removed once it is sent.

    What the store refuses, such as metrics of a run that was deleted, is renamed to `.refused` and logged.

    Raises:
        TrackingError: the store does not answer.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    for path in entries(folder):
        try:
            entry = json.loads(path.read_text())
        except FileNotFoundError:  # another process has sent it
            continue
        if entry["store"] != shown(uri):
            return
        try:
            with reaching(uri):
                _deliver(MlflowClient(uri), folder.name, entry, _files_of(path))
        except MlflowException as error:
            logger.error("%s: refused by the tracking server: %s", path, error)
            path.rename(path.with_suffix(".refused"))
            continue
        shutil.rmtree(_files_of(path), ignore_errors=True)
        path.unlink(missing_ok=True)
        if "status" in entry:
            with suppress(OSError):  # not empty
                folder.rmdir()
                folder.parent.rmdir()


def send_all(uri: str) -> None:
    """Send what all runs have left for a store.

    Raises:
        TrackingError: the store does not answer.
    """
    for folder in sorted(OUTBOX.glob("*/")):
        send(folder, uri)


@contextmanager
def reaching(uri: str) -> Iterator[None]:
    """Tell a store that does not answer, a `TrackingError`, from one that refuses, an `MlflowException`."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except Exception as error:  # the client of an artifact store may raise anything
        if isinstance(error, MlflowException) and error.error_code in REFUSALS:
            raise
        raise TrackingError(f"tracking server {shown(uri)} does not answer: {_root(error)}") from error


def wait_briefly() -> None:
    """Have MLflow give up a request after seconds, not minutes, unless the environment says how long to wait."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")


def shown(uri: str) -> str:
    """Give a store's address without user name and password."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _root(error: BaseException) -> str:
    """What went wrong at the bottom: `[Errno 111] Connection refused`, without three libraries' words about it."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return (str(error) or repr(error)).splitlines()[0]


def _files_of(path: Path) -> Path:
    return path.with_suffix(".files")


def _deliver(client: Any, run_id: str, entry: Entry, files: Path) -> None:
    from mlflow.entities import Metric, RunTag

    if "metrics" in entry:
        metrics = [Metric(name, value, entry["time"], entry["step"]) for name, value in entry["metrics"].items()]
        client.log_batch(run_id, metrics=metrics, synchronous=True)
    elif "artifacts" in entry:
        if files.is_dir():  # else it was sent, and the process ended before it removed the entry
            client.log_artifacts(run_id, str(files), entry["artifacts"])
    elif "tags" in entry:
        client.log_batch(run_id, tags=[RunTag(name, value) for name, value in entry["tags"].items()])
    else:
        client.set_terminated(run_id, entry["status"], entry["time"])


def main() -> None:
    """Send what is left in `outbox` to the tracking server; exit with 1 where something stays."""
    from pipelines.tracking import quiet_mlflow, tracking_uri

    quiet_mlflow()
    wait_briefly()
    uri = tracking_uri()
    before = {folder: len(entries(folder)) for folder in sorted(OUTBOX.glob("*/"))}
    problem = None
    try:
        send_all(uri)
    except TrackingError as error:
        problem = str(error)
    for folder, count in before.items():
        left = entries(folder)
        typer.echo(f"run {folder.name}: sent {count - len(left)} of {count}")
        if left and problem is None:
            store = json.loads(left[0].read_text())["store"]
            problem = f"{folder}: for {store}, found {shown(uri)}; name the former in MLFLOW_TRACKING_URI"
    if problem is not None:
        typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
