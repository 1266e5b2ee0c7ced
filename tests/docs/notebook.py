"""A notebook as a page: its cells are the blocks, what a block is told in a comment stands in a cell's metadata.

    "metadata": {"quick": "steps=1500 -> steps=5"}        what is smaller in the default tests
    "metadata": {"slow": true}                            left out of these
    "metadata": {"shown": "it needs a GPU"}               never run, and why

As in Jupyter, the value of a cell's last expression is displayed: by the methods that front ends ask for, with figures
drawn.
"""

from __future__ import annotations

import ast
import io
import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["cells_of", "executed"]

_DISPLAYS = ("_repr_html_", "_repr_svg_", "_repr_png_", "_repr_markdown_")


def cells_of(path: Path) -> list[tuple[int, str, str]]:
    """Number, text and note of each cell of code, in order."""
    found = []
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"], 1):
        if cell["cell_type"] == "code":
            notes = [
                f"{kind}: {told}".removesuffix(": True")
                for kind, told in cell["metadata"].items()
                if kind in ("quick", "slow", "shown")
            ]
            found.append((number, "".join(cell["source"]), "".join(notes)))
    return found


def executed(text: str, where: str, names: dict[str, Any]) -> None:
    """Run a cell, and display what its last expression gives, and the figures of pyplot."""
    tree = ast.parse(text, where)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, where, "exec"), names)
    if last is not None:
        assert isinstance(last, ast.Expr)
        value = eval(compile(ast.Expression(last.value), where, "eval"), names)
        if value is not None and not text.rstrip().endswith(";"):
            _display(value)
    pyplot = sys.modules.get("matplotlib.pyplot")
    for number in pyplot.get_fignums() if pyplot is not None else ():
        pyplot.figure(number).savefig(io.BytesIO(), format="png", dpi=20)
        pyplot.close(number)


def _display(value: Any) -> None:
    shown = [getattr(value, name)() for name in _DISPLAYS if hasattr(value, name)]
    if hasattr(value, "savefig"):
        value.savefig(io.BytesIO(), format="png", dpi=20)
    elif not any(shown):
        repr(value)
