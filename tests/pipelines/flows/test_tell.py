"""A retraining's outcome is told by a webhook and by an artifact in Prefect's page."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.retraining_project import run, set_retrain

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]
Judged = list[tuple[int, int | None]]


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """An address that takes what is posted to it, and what was."""
    posted: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", posted
    server.shutdown()
    server.server_close()


def test_a_webhook_and_an_artifact_are_told_and_a_webhook_that_fails_fails_nothing(
    project: Path, judged: Judged, listener: tuple[str, list[str]]
) -> None:
    import httpx
    from prefect.blocks.webhook import Webhook
    from prefect.settings import PREFECT_API_URL

    address, posted = listener
    Webhook(url=address).save("team", overwrite=True)
    set_retrain(project, webhook="team")
    assert run().name == "Promoted"
    [message] = posted
    assert '"outcome":"promoted"' in message.replace(" ", "")
    filters = {"artifacts": {"key": {"any_": ["retraining"]}}, "sort": "CREATED_DESC"}
    artifacts = httpx.post(f"{PREFECT_API_URL.value()}/artifacts/filter", json=filters).json()
    assert artifacts[0]["data"].startswith("## Version 1: promoted: there is no champion")
    assert artifacts[0]["description"] == "version 1: promoted"
    set_retrain(project, webhook="nobody")
    assert run().name == "Unchanged"
