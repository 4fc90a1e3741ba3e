"""Put generated content where a page has a comment such as `<!-- generated: parameters -->`.

A comment is invisible where the page is read as plain Markdown, and the generated text needs no place in git.
"""

import re
from collections.abc import Callable

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from docs.extensions.command_lines import command_reference
from docs.extensions.http_interface import http_reference
from docs.extensions.modules import module_reference
from docs.extensions.navigation import toctrees
from docs.extensions.parameter_table import parameter_reference

PLACEHOLDER = re.compile(r"^<!-- generated: ([\w-]+) ?(.*?) -->$", re.MULTILINE)
GENERATORS: dict[str, Callable[[str, str], str]] = {
    "command-lines": lambda argument, page: command_reference(argument),
    "http": lambda argument, page: http_reference(),
    "modules": lambda argument, page: module_reference(argument),
    "navigation": lambda argument, page: toctrees(page),
    "parameters": lambda argument, page: parameter_reference(),
}


def fill(page: str) -> str:
    """Give a page's Markdown with its placeholders filled.

    Raises:
        ExtensionError: for a placeholder of no generator.
    """
    return PLACEHOLDER.sub(lambda match: _generated(match[1], match[2], page), page)


def _generated(name: str, argument: str, page: str) -> str:
    if name not in GENERATORS:
        raise ExtensionError(f"placeholder {name}: expected one of {', '.join(sorted(GENERATORS))}")
    return GENERATORS[name](argument, page)


def _fill_source(app: Sphinx, document: str, source: list[str]) -> None:
    filled = fill(source[0])
    if filled != source[0]:
        app.env.note_reread()  # what it is made of may change while the page does not
    source[0] = filled


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of the placeholders."""
    app.connect("source-read", _fill_source)
    return {"parallel_read_safe": True}
