"""What the tests of hostile requests share: a server of small limits, and what its answers have to be."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from hypothesis import HealthCheck

from deploy.server.application import create_application
from deploy.server.limits import Limits
from deploy.server.served import Served, ServedModel
from tests.deploy.server.tiny_server import write_bundle

LIMITS = Limits(bytes=2**20, pixels=64 * 64, instances=64, operations=16)
SETTINGS: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}


@contextmanager
def small_server(folder: Path) -> Iterator[TestClient]:
    """Give a client of a server of the tiny bundle; an error in it is an answer of 500, as it is for others."""
    model = ServedModel.load(write_bundle(folder), threads=1)
    with TestClient(create_application(Served(model), LIMITS), raise_server_exceptions=False) as opened:
        yield opened


def told(answer: Any) -> int:
    """The status, of an answer that is a problem where it is no 200."""
    if answer.status_code != 200:
        assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        document = answer.json()
        assert document["status"] == answer.status_code
        assert document["detail"]
        assert document["detail"].isprintable()
    return int(answer.status_code)


def send_json(server: TestClient, path: str, body: Any) -> int:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return told(server.post(path, content=content, headers={"Content-Type": "application/json"}))
