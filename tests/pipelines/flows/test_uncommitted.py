from pathlib import Path

import pytest

from pipelines.flows.uncommitted import UncommittedError, check_uncommitted
from tests.retraining_project import commit_all


def test_changes_are_recorded_or_refused_but_not_those_that_dvc_makes(project: Path) -> None:
    (project / "dvc.lock").write_text("schema: '2.0'\n")
    (project / "data").mkdir()
    (project / "data" / "streets.dvc").write_text("outs: []\n")
    assert check_uncommitted("record") == []
    with pytest.raises(UncommittedError, match="found no git commit"):
        check_uncommitted("refuse")
    commit_all(project)
    (project / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    (project / "data" / "streets.dvc").write_text("outs: [{path: streets}]\n")
    assert check_uncommitted("refuse") == []
    (project / "export.py").write_text("raise SystemExit\n")
    assert check_uncommitted("record") == ["export.py"]
    with pytest.raises(UncommittedError, match="found changes in export.py, expected all of them committed"):
        check_uncommitted("refuse")
