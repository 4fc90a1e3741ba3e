import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from typer.testing import CliRunner

from deploy.server.__main__ import app
from tests.tiny_bundle import write_tiny_bundle

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0  # seconds
TOKEN = "0123456789abcdef-token"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@contextmanager
def started(*options: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a server on a free port; give the process and its address."""
    command = [sys.executable, "-m", "deploy.server", "--port", "0", *map(str, options)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if found := re.search(r"running on (http://127\.0\.0\.1:\d+)", line):
                    break
            else:
                pytest.fail("the server did not start")
            yield process, found[1]
        finally:
            process.kill()


def test_a_bundle_is_served_until_a_signal_ends_it(bundle: Path) -> None:
    with started("--bundle", bundle, "--max-pixels", 256) as (process, address):
        with urlopen(f"{address}/api/bundle", timeout=PATIENCE) as answer:
            told = json.load(answer)
        assert (told["name"], told["limits"]["pixels"]) == ("tiny", 256)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) in (0, -signal.SIGTERM)
        assert process.stderr is not None
        rest = process.stderr.read()
    assert re.search(r"GET /api/bundle 200 \d+\.\d ms", rest)
    assert "Traceback" not in rest


def test_the_token_comes_from_a_file_and_stands_in_no_log(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    with started("--bundle", bundle, "--token-file", tmp_path / "token") as (process, address):
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{address}/api/bundle", timeout=PATIENCE)
        assert refused.value.code == 401
        asked = Request(f"{address}/api/bundle", headers={"Authorization": f"Bearer {TOKEN}"})
        with urlopen(asked, timeout=PATIENCE) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        assert process.stderr is not None
        assert TOKEN not in process.stderr.read()


@pytest.mark.parametrize(
    ("options", "status", "expected"),
    [
        ([], 2, "found both or none of --bundle and --model"),
        (["--bundle", "x", "--model", "name@champion"], 2, "found both or none of --bundle and --model"),
        (["--bundle", "nowhere"], 1, "error: nowhere/bundle.json: no such file"),
        (["--bundle", "{bundle}", "--precision", "int8"], 1, "error: precision: found 'int8', expected"),
        (["--bundle", "{bundle}", "--token-file", "nowhere"], 1, "No such file or directory: 'nowhere'"),
        (["--model", "champion"], 1, "found 'champion', expected NAME@ALIAS"),
        (["--bundle", "{bundle}", "--max-instances", "65537"], 2, "--max-instances"),
    ],
)
def test_what_cannot_be_served_is_told(bundle: Path, options: list[str], status: int, expected: str) -> None:
    given = [option.format(bundle=bundle) for option in options]
    result = CliRunner().invoke(app, given, env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert result.exit_code == status
    assert expected in re.sub(r"\s+", " ", re.sub(r"[│╭╮╰╯─]", "", result.output))
