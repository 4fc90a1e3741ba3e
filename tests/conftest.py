"""Folders beside the project that some tests use where they exist; no part of them is in the repository."""

import os
from pathlib import Path

import dvc  # noqa: F401  (its log goes to the stdout of its first import, which must not be one that a test captures)
import pytest

ROOT = Path(__file__).parents[1]
LONG = {"integration", "stack", "docs", "experiments"}

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny tensors: more threads only wait for one another


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders whose files take minutes, so that the processes of `make test` end at the same time."""
    items.sort(key=lambda item: LONG.isdisjoint(item.path.parts))


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
