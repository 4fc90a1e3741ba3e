"""The pointers from the paper to the code."""

from pathlib import Path

import pytest

from docs.extensions.symbols import line_of
from tests.docs.pages import name_of, named_links, pages

TO_CODE = [
    (page, words, target)
    for page in pages()
    for words, target in named_links(page)
    if target.endswith(".py") and not words.endswith(".py") and "/" not in words  # a path, not a name
]


def test_the_method_has_a_pointer_for_each_part_of_the_paper() -> None:
    assert sum(name_of(page) == "docs/method.md" for page, _, _ in TO_CODE) >= 35


@pytest.mark.parametrize(("page", "words", "target"), TO_CODE, ids=[words for _, words, _ in TO_CODE])
def test_the_name_that_a_link_to_code_has_is_defined_there(page: Path, words: str, target: str) -> None:
    assert line_of((page.parent / target).resolve(), words) is not None, f"{name_of(page)}: {words} in {target}"


def test_a_name_is_found_on_its_line_and_a_missing_one_is_not(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("LIMIT = 3\n\n\nclass Bank:\n    size: int = 1\n\n    def draw(self):\n        return LIMIT\n")
    assert [line_of(module, name) for name in ("LIMIT", "Bank", "Bank.size", "Bank.draw")] == [1, 4, 5, 7]
    assert line_of(module, "draw") is None
    assert line_of(module, "Bank.LIMIT") is None
