from pathlib import Path

import jinja2
import pytest

from components.pages import LOOK, render_page


def test_a_page_has_the_common_look_and_its_values_are_escaped(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('<style>{% include "pages.css" %}</style><p>{{ name }}</p>')
    page = render_page(tmp_path / "page.html", name="<b>")
    assert LOOK.read_text().strip() in page
    assert page.endswith("<p>&lt;b&gt;</p>")


def test_a_value_that_is_missing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("{{ name }}")
    with pytest.raises(jinja2.UndefinedError, match="name"):
        render_page(tmp_path / "page.html")
