"""The Dockerfile: linted, and checked against the files, versions and modules of the project that it names."""

import ast
import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pathspec
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.container_files import (
    DEPLOY,
    DOCKERFILE,
    ROOT,
    TARGETS,
    bases,
    dockerfile_stages,
    modules_run,
)

STAGES = dockerfile_stages()
BIN = Path(sys.executable).parent


def requirements(name: str) -> list[Requirement]:
    lines = (DEPLOY / "docker" / name).read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return dict(line.split("==") for line in lines)


def closure(names: list[str]) -> set[str]:
    """All packages that these need, as installed here."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        found.add(name)
        needed = [Requirement(text) for text in requires(name) or []]
        waiting += [need.name for need in needed if need.marker is None or need.marker.evaluate({"extra": ""})]
    return found


def hadolint(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / "hadolint", "--no-color", "-"], input=text, capture_output=True, text=True)


def test_hadolint_has_nothing_to_say_of_the_dockerfile() -> None:
    found = hadolint(DOCKERFILE.read_text())
    assert (found.returncode, found.stdout) == (0, "")


def test_hadolint_objects_to_an_unpinned_package() -> None:
    text = DOCKERFILE.read_text()
    assert "DL3008" in hadolint(text.replace("git=1:2.39.*", "git")).stdout


def test_all_stages_start_from_a_stage_or_from_a_pinned_slim_python() -> None:
    foreign = {base for stage in STAGES.values() for base in bases(stage, STAGES) if base not in STAGES}
    assert len(foreign) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", foreign.pop())


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_as_another_user_than_root_and_tells_its_health(target: str) -> None:
    stage = STAGES[target]
    assert stage.values("USER") == ["1000:1000"]
    assert len(stage.values("HEALTHCHECK")) == 1
    after_user = [keyword for keyword, _ in stage.instructions[stage.instructions.index(("USER", "1000:1000")) :]]
    assert not {"RUN", "COPY", "ADD"} & set(after_user)


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_leaves_the_installer_behind(target: str) -> None:
    copied = [value for value in STAGES[target].values("COPY") if "--from=" in value]
    assert copied == [f"--from={target}-packages /opt/environment /opt/environment"]
    assert f"{target}-packages" in STAGES
    assert STAGES[target].base == "base"
    assert "RUN" not in {keyword for keyword, value in STAGES["base"].instructions if "install" in value}


def test_packages_come_from_the_lock_file_by_the_uv_of_the_makefile_and_no_cache_stays() -> None:
    version = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert version is not None
    assert f"pip install --no-cache-dir uv=={version[1]}" in STAGES["installer"].values("RUN")
    assert "UV_NO_CACHE=1" in " ".join(STAGES["installer"].values("ENV"))
    installs = [run for stage in STAGES.values() for run in stage.values("RUN") if "uv pip install" in run]
    assert len(installs) == 6
    for run in installs:
        assert re.search(r"--constraints (requirements|cpu)\.lock", run), run
        for file in re.findall(r"--requirements (\S+)", run):
            assert (ROOT / file).is_file() or (DEPLOY / "docker" / file).is_file(), file


@pytest.mark.parametrize("name", sorted(path.name for path in (DEPLOY / "docker").glob("*.in")))
def test_all_that_an_image_asks_for_is_locked(name: str) -> None:
    versions = {**locked(), "onnxruntime": locked()["onnxruntime-gpu"]}  # as the Dockerfile rewrites it
    assert [need.name for need in requirements(name) if need.name not in versions] == []


def test_the_server_gets_what_it_imports_and_neither_torch_nor_an_orchestrator() -> None:
    names = [need.name for need in requirements("server.in")]
    installed = closure(names) | {"onnxruntime-gpu"}
    assert not installed & {"torch", "torchvision", "prefect", "dvc", "scikit-learn", "mlflow"}
    distributions = packages_distributions()
    folders = [ROOT / "components" / "inference", DEPLOY / "web", DEPLOY / "server"]
    for file in [path for folder in folders for path in folder.rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            imported = [node.module] if isinstance(node, ast.ImportFrom) else []
            imported += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in imported:
                top = str(module).split(".")[0]
                if top not in sys.stdlib_module_names and top not in ("components", "deploy"):
                    assert {canonicalize_name(name) for name in distributions[top]} & installed, f"{file}: {module}"


def test_what_images_copy_exists_and_is_sent_to_the_builder() -> None:
    sent = pathspec.PathSpec.from_lines("gitignore", ignore_lines())
    sources = [
        source
        for stage in STAGES.values()
        for value in stage.values("COPY")
        if "--from=" not in value
        for source in value.split()[:-1]
    ]
    assert "components" in sources
    for source in sources:
        found = [path for path in ROOT.glob(source) if path.exists()]
        files = [file for path in found for file in ([path] if path.is_file() else path.rglob("*.py"))]
        assert any(not sent.match_file(file.relative_to(ROOT)) for file in files), source


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("deploy/.env", True),
        ("deploy/stack.env", True),
        (".git/config", True),
        (".dvc/config.local", True),
        ("data/scene.png", True),
        ("build/bundle/generator.onnx", True),
        ("mlflow.db", True),
        ("components/training/step.py", True),
        ("deploy/kubernetes/server/base/service.yaml", True),
        ("components/inference/__pycache__/bundle.pyc", True),
        ("components/inference/bundle.schema.json", False),
        ("components/atomic.py", False),
        ("deploy/web/problems.py", False),
        ("deploy/server/page/index.html", False),
        ("deploy/server/page/editor.js", False),
        ("deploy/server/page/layout.css", False),
        ("deploy/server/page/icons.svg", False),
        ("requirements.lock", False),
    ],
)
def test_only_code_is_sent_to_the_builder(path: str, ignored: bool) -> None:
    assert pathspec.PathSpec.from_lines("gitignore", ignore_lines()).match_file(path) is ignored


def ignore_lines() -> list[str]:
    return (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text().splitlines()


def test_the_server_is_the_only_module_that_images_start_by_themselves() -> None:
    commands = [json.loads(value) for name in TARGETS for value in STAGES[name].values("ENTRYPOINT")]
    assert [module for command in commands for module in modules_run(command)] == ["deploy.server"]
