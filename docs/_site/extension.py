"""The Sphinx extension: writes the pages of the reference before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from _site import api, checks, commands, components, gallery, recipes
from _site.markup import escaped

__all__ = ["pages", "setup"]


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("builder-inited", _write)
    app.connect("autodoc-process-docstring", _shapes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def pages() -> dict[str, str]:
    """All pages of the reference, by their names in its folder."""
    parts = (components, recipes, commands, api, checks, gallery)
    return {name: text for part in parts for name, text in part.pages().items()}


def _shapes(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Let shapes such as ``(B, *event)`` stand in the text of docstrings."""
    lines[:] = [escaped(line) for line in lines]


def _write(app: Any) -> None:
    folder = Path(app.srcdir) / "reference"
    made = pages()
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # An equal page keeps its time, so that it is not read anew.
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.rglob("*.md"):
        if str(path.relative_to(folder)) not in made and path.name != "index.md":
            path.unlink()
