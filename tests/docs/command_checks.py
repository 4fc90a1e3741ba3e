"""Commands of the pages against the command lines of the programs that they call, without running them."""

import re
import shlex
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from docs.extensions.programs import PROGRAMS, command_of, exists
from tests.docs.pages import ROOT

READS_NO_OPTIONS = {"pipelines.launch", "deploy.pods", "deploy.pods.launch"}  # they hand all on to another program
SEPARATORS = ("&&", "||", ";", "|")


def problem_with(line: str) -> str | None:
    """Say what is wrong with a line of shell; None where every command of it is known with all its options."""
    assigned = re.fullmatch(r"\w+=\$\((.*)\)", line)
    words = shlex.split(assigned[1] if assigned else line)
    found: list[list[str]] = [[]]
    for word in words:
        if word in SEPARATORS:
            found.append([])
        else:
            found[-1].append(word)
    return next((problem for command in found if command and (problem := _problem(command))), None)


def _problem(words: Sequence[str]) -> str | None:
    program, *arguments = words
    check = CHECKS.get(program.removeprefix(".venv/bin/"))
    if check is None:
        return f"{program}: no check for this program"
    arguments = arguments[: arguments.index(">")] if ">" in arguments else arguments
    return check([word for word in arguments if word not in ("...", "--help")])


def _python(arguments: list[str]) -> str | None:
    if arguments[:1] == ["-c"]:
        compile(arguments[1], "command", "exec")
        return None
    if arguments[:1] != ["-m"]:
        return None  # a file that the page itself had its reader save
    module, *options = arguments[1:]
    if not exists(module):
        return f"{module}: no such module"
    if module in READS_NO_OPTIONS:
        return None
    if not any(module in names for names in PROGRAMS.values()):
        return f"{module}: not in the reference of command lines"
    return _parsed(command_of(module), module, options)


def _parsed(command: Any, name: str, arguments: list[str]) -> str | None:
    """Parse by a command of click or of Typer, which has a copy of click."""
    if hasattr(command, "get_command") and arguments:
        context = command.context_class(command, info_name=name)
        inner = command.get_command(context, arguments[0])
        if inner is None:
            return f"{name}: no command {arguments[0]}"
        return _parsed(inner, f"{name} {arguments[0]}", arguments[1:])
    if hasattr(command, "get_command") or not arguments:
        return None  # the name of a program in a sentence
    try:
        command.make_context(name, list(arguments))
    except Exception as error:  # click's or Typer's, which have no base in common
        return f"{name}: {error.format_message()}" if hasattr(error, "format_message") else f"{name}: {error}"
    return None


def _dvc(arguments: list[str]) -> str | None:
    from dvc.cli import DvcParserError, parse_args

    is_name = not any(word.startswith("-") or word != word.lower() for word in arguments)
    for words in (arguments, [*arguments, "--help"]) if is_name else (arguments,):
        try:
            parse_args(words)
        except DvcParserError:
            continue
        except SystemExit as stopped:
            return None if stopped.code == 0 else f"dvc {' '.join(arguments)}: refused"
        return None
    return f"dvc {' '.join(arguments)}: no such command or option"


def _mlflow(arguments: list[str]) -> str | None:
    from mlflow.cli import cli

    return _parsed(cli, "mlflow", arguments)


def _prefect(arguments: list[str]) -> str | None:
    from prefect.cli._app import _app

    words = [word for word in arguments if word != "--no-prompt"]  # of the program, wherever it stands
    try:
        _app.parse_args(words, exit_on_error=False, print_error=False)
    except Exception as error:
        return f"prefect {' '.join(arguments)}: {error}"
    return None


def _make(arguments: list[str]) -> str | None:
    targets = re.findall(r"^([a-z-]+):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    missing = [word for word in arguments if word not in targets]
    return f"make: no target {missing[0]}" if missing else None


@cache
def _git_knows(command: str) -> bool:
    asked = subprocess.run(["git", command, "-h"], capture_output=True, cwd=ROOT, check=False)
    return asked.returncode in (0, 129)


def _git(arguments: list[str]) -> str | None:
    return None if _git_knows(arguments[0]) else f"git: no command {arguments[0]}"


def _docker(arguments: list[str]) -> str | None:
    file = Path(arguments[arguments.index("--file") + 1])
    if not (ROOT / file).is_file():
        return f"docker: no file {file}"
    if arguments[0] == "build":
        target = arguments[arguments.index("--target") + 1]
        return None if f" AS {target}\n" in (ROOT / file).read_text(encoding="utf-8") else f"docker: no stage {target}"
    services = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))["services"]
    if "run" in arguments:
        service, *inner = [word for word in arguments[arguments.index("run") + 1 :] if word != "--rm"]
        return f"docker: no service {service}" if service not in services else _problem(inner)
    return None


def _kubectl(arguments: list[str]) -> str | None:
    if "--kustomize" not in arguments:
        return None
    folder = arguments[arguments.index("--kustomize") + 1]
    return None if (ROOT / folder / "kustomization.yaml").is_file() else f"kubectl: no kustomization in {folder}"


def _file(arguments: list[str]) -> str | None:
    return None if (ROOT / arguments[0]).is_file() else f"no file {arguments[0]}"


def _anything(arguments: list[str]) -> str | None:
    return None


CHECKS: dict[str, Callable[[list[str]], str | None]] = {
    "python": _python,
    "dvc": _dvc,
    "mlflow": _mlflow,
    "prefect": _prefect,
    "make": _make,
    "git": _git,
    "docker": _docker,
    "kubectl": _kubectl,
    "cp": _file,
    "sbatch": _file,
    "cd": _anything,
    "curl": _anything,
    "export": _anything,
    "mutmut": _anything,
    "pre-commit": _anything,
    "sed": _anything,
    "sqlite3": _anything,
}
