"""Folders beside the project that some tests use where they exist; no part of them is in the repository."""

import os
from pathlib import Path
from typing import Any

import dvc  # noqa: F401  (its log goes to the stdout of its first import, which must not be one that a test captures)
import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[1]
LONG = ("stack", "integration", "docs", "flows", "experiments")
ON_SERVERS = ("tests/stack/", "tests/pipelines/flows/")  # their tests share servers that take seconds to start

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny tensors: more threads only wait for one another


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders whose files take minutes, so that the processes of `make test` end at the same time."""
    items.sort(key=lambda item: [folder not in item.path.parts for folder in LONG])


class FilesSideBySide(LoadScopeScheduling):  # type: ignore[misc]
    """Runs a file's tests in one process, and those of a folder that shares servers."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in ON_SERVERS if nodeid.startswith(folder)), nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesSideBySide:
    """Say how the processes of `make test` share the tests."""
    return FilesSideBySide(config, log)


def _folder_beside_project(name: str, variable: str) -> Path:
    folder = Path(os.environ.get(variable) or ROOT.parent / "shared" / name)
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}; {variable} names another one")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real datasets: camvid and cityscapes_sample."""
    return _folder_beside_project("data", "SHARED_DATA")


@pytest.fixture(scope="session")
def shared_reference() -> Path:
    """Reference vectors of the published code."""
    return _folder_beside_project("reference", "SHARED_REFERENCE")
