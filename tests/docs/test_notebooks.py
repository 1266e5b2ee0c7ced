"""Notebooks: stored as they were written, without what they gave, each in the site; displays as in Jupyter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .notebook import executed

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))
named = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


@named
def test_nothing_of_an_execution_is_stored(path: Path) -> None:
    notebook = read(path)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"  # that of the python that builds the site
    assert set(notebook["metadata"]["language_info"]) == {"name"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
        assert set(cell["metadata"]) <= {"quick", "slow", "shown", "mystnb"}


@named
def test_it_is_a_valid_notebook_whose_cells_have_names(path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")


@named
def test_pictures_have_a_text_in_their_place(path: Path) -> None:
    for cell in read(path)["cells"]:
        text = "".join(cell["source"])
        last = text.rstrip().splitlines()[-1]
        if cell["cell_type"] == "code" and ("plt.figure(" in text or "plt.subplots(" in text or ".plot(" in last):
            inside = "def " in text and "plt.subplots(" not in last  # drawn by the cells that call it
            assert inside or cell["metadata"]["mystnb"]["image"]["alt"], cell["id"]


def test_each_is_in_the_site() -> None:
    assert len(NOTEBOOKS) == 6
    index = NOTEBOOKS[0].with_name("index.md").read_text(encoding="utf-8")
    for path in NOTEBOOKS:
        assert f"({path.name})" in index
        assert f"\n{path.stem}\n" in index


class Shown:
    """Says what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def _repr_html_(self) -> str:
        self.asked.append("html")
        return "<p>"

    def _repr_png_(self) -> bytes:
        self.asked.append("png")
        return b""


@pytest.mark.parametrize(("end", "asked"), [("", ["html", "png"]), (";", []), ("\nnothing = None", [])])
def test_the_value_of_a_last_expression_is_displayed(end: str, asked: list[str]) -> None:
    names = {"shown": (shown := Shown())}
    executed(f"other = shown\nother{end}", "a cell", names)
    assert shown.asked == asked
