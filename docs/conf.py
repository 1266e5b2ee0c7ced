"""The site: Markdown and notebooks under docs/, and a reference made from docstrings and components as it is built."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "si"
author = "the si developers"
copyright = author  # noqa: A001 - Sphinx reads this name
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "_site.extension",
    "_site.mathml",
    "_site.notebooks",
]
# Nothing is fetched while it is built.
intersphinx_mapping: dict[str, tuple[str, None]] = {}

exclude_patterns = ["_build", ".jupyter_cache", "jupyter_execute", "README.md", "studies"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3
myst_update_mathjax = False
html_math_renderer = "mathml"
suppress_warnings = ["myst.strikethrough"]

# Notebooks are stored without outputs, and executed here by the python that builds, each in an empty folder. Outputs
# are kept beside the site by the text of the cells: delete .jupyter_cache to execute all anew.
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
nb_execution_mode = "cache"
nb_execution_timeout = 900  # seconds a cell: a training of half a minute takes long on a busy machine
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # these would be fetched when a page is read
copybutton_selector = "div:not(.output) > div.highlight pre"

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
html_title = "si"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True, "source_directory": "docs/"}
