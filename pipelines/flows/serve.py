"""Stay and retrain by a schedule, on one machine: the flow is served, on a Prefect server of our own if need be."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.request import urlopen

import typer
from prefect import Flow
from prefect.events import DeploymentEventTrigger
from prefect.schedules import Cron, Interval, Schedule
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_API_PORT, temporary_settings

from pipelines.flows.announce import DATASET_CHANGED

SERVER_START_SECONDS = 300


class ServerError(RuntimeError):
    """The Prefect server that was started here does not answer."""


def make_schedule(cron: str | None, minutes: int | None) -> Schedule | None:
    """Give the schedule of five cron fields (UTC) or of an interval, None for neither.

    Raises:
        typer.BadParameter: the fields are no cron line.
    """
    if cron is None:
        return None if minutes is None else Interval(timedelta(minutes=minutes))
    try:
        return Cron(cron)
    except ValueError as error:
        raise typer.BadParameter(f"found {cron!r}, expected five cron fields: {error}") from error


def serve(flow: Flow[..., Any], schedule: Schedule | None, parameters: dict[str, Any]) -> None:
    """Run the flow by the schedule, when a dataset is announced to have changed, and by hand, until interrupted.

    Raises:
        ServerError: the Prefect server that was started here does not answer.
    """
    trigger = DeploymentEventTrigger(name="a dataset changed", expect={DATASET_CHANGED})
    with _server():
        flow.serve(name="retrain", schedule=schedule, triggers=[trigger], parameters=parameters, limit=1)


@contextmanager
def _server() -> Iterator[None]:
    """Use the Prefect server of the settings; without one, start our own: Prefect's embedded one runs no schedules."""
    if PREFECT_API_URL.value():
        yield
        return
    port = PREFECT_SERVER_API_PORT.value()
    api = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(api, process)
            typer.echo(f"Prefect server with schedule and runs: http://127.0.0.1:{port}")
            with temporary_settings({PREFECT_API_URL: api}):
                yield
        finally:
            process.terminate()


def _wait_for(api: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + SERVER_START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerError(f"prefect server start: exit status {process.returncode}, expected a running server")
        try:
            with urlopen(f"{api}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise ServerError(f"prefect server start: no answer from {api} within {SERVER_START_SECONDS} s")
