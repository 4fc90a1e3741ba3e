"""While clients ask all the time the alias moves, and MLflow hangs and dies: only the pictures tell."""

import http.client
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from deploy.server.registry import ModelFollower
from deploy.server.registry_client import ModelAlias
from deploy.server.served import Served
from tests.deploy.server.registered_bundles import ALIAS, NAME, point_to, project, register
from tests.deploy.server.tiny_server import PATIENCE, pixels_of, png, running, wait_until
from tests.stack.servers import DIRECT
from tests.stack.service import Service, free_port, listens

pytestmark = pytest.mark.slow

CLIENTS = 3
LABEL = png(np.zeros((4, 8)))


@dataclass
class Client:
    """Asks for pictures until it is stopped.

    Attributes:
        tens: the tens of the blue of each picture, which tell the version.
        failures: what else was answered.
    """

    address: str
    tens: list[int] = field(default_factory=list)
    failures: list[object] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Ask again and again on one connection."""
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=PATIENCE)
        body = (
            b'--x\r\nContent-Disposition: form-data; name="label"; filename="a.png"\r\n\r\n' + LABEL + b"\r\n--x--\r\n"
        )
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        while not self.stopped.is_set():
            try:
                connection.request("POST", "/api/synthesize", body, headers)
                answer = connection.getresponse()
                content = answer.read()
                if answer.status == 200:
                    self.tens.append(int(pixels_of(content)[0, 0, 2]) // 10)
                else:
                    self.failures.append((answer.status, content))
            except OSError as error:
                self.failures.append(error)
        connection.close()


@contextmanager
def asking(address: str) -> Iterator[list[Client]]:
    """Let clients ask while the block runs."""
    clients = [Client(address) for _ in range(CLIENTS)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.stopped.set()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()


@contextmanager
def following(served: Served) -> Iterator[ModelFollower]:
    """Follow the alias, looking ten times a second."""
    follower = ModelFollower(served, ModelAlias(NAME, ALIAS), poll=0.1, threads=1)
    follower.load()
    follower.start()
    try:
        yield follower
    finally:
        follower.close(PATIENCE)


def _wait_for_answers(clients: list[Client], tens: int, more: int = 5) -> None:
    """Wait until each client has got some more pictures, all of this version at the end."""
    counts = [len(client.tens) + more for client in clients]
    wait_until(
        lambda: all(
            len(client.tens) >= count and client.tens[-1] == tens for client, count in zip(clients, counts, strict=True)
        )
    )


def _runs(tens: list[int]) -> list[int]:
    """What follows what, each once."""
    return [ten for number, ten in enumerate(tens) if not number or tens[number - 1] != ten]


def test_moves_of_the_alias_under_load_fail_no_request_and_a_broken_version_never_answers(tmp_path: Path) -> None:
    with project(tmp_path):
        assert [register(tmp_path, blue) for blue in (10, 20)] == [1, 2]
        assert register(tmp_path, 30, graph=b"no graph") == 3
        point_to(1)
        served = Served()
        with following(served), running(served) as (address, _), asking(address) as clients:
            _wait_for_answers(clients, 1)
            point_to(2)
            _wait_for_answers(clients, 2)
            point_to(3)
            wait_until(lambda: served.refused is not None)
            _wait_for_answers(clients, 2, more=20)
            assert served.refused is not None
            assert served.refused.startswith("street version 3: ")
            point_to(1)
            _wait_for_answers(clients, 1)
            ready = _get(address, "/ready")
            metrics = _get(address, "/metrics")
    assert [client.failures for client in clients] == CLIENTS * [[]]
    assert [_runs(client.tens) for client in clients] == CLIENTS * [[1, 2, 1]]
    assert (served.switches, served.refusals) == (2, 1)
    assert '"version":"1"' in ready.replace(" ", "")
    assert "server_model_switches_total 2.0" in metrics
    assert "server_model_refusals_total 1.0" in metrics


def _get(address: str, path: str) -> str:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)
    connection.request("GET", path)
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    assert answer.status == 200, content
    return content


@contextmanager
def mlflow_server(folder: Path) -> Iterator[Service]:
    """Give a server on the project's database, which hands artifacts on, and have the environment name it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    server = Service(
        command=[
            *(sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files")),
        ],
        answers=lambda: listens(f"{address}/health"),
        log=folder / "mlflow.log",
        environment={**DIRECT, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
        folder=folder,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", address)
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        for name, value in DIRECT.items():
            patch.setenv(name, value)
        server.start()
        try:
            yield server
        finally:
            server.kill()


def test_a_registry_that_hangs_and_later_dies_is_told_once_each_and_costs_no_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "deploy.server.registry")
    with project(tmp_path), mlflow_server(tmp_path) as server:
        assert [register(tmp_path, blue) for blue in (10, 20)] == [1, 2]
        point_to(1)
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")
        served = Served()
        with following(served) as follower, running(served) as (address, _), asking(address) as clients:
            _wait_for_answers(clients, 1)
            assert server.process is not None
            os.killpg(server.process.pid, signal.SIGSTOP)
            wait_until(lambda: follower.trouble is not None)
            _wait_for_answers(clients, 1, more=20)
            os.killpg(server.process.pid, signal.SIGCONT)
            wait_until(server.answers)
            point_to(2)
            _wait_for_answers(clients, 2)
            wait_until(lambda: follower.trouble is None)
            server.kill()
            wait_until(lambda: follower.trouble is not None)
            _wait_for_answers(clients, 2, more=20)
    assert [client.failures for client in clients] == CLIENTS * [[]]
    assert [_runs(client.tens) for client in clients] == CLIENTS * [[1, 2]]
    told = [each.getMessage() for each in caplog.records if "version 1 serves" not in each.getMessage()]
    told = [each for each in told if "version 2 serves" not in each]
    begins = "street@champion: version in use goes on serving: http://127.0.0.1:"
    assert len(told) >= 3, told
    assert all(each.startswith(begins) for each in told[::2]), told
    assert set(told[1::2]) == {"street@champion: is followed again"}
    assert served.refusals == 0
