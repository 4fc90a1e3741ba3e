"""A server follows an alias of a real registry: it takes what can serve, and keeps what it has where that cannot."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import onnx
import pytest
from onnx import TensorProto, helper

from deploy.server.registry import ModelFollower, VersionRefused
from deploy.server.registry_client import AliasMissing, ModelAlias
from deploy.server.served import Served
from pipelines import registry
from tests.deploy.server.registered_bundles import (
    ALIAS,
    NAME,
    blue_of,
    change_file,
    client,
    constant_graph,
    files_of,
    point_to,
    project,
    register,
    remove_files,
)
from tests.tiny_bundle import write_tiny_bundle

MODEL = ModelAlias(NAME, ALIAS)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with project(tmp_path):
        yield tmp_path


@pytest.fixture
def versions(folder: Path) -> Path:
    """Version 1 of blue 10 is the champion, version 2 of blue 20 is not."""
    assert (register(folder, 10), register(folder, 20)) == (1, 2)
    point_to(1)
    return folder


def _follower(served: Served, **options: Any) -> ModelFollower:
    follower = ModelFollower(served, MODEL, threads=1, **options)
    follower.load()
    return follower


def _cached(folder: Path) -> list[str]:
    """Numbers of the cached versions."""
    found = (folder / "cache" / "semantic-synthesis" / "models").iterdir()
    return sorted(each.name.removeprefix(f"{NAME}@").partition("-")[0] for each in found)


def test_the_version_of_the_alias_serves_and_is_left_in_the_cache(versions: Path) -> None:
    served = Served()
    _follower(served)
    assert served.current is not None
    assert (served.current.name, served.current.version, blue_of(served.current)) == (NAME, "1", 10)
    assert served.switches == 0
    assert _cached(versions) == ["1"]


def test_a_move_of_the_alias_is_followed_there_and_back_and_only_two_versions_stay_cached(versions: Path) -> None:
    served = Served()
    follower = _follower(served)
    first = served.current
    point_to(2)
    follower.check()
    assert served.current is not None
    assert blue_of(served.current) == 20
    assert first is not None
    assert blue_of(first) == 10, "who holds the old one may finish with it"
    assert _cached(versions) == ["1", "2"]
    assert register(versions, 30) == 3
    point_to(3)
    follower.check()
    assert (blue_of(served.current), served.switches) == (30, 2)
    assert _cached(versions) == ["2", "3"]
    remove_files(2)
    point_to(2)
    follower.check()
    assert blue_of(served.current) == 20, "the cache still has it"


BROKEN = {
    "a graph that is none": lambda: b"no graph",
    "black pictures": constant_graph,
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_version_that_cannot_serve_is_refused_once_and_named(
    versions: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    served = Served()
    follower = _follower(served)
    assert register(versions, 30, graph=BROKEN[fault]()) == 3
    point_to(3)
    for _ in range(3):
        follower.check()
    assert served.current is not None
    assert (blue_of(served.current), served.refusals) == (10, 1)
    assert served.refused is not None
    assert served.refused.startswith("street version 3: ")
    (line,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "street@champion: refused, version 1 goes on serving: street version 3: " in line.getMessage()
    assert _cached(versions) == ["1"]


def test_black_pictures_are_told_as_the_reason(versions: Path) -> None:
    served = Served()
    follower = _follower(served)
    register(versions, 30, graph=constant_graph())
    point_to(3)
    follower.check()
    assert served.refused == ("street version 3: found one colour, [0, 0, 0], in the whole picture, expected several")


def test_after_a_refusal_the_alias_may_go_back_and_the_same_version_is_tried_when_it_returns(versions: Path) -> None:
    served = Served()
    follower = _follower(served)
    register(versions, 30, graph=b"no graph")
    point_to(3)
    follower.check()
    point_to(1)
    follower.check()
    assert served.refused is None
    point_to(3)
    follower.check()
    assert served.refusals == 2
    point_to(2)
    follower.check()
    assert served.current is not None
    assert (blue_of(served.current), served.refused) == (20, None)


def test_a_version_whose_files_are_damaged_is_refused_and_taken_when_they_are_repaired(versions: Path) -> None:
    served = Served()
    follower = _follower(served)
    graph = files_of(2) / "generator.onnx"
    content = graph.read_bytes()
    graph.write_bytes(content[:-7])
    point_to(2)
    follower.check()
    assert served.refused is not None
    assert "generator.onnx: found sha256 " in served.refused
    graph.write_bytes(content)
    follower.check()
    assert served.current is not None
    assert (blue_of(served.current), served.refusals) == (20, 1)
    assert served.refused is None


def test_a_version_whose_files_are_gone_is_refused_until_they_are_back(versions: Path) -> None:
    served = Served()
    follower = _follower(served)
    shutil.copytree(files_of(2), versions / "kept")
    remove_files(2)
    point_to(2)
    follower.check()
    follower.check()
    assert served.refused is not None
    assert "its files are gone from the artifact store" in served.refused
    assert served.refusals == 1
    shutil.copytree(versions / "kept", files_of(2))
    follower.check()
    assert served.current is not None
    assert blue_of(served.current) == 20


def test_a_download_that_is_damaged_on_the_way_is_made_again(versions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mlflow.artifacts.download_artifacts
    calls = []

    def once_damaged(**options: str) -> str:
        folder = whole(**options)
        calls.append(folder)
        if len(calls) == 1:
            (Path(folder) / "generator.onnx").write_bytes(b"half")
        return folder

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", once_damaged)
    served = Served()
    _follower(served)
    assert served.current is not None
    assert (blue_of(served.current), len(calls)) == (10, 2)


def test_a_cached_version_that_was_damaged_is_downloaded_anew(versions: Path) -> None:
    _follower(Served()).close()
    (cached,) = (versions / "cache" / "semantic-synthesis" / "models").iterdir()
    (cached / "generator.onnx").write_bytes(b"damaged")
    served = Served()
    _follower(served)
    assert served.current is not None
    assert blue_of(served.current) == 10


def test_a_version_that_another_server_uses_is_left_in_the_cache(versions: Path) -> None:
    other = Served()
    holder = _follower(other)
    follower = _follower(Served())
    for blue in (30, 40):
        point_to(register(versions, blue))
        follower.check()
    assert _cached(versions) == ["1", "3", "4"]
    holder.close()
    point_to(2)
    follower.check()
    assert _cached(versions) == ["2", "4"]


def test_styles_that_change_nothing_are_a_reason_to_refuse(versions: Path) -> None:
    served = Served()
    follower = _follower(served)
    bundle = shutil.copytree(versions / "bundle-10", versions / "without")
    change_file(bundle, "generator.onnx", _without_styles())
    change_file(bundle, "generator-float16.onnx", _without_styles())
    point_to(registry.register(bundle, NAME))
    follower.check()
    assert served.refused == "street version 3: found the same picture in two styles, expected two"


def _without_styles() -> bytes:
    """A graph of red labels, green ids and no blue, that takes styles and ignores them."""
    model = onnx.load(write_tiny_bundle(Path("two"), inputs=("label", "instance")) / "generator.onnx")
    model.graph.input.append(helper.make_tensor_value_info("styles", TensorProto.FLOAT, ["N", "M", 2]))
    return bytes(model.SerializeToString())


def test_a_picture_that_comes_after_the_deadline_is_a_reason_to_refuse(versions: Path) -> None:
    with pytest.raises(VersionRefused, match=r"street version 1: a picture took 0\.0 s, expected at most 0 s"):
        _follower(Served(), deadline=0.0)


def test_a_removed_alias_is_told_and_the_old_version_goes_on(versions: Path) -> None:
    served = Served()
    follower = _follower(served)
    point_to(None)
    with pytest.raises(AliasMissing, match=r"street@champion: sqlite:.* has none: .*champion not found"):
        follower.check()
    assert served.current is not None
    assert blue_of(served.current) == 10
    point_to(2)
    follower.check()
    assert blue_of(served.current) == 20


def test_a_model_that_was_deleted_and_made_anew_is_another_version_1(versions: Path) -> None:
    served = Served()
    follower = _follower(served)
    client().delete_registered_model(NAME)
    assert register(versions, 50) == 1
    point_to(1)
    follower.check()
    assert served.current is not None
    assert (served.current.version, blue_of(served.current)) == ("1", 50)
