from pathlib import Path
from typing import Any

import pytest

from components import fingerprint


def test_values_have_one_fingerprint_whatever_the_order_of_their_keys() -> None:
    first = fingerprint.of_values({"a": 1, "b": {"c": [1, 2], "d": None}})
    assert fingerprint.of_values({"b": {"d": None, "c": [1, 2]}, "a": 1}) == first
    assert len(first) == 64


@pytest.mark.parametrize(
    "other",
    [{"a": 2, "b": [1, 2]}, {"a": 1, "b": [2, 1]}, {"a": "1", "b": [1, 2]}, {"a": 1}, {"a": 1, "b": [1, 2], "c": None}],
)
def test_other_values_have_another_fingerprint(other: dict[str, Any]) -> None:
    assert fingerprint.of_values(other) != fingerprint.of_values({"a": 1, "b": [1, 2]})


def test_a_file_has_the_sha256_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    # The test vector of FIPS 180-4.
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # pragma: allowlist secret
    assert fingerprint.of_file(tmp_path / "a") == digest


def test_files_are_told_apart_by_name_and_content_below_a_folder(tmp_path: Path) -> None:
    def write(folder: str, files: dict[str, str]) -> str:
        for name, content in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return fingerprint.of_files(tmp_path / folder, "*.py")

    first = write("first", {"a.py": "1", "sub/b.py": "2", "notes.txt": "x"})
    assert write("same", {"sub/b.py": "2", "a.py": "1", "notes.txt": "other"}) == first
    assert write("renamed", {"a.py": "1", "sub/c.py": "2"}) != first
    assert write("edited", {"a.py": "1", "sub/b.py": "3"}) != first
    assert write("swapped", {"a.py": "2", "sub/b.py": "1"}) != first
    assert write("more", {"a.py": "1", "sub/b.py": "2", "c.py": ""}) != first


def test_the_code_that_training_depends_on_has_a_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fingerprint.PACKAGE.joinpath("training", "trainer.py").is_file()
    monkeypatch.setattr(fingerprint, "PACKAGE", tmp_path)
    for package in ("data", "models", "losses", "training", "export"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "module.py").write_text(package)
    seen = {fingerprint.of_code()}
    for package in ("data", "models", "losses", "training"):
        (tmp_path / package / "module.py").write_text("changed")
        seen.add(fingerprint.of_code())
    assert len(seen) == 5
    (tmp_path / "export" / "module.py").write_text("changed")
    assert fingerprint.of_code() in seen
    assert fingerprint.of_code(["export"]) not in seen
