import csv
import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from deploy.study.__main__ import app
from deploy.study.plan import BETTER, WORSE, Trial
from deploy.study.store import Answer, StudyStore
from tests.deploy.study.tiny_study import write_methods


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Eight of ten comparisons, all for half a second, prefer `ours`; one check is passed."""
    trials = [Trial(f"{number}.png", "ours", "theirs", 0.5) for number in range(10)]
    store = StudyStore(tmp_path / "study.db", {"pairs": [["ours", "theirs"]], "exposures": [0.5]})
    store.add_participant("token", 0, [Trial("x.png", WORSE, BETTER, 1.0), *trials], 1)
    for position, choice in enumerate(["right"] + ["left"] * 8 + ["right"] * 2):
        store.add_answer("token", position, Answer(choice, 800.0, 0.0, 500.0, 16.7))  # type: ignore[arg-type]
    store.close()
    return tmp_path / "study.db"


def test_analyse_prints_writes_and_draws(database: Path, tmp_path: Path) -> None:
    result = run("analyse", database, "--plot", tmp_path / "curve.svg", "--json", tmp_path / "figures.json")
    assert result.exit_code == 0
    assert "participants: 1 answered, 1 of them all their pairs; 0 excluded" in result.stdout
    assert "80.0%  49.0% to 94.3%  0.11" in result.stdout
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["overall"][0]["preferred"], figures["by_exposure"][0]["exposure"]) == (8, 0.5)
    assert "<svg" in (tmp_path / "curve.svg").read_text()


def test_export_writes_a_row_an_answer_to_a_file_or_to_the_screen(database: Path, tmp_path: Path) -> None:
    result = run("export", database, "--out", tmp_path / "answers.csv")
    assert (result.exit_code, result.stdout) == (0, "")
    with (tmp_path / "answers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (len(rows), rows[1]["chosen"], "token" in rows[0]) == (11, "ours", False)
    printed = run("export", database, "--tokens").stdout.splitlines()
    assert (len(printed), printed[0].split(",")[1], printed[1].split(",")[1]) == (12, "token", "token")


@pytest.mark.parametrize("command", ["analyse", "export"])
def test_a_database_that_is_not_there_is_an_error(tmp_path: Path, command: str) -> None:
    result = run(command, tmp_path / "none.db")
    assert result.exit_code == 1
    assert result.stderr == f"error: {tmp_path}/none.db: no such file, expected the database of a study\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "methods: Field required"),
        (["--method", "ours"], "methods: found ours, expected NAME=FOLDER"),
        (["--method", "a=x", "--method", "b=y"], "x: found no PNG file, expected a folder with some"),
        (["--method", "a=x", "--method", "b=y", "--pair", "a"], "pairs: found a, expected NAME:NAME"),
        (["none.yaml"], "none.yaml: cannot be read"),
    ],
)
def test_a_study_that_cannot_be_served_is_an_error(options: list[str], expected: str) -> None:
    result = run("serve", *options)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {expected}")


def test_a_database_of_another_study_is_not_gone_on_with(database: Path, tmp_path: Path) -> None:
    file = tmp_path / "streets.yaml"
    methods = {name: str(folder) for name, folder in write_methods(tmp_path, 3).items()}
    file.write_text(yaml.safe_dump({"methods": methods, "database": "study.db"}))
    result = run("serve", file)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {database}: found answers to another study, which differs in check")
