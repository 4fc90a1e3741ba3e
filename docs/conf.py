"""How the documentation's site is made of these pages, docstrings, parameters and command lines: `make docs`."""

import sys
from pathlib import Path

from pygments.lexers import TextLexer
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

project = "Semantic synthesis"
author = "the contributors"
project_copyright = author

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "docs.extensions.docstrings",
    "docs.extensions.placeholders",
    "docs.extensions.repository_files",
]
root_doc = "index"
exclude_patterns = ["_build", "extensions", "results/discussion.md"]

myst_heading_anchors = 3  # as GitHub has them
suppress_warnings = ["myst.header"]  # the generated report begins some sections with ###

add_module_names = False
viewcode_follow_imported_members = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"show-inheritance": True, "exclude-members": "model_config"}
napoleon_use_ivar = True

html_theme = "furo"
html_title = project
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"footer_icons": []}
highlight_language = "sh"  # a block without a language is what a reader types


def setup(app: Sphinx) -> None:
    """Name the language of crontabs, which Pygments lacks."""
    app.add_lexer("cron", TextLexer)
