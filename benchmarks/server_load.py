"""The two sides of the server's benchmark: a server under the load of wrk, and a bare loop over its Synthesizer.

Both make the same pictures of the same inputs, and never at the same time.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, perf_counter, process_time, sleep
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.server_requests import Requests
from components.inference import Synthesizer
from deploy.server.pictures import encoded

START_SECONDS = 120.0
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "@KIND@"
local requests, number = {}, 0
function init(args)
  for index = 0, @PICTURES@ - 1 do
    local file = assert(io.open("@FOLDER@/" .. index, "rb"))
    requests[index] = wrk.format(nil, "@PATH@", nil, file:read("*a"))
    file:close()
  end
end
function request()
  number = (number + 1) % @PICTURES@
  return requests[number]
end
function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('{"answers": %d, "seconds": %f, "failures": %d, "p50": %f, "p95": %f, "p99": %f}\\n',
    summary.requests, summary.duration / 1e6, failed,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
"""


@dataclass(frozen=True)
class Load:
    """What wrk found.

    Attributes:
        answers: how many came.
        seconds: that it took.
        failures: answers with other statuses than 2xx and 3xx, and errors of connections.
        p50: milliseconds from request to answer, that half of them stayed below.
        p95: likewise, of 95 in 100.
        p99: likewise, of 99 in 100.
    """

    answers: int
    seconds: float
    failures: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Run:
    """A turn of a side: pictures a second, and the milliseconds that all threads together took for one."""

    rate: float
    work: float


def wrk() -> str:
    """Give the load generator's program.

    Raises:
        RuntimeError: it is not installed.
    """
    program = shutil.which("wrk")
    if program is None:
        raise RuntimeError("wrk: no such program; Debian has it in the package wrk")
    return program


class Loop:
    """The bare side: one picture after another."""

    def __init__(self, synthesizer: Synthesizer, pictures: Sequence[Mapping[str, NDArray[Any]]], *, png: bool) -> None:
        self._synthesizer = synthesizer
        self._batches = [{name: array[None] for name, array in picture.items()} for picture in pictures]
        self._png = png

    def image(self, number: int) -> NDArray[np.uint8]:
        """Make one picture."""
        images = self._synthesizer.synthesize(**self._batches[number % len(self._batches)])
        if self._png:
            encoded(images[0], "png")
        return images

    def run(self, seconds: float) -> "Run":
        """Make pictures for at least so many seconds."""
        began, used, count = perf_counter(), process_time(), 0
        while (passed := perf_counter() - began) < seconds or not count:
            self.image(count)
            count += 1
        return Run(count / passed, 1000 * (process_time() - used) / count)


class Server:
    """A server in a process of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
        self._process = process
        self._port = port
        self._folder = folder

    def ask(self, requests: Requests, number: int) -> bytes:
        """Give the content of one answer.

        Raises:
            RuntimeError: it is none with status 200.
        """
        connection = HTTPConnection("127.0.0.1", self._port, timeout=START_SECONDS)
        connection.request("POST", requests.path, requests.bodies[number], {"Content-Type": requests.kind})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{requests.path}: found status {answer.status}: {content[:500]!r}, expected 200")
        return content

    def load(self, requests: Requests, clients: int, seconds: float) -> Load:
        """Let so many clients ask, each for the next picture as soon as it has one."""
        for number, body in enumerate(requests.bodies):
            (self._folder / str(number)).write_bytes(body)
        values = {"KIND": requests.kind, "PATH": requests.path, "FOLDER": str(self._folder)}
        values["PICTURES"] = str(len(requests.bodies))
        text = SCRIPT
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        script = self._folder / "load.lua"
        script.write_text(text)
        # wrk takes whole seconds.
        options = ["--threads", "1", "--connections", str(clients), "--duration", f"{max(1, round(seconds))}s"]
        address = f"http://127.0.0.1:{self._port}"
        command = [wrk(), *options, "--timeout", "60s", "--script", str(script), address]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return Load(**json.loads(output.splitlines()[-1]))

    @property
    def work(self) -> float:
        """Milliseconds that its threads have computed together so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def megabytes(self) -> float:
        """The process' memory that is in use."""
        status = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


@contextmanager
def running(bundle: Path, folder: Path, *, threads: int | None) -> Iterator[Server]:
    """Start a server of a bundle on a free port of loopback, and end it.

    Args:
        bundle: that it serves, in float32.
        folder: for its log and the requests.
        threads: as of `Synthesizer`.

    Raises:
        RuntimeError: it does not come up.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "deploy.server", "--bundle", str(bundle), "--port", str(port)]
    command += ["--precision", "float32", *(["--threads", str(threads)] if threads else [])]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = monotonic() + START_SECONDS
        while not _ready(port):
            if process.poll() is not None or monotonic() > deadline:
                raise RuntimeError(f"the server did not come up: {(folder / 'server.log').read_text()[-2000:]}")
            sleep(0.1)
        yield Server(process, port, folder)
    finally:
        process.terminate()
        try:
            process.wait(START_SECONDS)
        finally:
            process.kill()


def _ready(port: int) -> bool:
    try:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
