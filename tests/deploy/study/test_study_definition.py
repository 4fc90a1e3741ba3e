from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.study.definition import EXPOSURES, load_definition, named_folders, named_pair
from tests.conftest import ROOT

METHODS = {"ours": "results/ours", "theirs": "/elsewhere/theirs"}


def write(folder: Path, **fields: Any) -> Path:
    file = folder / "streets.yaml"
    file.write_text(yaml.safe_dump(fields))
    return file


def test_paths_of_a_file_are_relative_to_its_folder(tmp_path: Path) -> None:
    found = load_definition(write(tmp_path, methods=METHODS, reference="maps", database="answers/a.db"), {})
    assert found.methods == {"ours": tmp_path / "results/ours", "theirs": Path("/elsewhere/theirs")}
    assert (found.reference, found.database) == (tmp_path / "maps", tmp_path / "answers/a.db")


def test_answers_lie_beside_the_file_by_default(tmp_path: Path) -> None:
    assert load_definition(write(tmp_path, methods=METHODS), {}).database == tmp_path / "streets.db"
    assert load_definition(None, {"methods": METHODS}).database == Path("study.db")


def test_the_example_of_the_documentation_is_a_study(tmp_path: Path) -> None:
    example = (ROOT / "docs/study.md").read_text().split("```yaml\n")[1].split("```")[0]
    (tmp_path / "streets.yaml").write_text(example)
    found = load_definition(tmp_path / "streets.yaml", {})
    assert (list(found.methods), found.experiment) == (["ours", "pix2pix", "CRN"], "limited")
    assert found.compared == (("ours", "pix2pix"), ("ours", "CRN"))


def test_options_replace_what_the_file_says(tmp_path: Path) -> None:
    file = write(tmp_path, methods=METHODS, seed=1, title="Streets")
    found = load_definition(file, {"seed": 2, "title": None, "reference": Path("maps")})
    assert (found.seed, found.title, found.reference) == (2, "Streets", Path("maps"))


def test_each_method_is_compared_with_each_by_default() -> None:
    found = load_definition(None, {"methods": dict.fromkeys("abc", "folder")})
    assert found.compared == (("a", "b"), ("a", "c"), ("b", "c"))


def test_the_exposures_of_the_paper_are_the_default() -> None:
    assert (EXPOSURES[0], EXPOSURES[-1], len(EXPOSURES)) == (0.125, 8, 7)
    assert all(longer == 2 * shorter for shorter, longer in zip(EXPOSURES, EXPOSURES[1:], strict=False))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"methods": {"ours": "x"}}, "methods: Dictionary should have at least 2 items"),
        ({"methods": {"=ours": "x", "b": "y"}}, "methods.=ours.[key]: String should match pattern"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"experiment": "quick"}, "experiment: Input should be 'unlimited' or 'limited'"),
        ({"exposures": [1, 0.01]}, "exposures.1: Input should be greater than or equal to 0.05"),
        ({"exposures": [1, 2, 1]}, "exposures: found 1, 2, 1, expected each exposure once"),
        ({"pairs": [["ours", "none"]]}, "pairs: found ours and none, expected two different ones of ours, theirs"),
        ({"pairs": [["ours", "ours"]]}, "pairs: found ours and ours, expected two different ones of ours, theirs"),
        ({"pairs": [["ours", "theirs"], ["theirs", "ours"]]}, "pairs: found a pair twice, expected each once"),
        ({"participants": 0}, "participants: Input should be greater than or equal to 1"),
    ],
)
def test_a_wrong_field_is_told_with_its_file_and_name(tmp_path: Path, fields: dict[str, Any], expected: str) -> None:
    file = write(tmp_path, **({"methods": METHODS} | fields))
    with pytest.raises(ValueError, match="streets.yaml") as caught:
        load_definition(file, {})
    assert f"{file}: {expected}" in str(caught.value)


def test_all_wrong_fields_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="methods: Field required") as caught:
        load_definition(write(tmp_path, seed="x", comparisons=0, pairs=[["a", "b"]]), {})
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == ["methods", "comparisons", "seed"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- ours", "found a list, expected the fields of a study"),
        ("methods: {", "cannot be read, expected a YAML file"),
    ],
)
def test_a_file_that_is_no_study_is_named(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "streets.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=f"streets.yaml: {expected}"):
        load_definition(file, {})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="none.yaml: cannot be read"):
        load_definition(tmp_path / "none.yaml", {})


def test_options_name_methods_and_pairs() -> None:
    assert named_folders(["ours=a=b", "theirs=c"]) == {"ours": Path("a=b"), "theirs": Path("c")}
    assert named_pair("ours:theirs") == ("ours", "theirs")


def test_an_option_that_cannot_be_read_is_told() -> None:
    with pytest.raises(ValueError, match="methods: found ours, expected NAME=FOLDER"):
        named_folders(["ours"])
    with pytest.raises(ValueError, match="methods: found ours twice, with a and b, expected each name once"):
        named_folders(["ours=a", "ours=b"])
    with pytest.raises(ValueError, match="pairs: found ours, expected NAME:NAME"):
        named_pair("ours")
