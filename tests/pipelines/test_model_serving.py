import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from pipelines import registry
from tests.tiny_bundle import write_tiny_bundle

LABEL = [[[1, 1, 0, 0]] * 4]


@pytest.fixture
def address(project_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of `mlflow models serve` with a tiny model, in a folder without the repository."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project_folder}/mlflow.db")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    version = registry.register(write_tiny_bundle(tmp_path / "bundle"), "tiny")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", f"models:/tiny/{version}"]
    where = ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    (tmp_path / "elsewhere").mkdir()
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*command, *where], cwd=tmp_path / "elsewhere", stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait(f"http://127.0.0.1:{port}/ping", server, tmp_path / "server.log")
            yield f"http://127.0.0.1:{port}/invocations"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _wait(ping: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urlopen(ping, timeout=5).close()
        except URLError:
            time.sleep(0.25)
        else:
            return
    pytest.fail(f"no server: {log.read_text()}")


def _post(address: str, content: dict[str, Any]) -> tuple[int, Any]:
    request = Request(address, json.dumps(content).encode(), {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=60) as response:
            return response.status, json.load(response)["predictions"]
    except HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.slow
def test_mlflow_serves_label_maps_alone_all_three_inputs_and_clear_errors(address: str) -> None:
    pictures = {}
    for seed in range(4):
        status, image = _post(address, {"inputs": {"label": LABEL}, "params": {"seed": seed}})
        assert status == 200, image
        assert (len(image), len(image[0]), len(image[0][0])) == (1, 4, 4)
        assert image[0][0][0] == [1, 0, 30]  # class 1 is met first, so its id is 0, and has one style
        pictures[seed] = image[0][0][3]
    assert set(map(tuple, pictures.values())) <= {(0, 1, 10), (0, 1, 20)}

    nothing = {"label": LABEL, "instance": None, "styles": None}
    assert _post(address, {"inputs": nothing})[1] == _post(address, {"inputs": {"label": LABEL}})[1]

    inputs = {"label": LABEL, "instance": [[[0, 0, 1, 1]] * 4], "styles": [[[7, 0], [8, 0.5]]]}
    assert _post(address, {"inputs": inputs}) == (200, [[[[1, 0, 7]] * 2 + [[0, 1, 8]] * 2] * 4])

    status, message = _post(address, {"inputs": {"label": [[[1, 9, 0, 0]] * 4]}})
    assert status == 400
    assert "label: found 9, expected 0..2" in message
    status, message = _post(address, {"inputs": {"instance": [[[0, 0, 1, 1]] * 4]}})
    assert status == 400
    assert "Model is missing inputs ['label']" in message
    assert _post(address, {"inputs": {"label": LABEL}, "params": {"seed": 0.5}})[0] == 400
