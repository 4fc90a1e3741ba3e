"""The container and orchestration files as tests see them: instructions of a Dockerfile, services, commands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = DEPLOY / "docker" / "Dockerfile"
COMPOSE = DEPLOY / "compose.yaml"
TARGETS = ("worker", "server", "mlflow", "prefect")


@dataclass(frozen=True)
class Stage:
    """A build stage: what it starts from, its name, and its instructions, those of the stages below it excluded."""

    base: str
    name: str
    instructions: tuple[tuple[str, str], ...]

    def values(self, keyword: str) -> list[str]:
        return [value for found, value in self.instructions if found == keyword]


def dockerfile_stages() -> dict[str, Stage]:
    """Read the Dockerfile; a line that ends in a backslash goes on, a comment is left out."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    stages: dict[str, Stage] = {}
    for line in filter(None, joined.splitlines()):
        keyword, value = line.split(maxsplit=1)
        if keyword == "FROM":
            base, name = re.fullmatch(r"(\S+) AS (\S+)", value).groups()  # type: ignore[union-attr]
            stages[name] = Stage(base, name, ())
        elif stages:
            last = list(stages.values())[-1]
            stages[last.name] = Stage(last.base, last.name, (*last.instructions, (keyword, value)))
    return stages


def bases(stage: Stage, stages: dict[str, Stage]) -> list[str]:
    """What a stage starts from; where the accelerator decides, one for each."""
    if "${ACCELERATOR}" in stage.base:
        return [stage.base.replace("${ACCELERATOR}", name) for name in ("cpu", "cuda")]
    return [stage.base]


def services() -> dict[str, dict[str, Any]]:
    """The services of the compose file, their shared parts merged in."""
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def compose() -> dict[str, Any]:
    """The compose file."""
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


def pod_of(resource: dict[str, Any]) -> dict[str, Any] | None:
    """The pod that a Kubernetes resource starts, None for one that starts none."""
    pod: dict[str, Any] | None = resource.get("spec", {}).get("template", {}).get("spec")
    return pod


def strings(value: Any) -> Iterator[str]:
    """All strings in nested lists and mappings, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def modules_run(words: list[str]) -> list[str]:
    """The modules that a command runs by `python -m`."""
    return [after for before, after in zip(words, words[1:], strict=False) if before == "-m"]


def can_be_run(module: str) -> bool:
    """Whether `python -m` finds a module: a file, or a package that has a `__main__`."""
    found = find_spec(module)
    return found is not None and (
        found.submodule_search_locations is None or find_spec(f"{module}.__main__") is not None
    )
