"""What the site generates, against what it is made of."""

import tomllib
from pathlib import Path

import pytest
import yaml
from sphinx.errors import ExtensionError

from docs.extensions import parameter_table
from docs.extensions.docstrings import as_restructured_text
from docs.extensions.file_html import markdown_html
from docs.extensions.modules import module_names
from docs.extensions.navigation import toctrees
from docs.extensions.parameter_table import parameters
from docs.extensions.placeholders import fill
from docs.extensions.programs import PROGRAMS
from tests.docs.pages import ROOT

STARTED_BY_OTHERS = {  # they have a `__main__` block but no options of their own
    "benchmarks.inference_sides",
    "deploy.docker.make_buckets",
    "deploy.launch_nodes",
    "deploy.pods",
    "deploy.pods.launch",
    "pipelines.flows.dvc_child",
    "pipelines.launch",
    "pipelines.summary",
}


def leaves(values: dict[str, object], prefix: str = "") -> list[str]:
    names = []
    for name, value in values.items():
        names += leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else [f"{prefix}{name}"]
    return names


def test_the_table_has_every_parameter_of_the_file_once_with_its_meaning() -> None:
    rows = parameters()
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert sorted(row.name for row in rows) == sorted(leaves(params))
    assert all(row.meaning and row.values for row in rows)


def test_a_parameter_has_limits_default_and_the_meaning_of_its_docstring() -> None:
    rows = {row.name: row for row in parameters()}
    assert rows["train_global.beta1"].values == "number, at least 0, below 1"
    assert rows["model.norm"].values == "`instance`, `batch`"
    assert rows["losses.vgg_weights"].values == "path or `null`"
    assert rows["losses.vgg_weights"].default == "null"
    assert rows["train_global.crop"].values == "`{height, width}` or `null`"
    assert rows["model.ngf"].meaning == "channels at the finest size; each coarser generator has twice as many."


def test_a_parameter_that_no_docstring_explains_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameter_table, "MEANINGS", {})
    with pytest.raises(ValueError, match=r"recipe: pipelines\.params\.Params does not say what it means"):
        parameters()


def test_every_program_is_in_the_reference() -> None:
    started = set()
    for package in ("benchmarks", "deploy", "experiments", "pipelines"):
        for path in (ROOT / package).rglob("*.py"):
            if '\nif __name__ == "__main__":\n' in path.read_text(encoding="utf-8"):
                started.add(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__"))
    told = {name for names in PROGRAMS.values() for name in names}
    assert sorted(started - STARTED_BY_OTHERS - told) == []


def test_the_modules_of_a_layer_are_all_named() -> None:
    found = {path.stem for path in (ROOT / "components" / "losses").glob("*.py")} - {"__init__"}
    assert module_names("components.losses") == ["components.losses", *sorted(f"components.losses.{n}" for n in found)]


def test_every_package_of_components_has_a_page() -> None:
    packages = {path.parent.name for path in (ROOT / "components").glob("*/__init__.py")}
    told = {path.stem for path in (ROOT / "docs" / "reference" / "library").glob("*.md")}
    assert told == packages | {"shared"}


def test_the_diagrams_show_every_stage_and_every_layer() -> None:
    images = ROOT / "docs" / "images"
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    shown = (images / "stages.svg").read_text(encoding="utf-8")
    assert [name for name in stages if f">{name}</text>" not in shown] == []
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(rule["layers"] for rule in rules["contracts"] if rule["type"] == "layers")
    names = [name for layer in layers for name in layer.split(" | ")] + rules["root_packages"]
    shown = (images / "layers.svg").read_text(encoding="utf-8")
    assert [name for name in names if f">{name}" not in shown] == []


def test_a_placeholder_that_nothing_fills_is_an_error() -> None:
    with pytest.raises(ExtensionError, match="placeholder tables: expected one of"):
        fill("# Title\n\n<!-- generated: tables -->\n")


def test_navigation_follows_the_lists_of_the_start_page() -> None:
    page = (
        "# Start\n\n[away](away.md)\n\n## Guides\n- [A](a.md): b\n- [B](b/c.md)\n\n## Else\nnothing, [out](../R.md)\n"
    )
    assert toctrees(page) == "```{toctree}\n:hidden:\n:caption: Guides\n\na\nb/c\n```"


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("plain words", "plain words"),
        ("|a - b| and a*b", r"\|a - b\| and a\*b"),
        ("the `x`s", r"the \ ``x``\ s"),
        ("a trailing_ one, not snake_case", r"a trailing\_ one, not snake_case"),
        ("`a_ * b`", r"\ ``a_ * b``\ "),
    ],
)
def test_docstrings_keep_their_meaning_in_restructured_text(markdown: str, expected: str) -> None:
    assert as_restructured_text(markdown) == expected


def test_markdown_of_a_file_keeps_links_that_the_site_has_and_drops_others() -> None:
    known = {"docs/a.md": "../a.html"}
    html = markdown_html("[A](docs/a.md#top), [B](gone.md), [C](#here), ![cars](d.png)", known.get)
    assert "cars" in html
    assert "<img" not in html
    assert '<a href="../a.html#top">A</a>' in html
    assert "<a>B</a>" in html
    assert '<a href="#here">C</a>' in html


def test_the_extensions_need_no_network() -> None:
    sources = [ROOT / "docs" / "conf.py", *(ROOT / "docs" / "extensions").glob("*.py")]
    assert [
        path for path in map(Path, sources) if "http://" in path.read_text() or "https://" in path.read_text()
    ] == []
