"""The automations of `deploy/prefect`, loaded into a server as its guide says, call a webhook for the flow's events."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest

from tests.stack.conftest import Prefect
from tests.stack.project import BIN, REPOSITORY
from tests.stack.servers import DIRECT

pytestmark = pytest.mark.slow

SECONDS = 120  # the machine may be busy
TELL = """
from prefect.events import emit_event
for kind in ("promoted", "failed"):
    resource = {"prefect.resource.id": "semantic-synthesis.model.street"}
    emit_event(f"retraining.{kind}", resource=resource, payload={"outcome": kind, "reason": 'a "quoted" one'})
"""


@pytest.fixture
def webhook() -> Iterator[tuple[str, "Queue[dict[str, Any]]"]]:
    """Address of a server of loopback and the documents that were posted to it."""
    posted: Queue[dict[str, Any]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", posted
        server.shutdown()


def test_a_new_champion_and_a_failure_each_reach_the_webhook(
    running_prefect: Prefect, webhook: tuple[str, "Queue[dict[str, Any]]"], tmp_path: Path
) -> None:
    running_prefect.service.ensure()
    address, posted = webhook
    environment = {**os.environ, **DIRECT, "PREFECT_API_URL": running_prefect.api, "PREFECT_HOME": str(tmp_path)}

    def run(*command: str | Path) -> str:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    make = f"from prefect.blocks.webhook import Webhook; print(Webhook(url={address!r}).save('retraining'))"
    block = run(sys.executable, "-c", make).split()[-1]
    automations = tmp_path / "automations.yaml"
    template = (REPOSITORY / "deploy" / "prefect" / "automations.yaml").read_text()
    automations.write_text(template.replace("WEBHOOK_ID", block))
    run(BIN / "prefect", "automation", "create", "--from-file", automations)
    run(sys.executable, "-c", TELL)
    told = [posted.get(timeout=SECONDS) for _ in range(2)]
    assert sorted(each["outcome"] for each in told) == ["failed", "promoted"]
    assert {each["reason"] for each in told} == {'a "quoted" one'}
