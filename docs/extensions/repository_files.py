"""Pages for the files of the repository that the documentation links, so that the site is whole by itself.

A link out of `docs/` leads to the file where a page is read in the repository. On the site it leads to a page with the
file's text; where the link's words are the name of something that a Python file defines, to its line.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import download_reference, pending_xref
from sphinx.application import Sphinx

from docs.extensions.file_html import code_html, markdown_html
from docs.extensions.symbols import line_of

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "files"


def _link_files(app: Sphinx, doctree: nodes.document) -> None:
    """Lead links out of the documentation's folder to the pages of this module."""
    document = app.env.docname
    linked = _linked_files(app)
    linked[document] = set()
    for kind in (download_reference, pending_xref):
        for node in list(doctree.findall(kind)):
            path = _file_of(app, node.get("reftarget") or "", document)
            if path is None:
                continue
            linked[document].add(path)
            uri = app.builder.get_relative_uri(document, f"{FOLDER}/{path}")
            line = line_of(ROOT / path, node.astext()) if path.endswith(".py") else None
            reference = nodes.reference("", "", refuri=uri if line is None else f"{uri}#line-{line}", internal=True)
            reference += node.children
            node.replace_self(reference)


def _linked_files(app: Sphinx) -> dict[str, set[str]]:
    """Give the files that each page links; they are kept with what Sphinx keeps between builds."""
    linked: dict[str, set[str]] = app.env.__dict__.setdefault("repository_files", {})
    return linked


def _file_of(app: Sphinx, target: str, document: str) -> str | None:
    """Give the path in the repository of a linked file outside the documentation, None for other links.

    MyST takes a Markdown file for a page of the site and names it by its whole path, without its ending.
    """
    if not target.startswith(("../", "/")):
        return None
    path = (Path(app.srcdir) / document).parent.joinpath(target).resolve()
    for candidate in (path, path.with_name(f"{path.name}.md")):
        if candidate.is_file() and candidate.is_relative_to(ROOT) and not candidate.is_relative_to(app.srcdir):
            return candidate.relative_to(ROOT).as_posix()
    return None


def _pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    paths = sorted(set().union(*_linked_files(app).values()))
    for path in paths:
        page = f"{FOLDER}/{path}"

        def address(target: str, path: str = path, page: str = page) -> str | None:
            """Give the address, from this page, of what a relative link leads to; None where the site lacks it."""
            there = (ROOT / path).parent.joinpath(target).resolve()
            document = app.project.path2doc(there)
            if document in app.env.found_docs:
                return app.builder.get_relative_uri(page, document)
            name = there.relative_to(ROOT).as_posix() if there.is_relative_to(ROOT) else ""
            return app.builder.get_relative_uri(page, f"{FOLDER}/{name}") if name in paths else None

        text = (ROOT / path).read_text(encoding="utf-8")
        if path.endswith(".md"):
            title, body = path, markdown_html(text, address)
        else:
            title, body = path, f"<h1>{path}</h1>\n{code_html(text, path)}"
        yield page, {"title": title, "body": body}, "page.html"


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of the links and pages."""
    app.connect("doctree-read", _link_files, priority=100)  # before Sphinx collects files to be downloaded
    app.connect("html-collect-pages", _pages)
    return {"parallel_read_safe": False}
