"""S3's interface on loopback, in memory, as a program of its own: `python s3_server.py PORT TROUBLE`.

While the file TROUBLE exists, writes fail. It holds what happens, after how many writes, and in which part of the
store: `503 2 /` answers the third and all later ones as a store that is overloaded, `403 0 /bucket/dvc/` all of one
folder as a store for which the credentials have run out, and `hold 1 /` lets all but the first wait until the file is
gone.
"""

import sys
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

WRITES = ("PUT", "POST", "DELETE")
CODES = {403: "AccessDenied", 503: "SlowDown"}


class TroubledStore:
    """moto's S3, whose writes fail while there is trouble."""

    def __init__(self, trouble: Path) -> None:
        """Take the file that says what happens."""
        self._trouble = trouble
        self._store = DomainDispatcherApplication(create_backend_app)
        self._lock = Lock()
        self._writes = 0  # since there is trouble

    def __call__(self, request: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request, as a WSGI application does."""
        kind = self._trouble_of(request["REQUEST_METHOD"], request["PATH_INFO"])
        if kind == "hold":
            while self._trouble.exists():
                time.sleep(0.05)
        elif kind is not None:
            return _refuse(HTTPStatus(int(kind)), request, respond)
        answer: Iterable[bytes] = self._store(request, respond)
        return answer

    def _trouble_of(self, method: str, path: str) -> str | None:
        if method not in WRITES:
            return None
        with self._lock:
            if not self._trouble.exists():
                self._writes = 0
                return None
            kind, spared, where = self._trouble.read_text().split()
            if not path.startswith(where):
                return None
            self._writes += 1
            return kind if self._writes > int(spared) else None


def _refuse(status: HTTPStatus, request: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
    request["wsgi.input"].read(int(request.get("CONTENT_LENGTH") or 0))
    respond(f"{status.value} {status.phrase}", [("Content-Type", "application/xml")])
    return [f"<Error><Code>{CODES[status]}</Code><Message>writes are refused</Message></Error>".encode()]


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), TroubledStore(Path(sys.argv[2])), threaded=True)
