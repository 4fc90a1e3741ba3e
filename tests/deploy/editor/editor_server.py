"""The editor's server in a thread."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.server.application import create_application
from deploy.server.limits import Limits
from deploy.server.served import Served, ServedModel
from tests.deploy.web_server import serve_application


@contextmanager
def serve(bundle: Path, token: str | None = None) -> Iterator[str]:
    """Serve a bundle; gives the address."""
    with serve_application(create_application(Served(ServedModel.load(bundle)), Limits(), token)) as address:
        yield address
