"""Scripts and commands of the stack, run for real without containers: PostgreSQL, S3, MLflow, git."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psycopg2  # type: ignore[import-untyped]
import pytest

from tests.deploy.container_files import DEPLOY, services
from tests.stack.servers import CREDENTIALS, DIRECT, S3, Postgres, postgres_programs
from tests.stack.service import Service, free_port, listens

PASSWORDS = {
    "MLFLOW_DATABASE_PASSWORD": "it's mlflow",  # pragma: allowlist secret
    "PREFECT_DATABASE_PASSWORD": "prefect",  # pragma: allowlist secret
}

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Stores:
    """What the servers keep their data in, made by the stack's own scripts."""

    postgres: Postgres
    s3: S3


@pytest.fixture(scope="module")
def stores() -> Iterator[Stores]:
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with TemporaryDirectory(prefix="stack-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # for the user of PostgreSQL
        postgres = Postgres.create(folder / "postgres", programs)
        s3 = S3.create(folder / "s3")
        execute(postgres, "DROP DATABASE mlflow")
        execute(postgres, "DROP DATABASE prefect")
        path = f"{programs}:{os.environ['PATH']}"
        where = {"POSTGRES_USER": "postgres", "PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PATH": path}
        subprocess.run(["sh", DEPLOY / "postgres" / "10_databases.sh"], env=where | PASSWORDS, check=True)
        yield Stores(postgres, s3)
        s3.service.kill()
        postgres.service.kill()


def execute(postgres: Postgres, statement: str, database: str = "postgres", user: str = "postgres") -> list[object]:
    connection = psycopg2.connect(host="127.0.0.1", port=postgres.port, dbname=database, user=user)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return [row[0] for row in cursor.fetchall()] if cursor.description else []
    finally:
        connection.close()


def test_each_server_owns_its_database_and_reaches_no_other(stores: Stores) -> None:
    for name in ("mlflow", "prefect"):
        execute(stores.postgres, "CREATE TABLE own (id int)", name, user=name)
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        execute(stores.postgres, "SELECT 1", "prefect", user="mlflow")
    secured = "SELECT rolname FROM pg_authid WHERE rolpassword LIKE 'SCRAM%' ORDER BY 1"
    assert execute(stores.postgres, secured) == ["mlflow", "prefect"]


def test_databases_are_not_made_without_their_passwords() -> None:
    script: list[str | Path] = ["sh", DEPLOY / "postgres" / "10_databases.sh"]
    found = subprocess.run(script, env={"PREFECT_DATABASE_PASSWORD": "x"}, capture_output=True, text=True)
    assert found.returncode != 0
    assert "MLFLOW_DATABASE_PASSWORD" in found.stderr


def make_buckets(stores: Stores, *names: str) -> str:
    environment = os.environ | CREDENTIALS | DIRECT | {"AWS_ENDPOINT_URL_S3": stores.s3.endpoint}
    command: list[str | Path] = [sys.executable, DEPLOY / "docker" / "make_buckets.py", *names]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stderr


def test_buckets_are_made_once(stores: Stores) -> None:
    assert "['first', 'second']" in make_buckets(stores, "first", "second")
    assert "['third']" in make_buckets(stores, "first", "third")
    assert {"first", "second", "third"} <= {found["Name"] for found in stores.s3.client().list_buckets()["Buckets"]}


@pytest.fixture(scope="module")
def mlflow(stores: Stores) -> Iterator[str]:
    """The address of MLflow's server, started as the compose file says, at ports of this machine."""
    make_buckets(stores, *services()["buckets"]["command"][2:])
    service = services()["mlflow"]
    port = free_port()
    command = [re.sub(r"\b5000\b", str(port), word) for word in service["command"]]
    command[command.index("--host=0.0.0.0")] = "--host=127.0.0.1"
    given = {name: re.sub(r"\$\{\w+:[^}]*\}", "password", text) for name, text in service["environment"].items()}
    given["MLFLOW_BACKEND_STORE_URI"] = given["MLFLOW_BACKEND_STORE_URI"].replace(
        "@postgres/", f"@127.0.0.1:{stores.postgres.port}/"
    )
    given["AWS_ENDPOINT_URL_S3"] = stores.s3.endpoint
    uri = f"http://127.0.0.1:{port}"
    with TemporaryDirectory(prefix="mlflow-") as folder:
        server = Service(
            command=[sys.executable, "-m", *command],
            answers=lambda: listens(f"{uri}/health"),
            log=Path(folder) / "log",
            environment=given | DIRECT | {"MLFLOW_DISABLE_TELEMETRY": "true"},
            folder=Path(folder),
        )
        server.start()
        yield uri
        server.kill()


def test_mlflow_keeps_what_a_client_sends_in_the_bucket(
    mlflow: str, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    for name, value in DIRECT.items():
        monkeypatch.setenv(name, value)
    client = MlflowClient(mlflow)  # without the store's address and credentials
    run = client.create_run(client.create_experiment("tried")).info.run_id
    client.log_text(run, "kept", "note.txt")
    kept = stores.s3.client().list_objects_v2(Bucket="mlflow")["Contents"]
    assert [entry["Key"].rsplit("/", 1)[1] for entry in kept] == ["note.txt"]
    tables = "SELECT tableowner FROM pg_tables WHERE tablename = 'experiments'"
    assert execute(stores.postgres, tables, "mlflow") == ["mlflow"]


def test_mlflow_answers_to_its_name_in_the_stack_and_to_no_other(mlflow: str) -> None:
    port = mlflow.rsplit(":", 1)[1]

    def status(host: str) -> int:
        try:
            address = f"{mlflow}/api/2.0/mlflow/experiments/get?experiment_id=0"
            return int(urlopen(Request(address, headers={"Host": host})).status)
        except HTTPError as error:
            return error.code

    assert [status(f"{host}:{port}") for host in ("mlflow", "localhost", "127.0.0.1")] == [200, 200, 200]
    assert status(f"elsewhere:{port}") == 403


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a file `version` that says 1 at the tag `first` and 2 on the branch `main`."""
    folder = tmp_path / "repository"
    git(tmp_path, "init", "--quiet", "--initial-branch", "main", str(folder))
    for number in ("1", "2"):
        (folder / "version").write_text(number)
        git(folder, "add", "version")
        git(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", number)
        if number == "1":
            git(folder, "tag", "first")
    return folder


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def working_copy(repository: Path, revision: str) -> subprocess.CompletedProcess[str]:
    script: list[str | Path] = ["sh", DEPLOY / "kubernetes" / "project" / "working_copy.sh"]
    project = repository.with_name("project")
    environment = {"REPOSITORY": str(repository), "REVISION": revision, "PROJECT": str(project)}
    return subprocess.run(script, env=os.environ | environment, capture_output=True, text=True)


def test_a_working_copy_is_cloned_and_brought_to_another_revision(repository: Path) -> None:
    file = repository.with_name("project") / "version"
    assert working_copy(repository, "first").returncode == 0
    assert file.read_text() == "1"
    (file.parent / "results").write_text("kept")
    assert working_copy(repository, "main").returncode == 0
    assert file.read_text() == "2"
    (repository / "version").write_text("3")
    git(repository, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--all", "--message", "3")
    assert working_copy(repository, "main").returncode == 0
    assert file.read_text() == "3"
    assert (file.parent / "results").read_text() == "kept"


def test_a_working_copy_with_changes_is_left_as_it_is(repository: Path) -> None:
    assert working_copy(repository, "first").returncode == 0
    file = repository.with_name("project") / "version"
    file.write_text("changed")
    refused = working_copy(repository, "main")
    assert refused.returncode != 0
    assert "version" in refused.stderr
    assert file.read_text() == "changed"


def test_a_revision_that_is_not_there_is_an_error(repository: Path) -> None:
    assert working_copy(repository, "nowhere").returncode != 0
