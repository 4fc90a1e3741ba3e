"""Every command of the pages: its program, options and arguments are real; what runs it, or why nothing, is said."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.command_checks import problem_with
from tests.docs.pages import ROOT, Command, commands, name_of, pages

TUTORIAL = "docs/tutorial.md"


@dataclass(frozen=True)
class RunBy:
    """Commands that a test runs, with tiny inputs or in another folder.

    Attributes:
        pattern: that the commands match from their start.
        test: the file of the test.
        mentions: what the file has in it of the command.
    """

    pattern: str
    test: str
    mentions: str


@dataclass(frozen=True)
class OnlyParsed:
    """Commands that are only held against the command line that they call, and why."""

    pattern: str
    why: str


PYTHON = r"(\.venv/bin/)?python -m "
DVC = r"(\.venv/bin/)?dvc "
RUN_BY = (
    RunBy(PYTHON + r"deploy\.synthesize ", "tests/deploy/test_synthesize.py", "deploy.synthesize"),
    RunBy(PYTHON + r"deploy\.study ", "tests/deploy/study/test_study_command_line.py", "analyse"),
    RunBy(PYTHON + r"deploy\.server", "tests/docs/test_tutorial.py", "/ready"),
    RunBy(PYTHON + r"deploy\.pods", "tests/deploy/pods/test_pods.py", "deploy.pods"),
    RunBy(PYTHON + r"pipelines\.compose", "tests/pipelines/test_params.py", "import compose"),
    RunBy(PYTHON + r"pipelines\.cost", "tests/pipelines/test_cost.py", "pipelines.cost"),
    RunBy(PYTHON + r"pipelines\.outbox", "tests/pipelines/test_outbox.py", "pipelines.outbox"),
    RunBy(PYTHON + r"pipelines\.registry", "tests/pipelines/test_registry.py", "pipelines.registry"),
    RunBy(PYTHON + r"pipelines\.import_official", "tests/pipelines/test_import_official.py", "import_official"),
    RunBy(PYTHON + r"pipelines\.flows\.retrain$", "tests/integration/test_graph.py", "pipelines.flows.retrain"),
    RunBy(PYTHON + r"pipelines\.flows\.retrain --", "tests/pipelines/flows/test_flow_command.py", "--dry-run"),
    RunBy(PYTHON + r"pipelines\.flows\.announce", "tests/pipelines/flows/test_deployments.py", "announce"),
    RunBy(PYTHON + r"pipelines\.stages\.preprocess", "tests/pipelines/test_preprocess_stage.py", "job"),
    RunBy(PYTHON + r"pipelines\.stages\.train ", "tests/integration/test_replicas.py", "pipelines.stages.train"),
    RunBy(PYTHON + r"experiments\.", "tests/experiments/test_tables_run.py", "experiments"),
    RunBy(PYTHON + r"benchmarks\.inference", "tests/benchmarks/test_inference_benchmark.py", "benchmarks"),
    RunBy(PYTHON + r"benchmarks\.(loader|preprocess)", "tests/benchmarks/test_data_benchmarks.py", "benchmarks"),
    RunBy(PYTHON + r"benchmarks\.training_step", "tests/benchmarks/test_training_step.py", "benchmarks"),
    RunBy(
        DVC + r"(push|pull|import|update|remote|add|status|checkout|cache|unprotect)",
        "tests/integration/test_remotes.py",
        "dvc",
    ),
    RunBy(DVC + r"(repro|metrics show|plots show)", "tests/integration/test_graph.py", "repro"),
    RunBy(r"(\.venv/bin/)?mlflow (models serve|server)", "tests/pipelines/test_model_serving.py", "serve"),
    RunBy(
        r"(\.venv/bin/)?prefect (work-pool|deploy|worker|server|deployment|automation)",
        "tests/stack/test_scheduled_run.py",
        '"prefect", "deploy"',
    ),
    RunBy(r"ID=|sed ", "tests/stack/test_automations.py", "WEBHOOK_ID"),
)
ONLY_PARSED = (
    OnlyParsed(r"make ", "they make the environment in which the tests run, or run the tests"),
    OnlyParsed(
        DVC + r"exp ", "it needs a dataset's folder or trains for minutes to days; tests compose the same parameters"
    ),
    OnlyParsed(DVC + r"(metrics diff|plots diff|gc|config)", "DVC's own, on what a git history or the user's disk has"),
    OnlyParsed(r"dvc --help|mlflow --help|prefect --help|\.venv/bin/(dvc|mlflow|prefect) --help", "they print help"),
    OnlyParsed(r"(\.venv/bin/)?mlflow (ui|gc)", "a page for people, and MLflow's own clearing up"),
    OnlyParsed(PYTHON + r"benchmarks\.(parity|flow|editor)", "it needs files from elsewhere, or minutes"),
    OnlyParsed(r"docker |kubectl |cp deploy/env", "no container engine and no cluster runs where the tests do"),
    OnlyParsed(r"sbatch ", "needs SLURM"),
    OnlyParsed(r"git |cd |export ", "git's own and the shell's"),
    OnlyParsed(r"sqlite3 ", "sqlite's own, which may be missing"),
    OnlyParsed(r"curl ", "a client of a server that another command of the page starts"),
    OnlyParsed(r"\.venv/bin/mutmut ", "shows what ten minutes of mutation testing left"),
    OnlyParsed(r"\.venv/bin/pre-commit ", "writes into the git folder"),
)
COMMANDS = list(dict.fromkeys(command for page in pages() for command in commands(page)))


def is_run_by_the_tutorial(command: Command) -> bool:
    return command.page == TUTORIAL


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_programs_options_and_arguments_of_every_command_are_real(page: Path) -> None:
    problems = [f"{command.line}: {problem}" for command in commands(page) if (problem := problem_with(command.line))]
    assert problems == []


def test_every_command_is_run_or_it_is_said_why_not() -> None:
    known = [*(each.pattern for each in RUN_BY), *(each.pattern for each in ONLY_PARSED)]
    left = [
        f"{command.page}: {command.line}"
        for command in COMMANDS
        if not is_run_by_the_tutorial(command) and not any(re.match(pattern, command.line) for pattern in known)
    ]
    assert left == []


def test_no_entry_of_the_lists_is_left_over() -> None:
    lines = [command.line for command in COMMANDS if not is_run_by_the_tutorial(command)]
    patterns = [each.pattern for each in (*RUN_BY, *ONLY_PARSED)]
    assert [pattern for pattern in patterns if not any(re.match(pattern, line) for line in lines)] == []


def test_the_tests_that_run_commands_are_there() -> None:
    missing = [each for each in RUN_BY if each.mentions not in (ROOT / each.test).read_text(encoding="utf-8")]
    assert missing == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (".venv/bin/python -m pipelines.registry promote 3 --because x", "No such option"),
        (".venv/bin/python -m pipelines.registry promote", None),
        (".venv/bin/python -m pipelines.registry demote 3", "no command demote"),
        (".venv/bin/python -m pipelines.registrar list", "no such module"),
        (".venv/bin/python -m deploy.synthesize maps --out pictures", "Missing option"),
        (".venv/bin/python -m deploy.synthesize maps --bundle b --out p --seed minus", "seed"),
        (".venv/bin/dvc repro --fast", "no such command or option"),
        (".venv/bin/dvc rerun", "no such command or option"),
        ("dvc update", None),
        (".venv/bin/mlflow models serves", "no command serves"),
        (".venv/bin/prefect work-pool create retrain --kind process", "--kind"),
        ("make tea", "no target tea"),
        ("git add . && git record", "no command record"),
        ("docker compose --file deploy/compose.yaml run --rm workers dvc push", "no service workers"),
        ("docker compose --file deploy/compose.yaml run --rm worker dvc pushes", "no such command"),
        ("kubectl apply --kustomize deploy/kubernetes/nowhere", "no kustomization"),
        ("mystery --flag", "no check for this program"),
    ],
)
def test_a_wrong_command_is_found(line: str, expected: str | None) -> None:
    problem = problem_with(line)
    assert problem is None if expected is None else expected in (problem or "")
