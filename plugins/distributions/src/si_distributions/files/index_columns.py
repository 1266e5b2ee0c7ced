"""Columns that number or name the rows, which data frames write along: no dimension of the data.

pandas writes its index as a first column without a name, which becomes ``Unnamed: 0`` when it is read and written once
more; in Parquet files as ``__index_level_0__``. R writes the names of rows without a name for their column.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from si_distributions.files.cells import number
from si_distributions.files.contents import Contents
from si_distributions.files.text_form import TextForm

__all__ = ["has_row_names", "index_levels", "without_index"]

_UNNAMED = re.compile(r"(Unnamed: 0(\.\d+)?)?")
_LEVEL = re.compile(r"__index_level_\d+__")
_log = logging.getLogger(__name__)


def index_levels(names: Sequence[str], where: str) -> set[int]:
    """The columns that pandas writes for an index without a name."""
    found = {i for i, name in enumerate(names) if _LEVEL.fullmatch(name)}
    if found and len(found) < len(names):
        _said(where, ", ".join(names[i] for i in sorted(found)))
        return found
    return set()


def has_row_names(form: TextForm, where: str) -> bool:
    """Whether the first column has no name, and texts that differ from row to row as far as was looked."""
    cells = [row[0] for row in form.sample]
    found = (
        form.header
        and len(form.names) > 1
        and _UNNAMED.fullmatch(form.names[0]) is not None
        and all(number(cell, form.decimal) is None for cell in cells)
        and len(set(cells)) == len(cells) > 0
    )
    if found:
        _said(where, "the first column, with the names of rows,")
    return found


def without_index(contents: Contents, last: int, where: str) -> Contents:
    """The contents without a first column that has no name and numbers the rows: whole numbers, none of them twice.

    Args:
        contents: of a table (N, d) with names.
        last: how many of the last columns are conditions.
        where: the file.
    """
    names = contents.names
    if (
        not names
        or len(names) - last < 2
        or not _UNNAMED.fullmatch(names[0])
        or not _numbers_rows(contents.values[:, 0])
    ):
        return contents
    _said(where, f"the first column {names[0]!r}, which numbers the rows,")
    return replace(contents, values=contents.values[:, 1:], names=names[1:])


def _numbers_rows(column: NDArray[np.generic]) -> bool:
    numbers = np.asarray(column, dtype=np.float64)
    if not bool(np.isfinite(numbers).all()) or bool((numbers != np.floor(numbers)).any()):
        return False
    return bool((np.diff(numbers) > 0).all()) or len(np.unique(numbers)) == len(numbers)


def _said(where: str, what: str) -> None:
    _log.warning("%s: %s is taken for an index and left out; name it in columns to keep it", where, what)
