"""Servers for tests: an application in a thread, or a program as a process that can be killed."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

import uvicorn
from fastapi import FastAPI

from tests.conftest import ROOT

PATIENCE = 60.0  # seconds; the machine may be busy


@contextmanager
def serve_application(application: FastAPI) -> Iterator[str]:
    """Serve from a thread, on a free port; gives the address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(application, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


class ServerProcess:
    """`python -m MODULE ARGUMENTS --port PORT`, always at the same address.

    Attributes:
        port: that it listens on.
        address: of its page.
    """

    def __init__(self, module: str, arguments: Sequence[object], ready: str) -> None:
        """Take the program and the path that answers once it serves."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.address = f"http://127.0.0.1:{self.port}/"
        self._ready = self.address + ready
        self._command = [sys.executable, "-m", module, *map(str, arguments), "--port", str(self.port)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self._process = subprocess.Popen(self._command, cwd=ROOT, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < end:
            try:
                with urlopen(self._ready):
                    return
            except (URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"the server did not start: {self._command}")

    def kill(self) -> None:
        """Kill it as a crash of the machine would, without a chance to save anything."""
        assert self._process
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it where it still runs."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
