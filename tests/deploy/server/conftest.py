from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from deploy.server.application import create_application
from deploy.server.limits import Limits
from deploy.server.served import Served, ServedModel
from tests.deploy.server.tiny_server import write_bundle


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="session")
def model(tiny_bundle: Path) -> ServedModel:
    return ServedModel.load(tiny_bundle)


@pytest.fixture(scope="module")
def client(model: ServedModel) -> Iterator[TestClient]:
    with TestClient(create_application(Served(model), Limits())) as opened:
        yield opened
