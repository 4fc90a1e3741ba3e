"""The editor's server: in a thread, or as a process that can be killed."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import uvicorn

from deploy.server.application import create_application
from deploy.server.limits import Limits
from deploy.server.served import Served, ServedModel

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0  # seconds


@contextmanager
def serve(bundle: Path, token: str | None = None) -> Iterator[str]:
    """Serve a bundle from a thread; gives its address."""
    application = create_application(Served(ServedModel.load(bundle)), Limits(), token)
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
    """`python -m deploy.server` as a process that can be killed, always at the same address."""

    def __init__(self, bundle: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}/"
        self._command = [sys.executable, "-m", "deploy.server", "--bundle", str(bundle), "--port", str(port)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until its model serves."""
        self._process = subprocess.Popen(self._command, cwd=ROOT, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < end:
            try:
                with urlopen(self.address + "ready"):
                    return
            except (URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"the server did not start: {self._command}")

    def kill(self) -> None:
        """Kill it as a crash of the machine would."""
        assert self._process
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it where it still runs."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
