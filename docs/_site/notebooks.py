"""Notebooks on the site: the first lines of each page link to the file itself, to run it elsewhere."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

__all__ = ["setup"]


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("source-read", _with_link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _with_link(app: Any, docname: str, source: list[str]) -> None:
    """Write a link to the notebook under its title; stored, it would be a role that Jupyter does not know."""
    path = PurePosixPath(app.env.doc2path(docname, base=False))
    if path.suffix != ".ipynb":
        return
    notebook = json.loads(source[0])
    first = notebook["cells"][0]
    title, _, rest = "".join(first["source"]).partition("\n")
    size = len(source[0]) // 1024 + 1
    link = f"{{download}}`Download this notebook <{path.name}>`, {size} kB without its outputs."
    first["source"] = f"{title}\n\n{link}\n{rest}"
    source[0] = json.dumps(notebook)
