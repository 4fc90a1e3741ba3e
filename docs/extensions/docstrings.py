"""Docstrings as Sphinx reads them: they mark code as Markdown does, and mean nothing else by stars and bars."""

import re

from sphinx.application import Sphinx

CODE = re.compile(r"`([^`\n]+)`")
MARKS = re.compile(r"[*|]|(?<=\w)_(?!\w)")


def as_restructured_text(line: str) -> str:
    """Mark code by two backticks and escape what reStructuredText would take for markup.

    A letter may follow code at once, which would hide its end: an escaped space, which is not shown, parts them.
    """
    parts = CODE.split(line)
    text = [MARKS.sub(r"\\\g<0>", part) for part in parts[::2]]
    code = [f"\\ ``{part}``\\ " for part in parts[1::2]]
    return "".join(piece for pair in zip(text, [*code, ""], strict=True) for piece in pair)


def _rewrite(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    lines[:] = [as_restructured_text(line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx; napoleon reads the docstrings' sections afterwards."""
    app.connect("autodoc-process-docstring", _rewrite, priority=100)
    return {"parallel_read_safe": True}
