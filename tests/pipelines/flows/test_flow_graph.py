import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.flows.graph import GraphError, Sources, changed_stages, first_out, read_sources, read_stages


def dvc(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *arguments, "-q"], check=True)


def test_stages_come_after_those_they_depend_on_with_their_outs(project: Path) -> None:
    stages = read_stages()
    assert list(stages) == ["preprocess", "train_segmenter", "export"]
    assert stages["export"].upstream == ("preprocess", "train_segmenter")
    assert first_out(stages, "export") == project / "build" / "bundle"
    with pytest.raises(GraphError, match="expected a stage evaluate with an out"):
        first_out(stages, "evaluate")


def test_a_folder_without_a_graph_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GraphError, match="expected the stage graph in the working directory"):
        read_stages()


def test_what_is_missing_is_what_dvc_has_a_hash_of_and_is_not_there(project: Path, tmp_path: Path) -> None:
    assert changed_stages(read_stages()) == {"preprocess", "train_segmenter", "export"}
    assert read_sources() == Sources(imports=(), missing=(), remote=None), "nothing was made yet"
    dvc("repro")
    assert changed_stages(read_stages()) == set()
    dvc("remote", "add", "--default", "storage", str(tmp_path / "remote"))
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("1")
    dvc("import-url", str(elsewhere), "data.txt")
    (project / "data.txt").unlink()
    subprocess.run(["rm", "-r", str(project / "build" / "shards")], check=True)
    sources = read_sources()
    assert sources == Sources(imports=("data.txt.dvc",), missing=("build/shards", "data.txt"), remote="storage")
    assert changed_stages(read_stages()) == {"preprocess", "train_segmenter", "export"}
