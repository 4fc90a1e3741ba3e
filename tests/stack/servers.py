"""The servers of a stack: PostgreSQL, S3, MLflow and Prefect on them, and a worker; all on free ports of loopback."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import psycopg2  # type: ignore[import-untyped]

from components.atomic import atomic_file
from tests.stack.prefect_client import PrefectClient
from tests.stack.service import Service, free_port, listens

BIN = Path(sys.executable).parent
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
DATABASES = ("mlflow", "prefect")
DIRECT = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def postgres_programs() -> Path | None:
    """Give the folder of PostgreSQL's programs, which Debian keeps out of the path; None: it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


@dataclass(frozen=True)
class Postgres:
    """A database server with an empty database each for MLflow and Prefect."""

    service: Service
    port: int

    @classmethod
    def create(cls, folder: Path, programs: Path) -> "Postgres":
        """Make its files in a folder and start it; it refuses to run as root, and then runs as another user."""
        port = free_port()
        user = _unprivileged() if os.geteuid() == 0 else None
        data = folder / "data"
        folder.mkdir(parents=True)
        if user is not None:
            shutil.chown(folder, user)
        command: list[str | Path] = [programs / "initdb", "--pgdata", data, "--auth", "trust"]
        command += ["--username", "postgres", "--no-sync"]
        subprocess.run(command, user=user, cwd=folder, check=True, capture_output=True)
        settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
        server = Service(
            command=[programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
            answers=lambda: _accepts(port),
            log=folder.with_suffix(".log"),
            user=user,
            folder=folder,
            crash_signal=signal.SIGQUIT,  # its immediate shutdown; SIGKILL would leave its children running
        )
        server.start()
        for name in DATABASES:
            execute(port, "postgres", f"CREATE DATABASE {name}")
        return cls(server, port)

    def uri(self, database: str, driver: str = "postgresql") -> str:
        """Give SQLAlchemy's address of a database."""
        return f"{driver}://postgres@127.0.0.1:{self.port}/{database}"


@dataclass(frozen=True)
class S3:
    """An object store with one bucket."""

    service: Service
    endpoint: str
    trouble: Path
    bucket: str = "semantic-synthesis"

    @classmethod
    def create(cls, folder: Path) -> "S3":
        """Start it with an empty bucket."""
        folder.mkdir()
        port, trouble = free_port(), folder / "trouble"
        endpoint = f"http://127.0.0.1:{port}"
        server = Service(
            command=[sys.executable, Path(__file__).with_name("s3_server.py"), str(port), trouble],
            answers=lambda: listens(endpoint),
            log=folder / "s3.log",
        )
        server.start()
        store = cls(server, endpoint, trouble)
        store.client().create_bucket(Bucket=store.bucket)
        return store

    def client(self) -> Any:
        """Give a client of its interface."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    @contextmanager
    def troubled(self, what: str, *, after: int = 0, folder: str = "") -> Iterator[None]:
        """Have writes to a folder refused with `503` or `403`, or `hold` them, after so many; see `s3_server.py`."""
        with atomic_file(self.trouble) as file:
            file.write_text(f"{what} {after} /{self.bucket}/{folder}")
        try:
            yield
        finally:
            self.trouble.unlink()

    def names(self) -> list[str]:
        """Give the names of all objects of the bucket."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def delete(self, names: list[str]) -> None:
        """Delete objects of the bucket."""
        for name in names:
            self.client().delete_object(Bucket=self.bucket, Key=name)


def mlflow_server(folder: Path, postgres: Postgres, store: S3) -> tuple[Service, str]:
    """Give a started MLflow server on both, through which clients reach the artifacts, and its address."""
    folder.mkdir()
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    server = Service(
        command=[
            *(sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", postgres.uri("mlflow"), "--artifacts-destination", f"s3://{store.bucket}/mlflow"),
        ],
        answers=lambda: listens(f"{uri}/health"),
        log=folder / "mlflow.log",
        environment={
            **CREDENTIALS,
            **DIRECT,
            "MLFLOW_S3_ENDPOINT_URL": store.endpoint,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # they would be more processes
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "AWS_MAX_ATTEMPTS": "2",  # a test of a store that refuses waits for all of them
        },
        folder=folder,
    )
    server.start()
    return server, uri


def prefect_server(folder: Path, postgres: Postgres) -> tuple[Service, str]:
    """Give a started Prefect server with its scheduler, and the address of its interface."""
    folder.mkdir()
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    server = Service(
        command=[BIN / "prefect", "server", "start", "--port", str(port), "--no-ui"],
        answers=lambda: listens(f"{api}/health"),
        log=folder / "prefect.log",
        environment={
            **DIRECT,
            "PREFECT_HOME": str(folder / "home"),
            "PREFECT_API_DATABASE_CONNECTION_URL": postgres.uri("prefect", "postgresql+asyncpg"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            # leases that survive a restart, without which the run that holds one is ended, or its slot never freed
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
            "DO_NOT_TRACK": "1",
        },
        folder=folder,
    )
    server.start()
    return server, api


def worker(folder: Path, api: str, pool: str, environment: Mapping[str, str]) -> Service:
    """Give a process worker of a pool, not started, in a folder; its flow runs take place with these variables."""
    return Service(
        command=[BIN / "prefect", "worker", "start", "--pool", pool, "--type", "process", "--name", "worker"],
        answers=lambda: PrefectClient(api).online_workers(pool) == ["worker"],
        log=folder.with_name("worker.log"),
        environment={**environment, "PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_WORKER_HEARTBEAT_SECONDS": "2"},
        folder=folder,
    )


def _unprivileged() -> str:
    """A user whom a program may run as that refuses root."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _accepts(port: int) -> bool:
    try:
        execute(port, "postgres", "SELECT 1")
    except psycopg2.OperationalError:
        return False
    return True


def execute(port: int, database: str, statement: str) -> None:
    """Execute a statement outside of a transaction, as some demand."""
    connection = psycopg2.connect(host="127.0.0.1", port=port, dbname=database, user="postgres", connect_timeout=5)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
