from pathlib import Path

import pytest

from components import atomic
from components.atomic import atomic_file, atomic_folder


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _fail_half_way(path: Path) -> None:
    (path / "new" if path.is_dir() else path).write_text("half")
    raise OSError("disk full")


def test_a_folder_takes_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "out"
    with atomic_folder(target) as temporary:
        (temporary / "a").write_text("1")
        assert not target.exists()
    assert (target / "a").read_text() == "1"
    assert _names(target.parent) == ["out"]


def test_a_folder_replaces_all_of_the_one_before(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with atomic_folder(tmp_path / "out") as temporary:
            assert _names(temporary) == []
            (temporary / name).touch()
    assert _names(tmp_path / "out") == ["new"]
    assert _names(tmp_path) == ["out"]


def test_a_failure_leaves_the_folder_before(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "out") as temporary:
        (temporary / "old").touch()
    with pytest.raises(OSError, match="disk full"), atomic_folder(tmp_path / "out") as temporary:
        _fail_half_way(temporary)
    assert _names(tmp_path / "out") == ["old"]
    assert _names(tmp_path) == ["out"]


def test_a_first_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broken"), atomic_folder(tmp_path / "out"):
        raise ValueError("broken")
    assert _names(tmp_path) == []


def test_what_a_killed_process_left_does_not_get_into_the_folder(tmp_path: Path) -> None:
    (tmp_path / ".out.tmp").mkdir()
    (tmp_path / ".out.tmp" / "half").touch()
    with atomic_folder(tmp_path / "out") as temporary:
        (temporary / "whole").touch()
    assert _names(tmp_path / "out") == ["whole"]


def test_a_file_takes_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "state.pt"
    with atomic_file(target) as temporary:
        temporary.write_text("1")
        assert not target.exists()
    assert target.read_text() == "1"
    with atomic_file(target) as temporary:
        temporary.write_text("2")
        assert target.read_text() == "1"
    assert target.read_text() == "2"
    assert _names(target.parent) == ["state.pt"]


def test_a_failure_leaves_the_file_before(tmp_path: Path) -> None:
    target = tmp_path / "state.pt"
    target.write_text("1")
    with pytest.raises(OSError, match="disk full"), atomic_file(target) as temporary:
        _fail_half_way(temporary)
    assert target.read_text() == "1"
    assert _names(tmp_path) == ["state.pt"]


def test_a_file_that_was_never_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "state.pt"):
        pass
    assert _names(tmp_path) == []


def test_a_durable_folder_is_on_the_disk_before_it_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, synced = tmp_path / "out", []

    def record(path: Path) -> None:
        synced.append((str(path.relative_to(tmp_path)), target.exists()))

    monkeypatch.setattr(atomic, "sync", record)
    with atomic_folder(target, durable=True) as temporary:
        (temporary / "a").write_text("1")
        (temporary / "b").mkdir()
    assert sorted(synced[:-1]) == [(".out.tmp", False), (".out.tmp/a", False), (".out.tmp/b", False)]
    assert synced[-1] == (".", True)
