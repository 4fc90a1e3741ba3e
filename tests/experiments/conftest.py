"""Rows and setting as they are committed, and what is planned from them."""

import pytest

from components.data.store import ShardStore
from experiments.rows import Rows, Setting, load_rows, load_setting
from tests.table_runs import Plan
from tests.tiny import tiny_store


@pytest.fixture(scope="session")
def rows() -> Rows:
    return load_rows()


@pytest.fixture(scope="session")
def setting(rows: Rows) -> Setting:
    return load_setting(rows)


@pytest.fixture(scope="session")
def plan(rows: Rows, setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Without VGG19's weights."""
    return Plan(rows, setting, tmp_path_factory.mktemp("plan") / "build")


@pytest.fixture(scope="session")
def plan_with_vgg(rows: Rows, setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """With them."""
    return Plan(rows, setting, tmp_path_factory.mktemp("plan") / "build", "losses.vgg_weights=vgg19.pth")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> ShardStore:
    return tiny_store(tmp_path_factory.mktemp("shards") / "train", count=5)
