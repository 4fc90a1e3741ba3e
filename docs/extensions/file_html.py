"""HTML of single files: highlighted code with an anchor a line, and Markdown whose links fit the site."""

from collections.abc import Callable

from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound


def code_html(text: str, name: str) -> str:
    """Highlight a file by its name's ending; line N has the anchor `line-N`."""
    try:
        lexer = get_lexer_for_filename(name)
    except ClassNotFound:
        lexer = TextLexer()
    return str(highlight(text, lexer, HtmlFormatter(linespans="line")))


def markdown_html(text: str, address: Callable[[str], str | None]) -> str:
    """Give the HTML of a Markdown file.

    Args:
        text: its content.
        address: where a relative link leads to on the site; of None the link's words alone remain, as of pictures.
    """
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(text)
    for token in (inner for block in tokens for inner in block.children or ()):
        if token.type == "image":  # the site has pictures of its pages alone
            token.type, token.children = "text", None
        target = str(token.attrs.get("href", ""))
        if token.type != "link_open" or "://" in target:
            continue
        file, _, anchor = target.partition("#")
        found = address(file) if file else ""
        if found is None:
            token.attrs.pop("href")
        else:
            token.attrs["href"] = f"{found}#{anchor}" if anchor else found
    return str(parser.renderer.render(tokens, parser.options, {}))
