"""HTML pages for people: one look for all of them, in light and dark."""

from pathlib import Path
from typing import Any

import jinja2

LOOK = Path(__file__).with_suffix(".css")


def render_page(template: Path, **values: Any) -> str:
    """Fill a Jinja template, which takes the look in with `{% include "pages.css" %}`, with values."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, LOOK.parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template(template.name).render(**values)
