"""How following an alias begins, and what it says where it cannot."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.server.registry import ModelFollower
from deploy.server.registry_client import AliasMissing, ModelAlias, RegistryAway, RegistryError, one_line
from deploy.server.served import Served
from tests.deploy.server.registered_bundles import ALIAS, NAME, point_to, project, register

ROOT = Path(__file__).parents[3]
MODEL = ModelAlias(NAME, ALIAS)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with project(tmp_path):
        yield tmp_path


def test_an_alias_is_written_with_the_name_before_it() -> None:
    assert ModelAlias.parse("street@champion") == ModelAlias("street", "champion")
    assert ModelAlias.parse("models:/a@b@champion") == ModelAlias("a@b", "champion")
    assert str(ModelAlias("street", "champion")) == "street@champion"
    for wrong in ("street", "@champion", "street@", "street/1"):
        with pytest.raises(ValueError, match="expected NAME@ALIAS"):
            ModelAlias.parse(wrong)


def test_a_model_that_does_not_exist_is_told_at_the_start(folder: Path) -> None:
    with pytest.raises(AliasMissing, match=r"street@champion: .* has none: .*street not found"):
        ModelFollower(Served(), MODEL, threads=1).load()


def test_a_registry_that_does_not_answer_is_told_at_the_start_with_status_69(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")  # pragma: allowlist secret
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryAway, match=r"^http://127\.0\.0\.1:9 does not answer: .*refused") as caught:
        ModelFollower(Served(), MODEL, threads=1).load()
    assert caught.value.exit_status == 69
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    (folder / "mlflow.db").unlink()
    with pytest.raises(RegistryAway, match=r"found no MLFLOW_TRACKING_URI in the environment and no .*/mlflow\.db"):
        ModelFollower(Served(), MODEL)


@pytest.mark.slow
def test_the_program_ends_with_status_69_where_the_registry_is_away_and_1_where_the_alias_is_missing(
    folder: Path,
) -> None:
    for address, status, message in (
        ("http://127.0.0.1:9", 69, "error: http://127.0.0.1:9 does not answer: "),
        (f"sqlite:///{folder}/mlflow.db", 1, "error: street@champion: sqlite:"),
    ):
        ended = subprocess.run(
            [sys.executable, "-m", "deploy.server", "--model", "street@champion", "--port", "0"],
            env=os.environ | {"MLFLOW_TRACKING_URI": address, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stdout) == (status, ""), ended.stderr
        assert ended.stderr.splitlines()[-1].startswith(message)
        assert "Traceback" not in ended.stderr


def test_a_cache_that_cannot_be_written_is_told(folder: Path) -> None:
    point_to(register(folder, 10))
    follower = ModelFollower(Served(), MODEL, threads=1)
    cache = folder / "cache" / "semantic-synthesis" / "models"
    cache.rmdir()
    cache.write_text("no folder")
    with pytest.raises(RegistryError, match="street@champion: version 1 cannot be cached: "):
        follower.load()


def test_an_error_is_told_in_one_printable_line() -> None:
    assert one_line("a\nb\x1b[31m\t\tc") == "a b\\x1b[31m c"
    assert one_line(ValueError()) == "ValueError()"
    assert len(one_line("x" * 1000)) == 500
