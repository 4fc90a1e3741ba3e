import pytest

from components.data.store import ShardStore
from tests.tiny import tiny_store


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> ShardStore:
    """Five pictures: with a batch of two the last one is alone."""
    return tiny_store(tmp_path_factory.mktemp("shards") / "train", count=5, seed=1)


@pytest.fixture(scope="module")
def val(tmp_path_factory: pytest.TempPathFactory) -> ShardStore:
    return tiny_store(tmp_path_factory.mktemp("shards") / "val", count=3, seed=2)
