"""The built site: it builds without a warning, and everything in it leads somewhere."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.pages import ROOT

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """Anchors, links and loaded files of an HTML page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in ("img", "script") and "src" in given:
            self.loaded.append(given["src"])
        if tag == "link" and "href" in given and given.get("rel") in ("stylesheet", "icon", "preload"):
            self.loaded.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    command: list[str | Path] = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
    command += ["--builder", "html", "--doctree-dir", folder / "trees", "docs", folder / "html"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def parsed(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def test_every_internal_link_of_the_site_leads_to_a_file_and_its_anchor(parsed: dict[Path, Page]) -> None:
    assert len(parsed) > 60
    dead = []
    for path, page in parsed.items():
        for link in page.links:
            if "://" in link or link.startswith("mailto:"):
                continue
            target, _, anchor = link.partition("#")
            there = (path.parent / unquote(target)).resolve() if target else path
            if not there.is_file() or anchor and there in parsed and unquote(anchor) not in parsed[there].anchors:
                dead.append(f"{path.name}: {link}")
    assert dead == []


def test_every_picture_style_and_script_of_the_site_is_in_it(parsed: dict[Path, Page]) -> None:
    loaded = [(path, source.partition("?")[0]) for path, page in parsed.items() for source in page.loaded]
    assert any(source.endswith("stages.svg") for _, source in loaded)
    assert [(path.name, source) for path, source in loaded if not (path.parent / source).is_file()] == []


def test_generated_references_are_there(site: Path) -> None:
    for name, expected in {
        "parameters": "train_global.epochs",
        "command_lines": "pipelines.registry promote",
        "stages": "--shards",
        "http": "/api/scenes/edit",
        "library/losses": "components.losses.feature_matching",
    }.items():
        assert expected in (site / "reference" / f"{name}.html").read_text(encoding="utf-8"), name


def test_a_link_to_code_leads_to_the_line_of_its_name(site: Path) -> None:
    line = next(
        number
        for number, text in enumerate((ROOT / "components/losses/feature_matching.py").read_text().splitlines(), 1)
        if text.startswith("def feature_matching")
    )
    method = (site / "method.html").read_text(encoding="utf-8")
    assert f'href="files/components/losses/feature_matching.py.html#line-{line}"' in method
