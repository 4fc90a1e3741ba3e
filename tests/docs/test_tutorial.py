"""The tutorial, followed to its end: every file saved, every command run in its order, the model served."""

import json
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from PIL import Image

from tests.docs.pages import ROOT
from tests.docs.tutorial_project import commands_to_run, environment, make_project, run, save_files

PAGE = ROOT / "docs" / "tutorial.md"
SERVER = ".venv/bin/python -m deploy.server "
PORT = "8000"
SECONDS_TO_START = 240

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each command before the server printed; `project` is its folder."""
    project = make_project(tmp_path_factory.mktemp("tutorial"))
    assert save_files(PAGE, project, shorter=True) == ["boats.py", "recipes/recipe/boats.yaml"]
    found = {"project": str(project)}
    for command in commands_to_run(PAGE):
        if command.startswith(SERVER):
            break
        found[command] = run(command, project)
    return found


@pytest.fixture(scope="module")
def project(printed: dict[str, str]) -> Path:
    return Path(printed["project"])


def test_the_dataset_has_the_folders_that_the_tutorial_names(project: Path) -> None:
    boats = project / "data" / "boats"
    assert {path.name for path in boats.iterdir()} == {
        *("train_img", "train_label", "val_img", "val_label"),
        "classes.json",
    }
    assert [len(list((boats / f"{split}_img").iterdir())) for split in ("train", "val")] == [16, 4]


def test_what_the_tutorial_has_its_reader_open_is_there(project: Path) -> None:
    for name in ("build/prepared/report", "results/plots", "build/styles/page", "build/bundle"):
        assert f"`{name}" in PAGE.read_text(encoding="utf-8")
        assert (project / name).is_dir()
    assert (project / "build/prepared/report/index.html").is_file()
    assert (project / "results/plots/results.html").is_file()


def test_the_model_knows_the_boats_as_objects_with_styles(project: Path) -> None:
    bank = json.loads((project / "build/styles/styles.json").read_text(encoding="utf-8"))
    boats = bank["classes"]["2"]
    assert (boats["name"], sum(boats["counts"])) == ("boat", 32)  # two a picture


def test_scores_pictures_and_registry_are_what_the_tutorial_says(printed: dict[str, str], project: Path) -> None:
    shown = {command.removeprefix(".venv/bin/"): text for command, text in printed.items()}
    assert "oracle_mean_iou" in shown["dvc metrics show"]
    assert "champion" in shown["python -m pipelines.registry list"]
    assert sorted(path.name for path in (project / "pictures").glob("*.png")) == [f"{n:02}.png" for n in range(4)]
    assert Image.open(project / "pictures" / "00.png").size == (64, 32)


@contextmanager
def serving(command: str, project: Path, port: int) -> Iterator[None]:
    """Run the tutorial's server on a free port, until it says that it is ready."""
    words = shlex.split(command.replace(PORT, str(port)))
    with (project / "server.log").open("w") as log:
        server = subprocess.Popen(words, cwd=project, env=environment(), stdout=log, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while not answers(f"http://127.0.0.1:{port}/ready"):
            text = (project / "server.log").read_text()
            assert server.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.2)
        yield
    finally:
        server.terminate()
        server.wait(60)


def answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=10) as answer:
            return bool(answer.status == 200)
    except URLError:
        return False


def test_the_served_model_answers_the_tutorials_request(project: Path) -> None:
    commands = list(commands_to_run(PAGE))
    start, *requests = commands[next(n for n, line in enumerate(commands) if line.startswith(SERVER)) :]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert len(requests) == 1
    with serving(start, project, port):
        run(requests[0].replace(f":{PORT}/", f":{port}/"), project)
    picture = Image.open(project / "picture.png")
    assert (picture.size, picture.mode) == ((64, 32), "RGB")
