"""Links of the pages as they are read in the repository, without the site."""

from pathlib import Path

import pytest

from tests.docs.pages import anchors, blocks, links, name_of, pages


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_link_and_image_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name_of(page)}: {target}"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{name_of(page)}: {target}"


def test_every_page_of_the_documentation_is_linked_from_its_first_one() -> None:
    index = next(page for page in pages() if name_of(page) == "docs/index.md")
    linked = {(index.parent / target).resolve() for target in links(index)}
    missing = [name_of(page) for page in pages() if name_of(page).startswith("docs/") and page not in linked | {index}]
    assert missing == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_blocks_have_a_language_that_readers_know(page: Path) -> None:
    known = {"", "sh", "cron", "text", "python", "yaml", "json"}
    assert {block.language for block in blocks(page)} <= known
