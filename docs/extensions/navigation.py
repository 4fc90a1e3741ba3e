"""The site's navigation, made of the start page's own lists of links."""

import re

SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(((?!\.\./)[\w/]+)\.md\)")


def toctrees(page: str) -> str:
    """Give a hidden table of contents for each `##` section of a page: the pages that it links, in order."""
    _, *parts = SECTION.split(page)
    blocks = []
    for caption, body in zip(parts[::2], parts[1::2], strict=True):
        pages = dict.fromkeys(LINK.findall(body))
        if pages:
            blocks.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```"]))
    return "\n\n".join(blocks)
