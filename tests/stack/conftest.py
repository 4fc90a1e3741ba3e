"""The stack that the tests of this folder share: PostgreSQL, S3, an MLflow server on both, a Prefect server."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.stack.prefect_client import PrefectClient
from tests.stack.servers import DIRECT, S3, Postgres, mlflow_server, postgres_programs, prefect_server
from tests.stack.service import Service


@dataclass(frozen=True)
class Mlflow:
    """An MLflow server on PostgreSQL whose artifacts lie in S3."""

    service: Service
    uri: str
    postgres: Postgres
    store: S3


@dataclass(frozen=True)
class Prefect:
    """A Prefect server on PostgreSQL."""

    service: Service
    api: str

    @property
    def client(self) -> PrefectClient:
        """Give a client of it."""
        return PrefectClient(self.api)


@pytest.fixture(scope="session")
def stack_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user may enter too, unlike pytest's own."""
    with TemporaryDirectory(prefix="stack-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def running_postgres(stack_folder: Path) -> Iterator[Postgres]:
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    postgres = Postgres.create(stack_folder / "postgres", programs)
    yield postgres
    postgres.service.stop()


@pytest.fixture(scope="session")
def running_mlflow(stack_folder: Path, running_postgres: Postgres) -> Iterator[Mlflow]:
    store = S3.create(stack_folder / "s3")
    service, uri = mlflow_server(stack_folder / "mlflow", running_postgres, store)
    yield Mlflow(service, uri, running_postgres, store)
    service.kill()  # to end in order takes it seconds
    store.service.kill()


@pytest.fixture(scope="session")
def running_prefect(stack_folder: Path, running_postgres: Postgres) -> Iterator[Prefect]:
    service, api = prefect_server(stack_folder / "prefect", running_postgres)
    yield Prefect(service, api)
    service.kill()


@pytest.fixture
def mlflow_stack(running_mlflow: Mlflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mlflow:
    """The MLflow server, which works again whatever a test before has done, as the tracking store of a new folder."""
    running_mlflow.postgres.service.ensure()
    running_mlflow.service.ensure()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", running_mlflow.uri)
    for name, value in DIRECT.items():
        monkeypatch.setenv(name, value)
    return running_mlflow
