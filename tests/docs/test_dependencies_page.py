"""The page that says what each dependency is for, against `pyproject.toml`."""

import re
import tomllib

from tests.docs.pages import ROOT

SECTIONS = {"The project": None, "Optional": ("s3", "postgres"), "Development": ("dev",)}


def names_in_pyproject(groups: tuple[str, ...] | None) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entries = (
        project["dependencies"]
        if groups is None
        else [entry for group in groups for entry in project["optional-dependencies"][group]]
    )
    return sorted(re.match(r"[\w.-]+", entry)[0] for entry in entries)  # type: ignore[index]


def rows_of(section: str) -> list[tuple[list[str], list[str]]]:
    """The packages and the other cells of each row of a section's table."""
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    text = page.split(f"## {section}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return [(re.findall(r"`([\w.-]+)`", packages), rest) for packages, *rest in rows]


def test_each_section_has_the_packages_of_pyproject_and_no_others() -> None:
    for section, groups in SECTIONS.items():
        assert sorted(name for names, _ in rows_of(section) for name in names) == names_in_pyproject(groups), section


def test_every_group_of_pyproject_is_in_a_section() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    told = {group for groups in SECTIONS.values() for group in groups or ()}
    assert set(project["optional-dependencies"]) == told


def test_every_package_is_defended() -> None:
    for section in SECTIONS:
        for names, rest in rows_of(section):
            assert len(rest[-1].split()) >= 1, f"{section}: {names}"
