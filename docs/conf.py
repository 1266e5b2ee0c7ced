"""The site: Markdown under docs/, and a reference made from docstrings and components when it is built."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "si"
author = "the si developers"
copyright = author  # noqa: A001 - Sphinx reads this name
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "_site.extension",
]
# Nothing is fetched while it is built.
intersphinx_mapping: dict[str, tuple[str, None]] = {}

exclude_patterns = ["_build", "README.md", "studies"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3
suppress_warnings = ["myst.strikethrough"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_class_signature = "mixed"
autodoc_inherit_docstrings = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
default_role = None

html_theme = "furo"
html_math_renderer = "mathml"
html_title = "si"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True, "source_directory": "docs/"}
