"""Tables of text and Parquet files: which columns are numbers, which may be classes, and what is missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.datasets.labels import missing_labels
from si_distributions.files.cells import is_missing, number
from si_distributions.files.index_columns import has_row_names, index_levels, without_index
from si_distributions.files.parquet import numeric_columns, opened_parquet
from si_distributions.files.read import SUFFIXES, opened, read
from si_distributions.files.text_form import text_form
from si_distributions.files.text_table import reading_text
from si_distributions.look.found import MOST_CLASSES, Column, FoundTable

__all__ = ["classes_of", "columns_of_numbers", "look_at_table"]


def look_at_table(path: str) -> FoundTable:
    """A text or Parquet file; a column is of numbers where the head of the file has nothing else in it."""
    names, numeric, skipped = _columns(path)
    named: list[str | int] = [name if name and names.count(name) == 1 else place for place, name in enumerate(names)]
    numbers = [name for place, name in enumerate(named) if numeric[place] and place not in skipped]
    texts = [name for place, name in enumerate(named) if not numeric[place] and place not in skipped]
    if not numbers:
        fix = "turn texts into numbers, one column for each value, before"
        raise DataError("no column holds numbers", where=path, got=", ".join(map(str, texts)), fix=fix)
    contents = read(path, columns=numbers)
    values = without_index(contents, 0, path).values
    numbers = numbers[len(numbers) - values.shape[1] :]
    found = columns_of_numbers(numbers, values)
    for name in texts:
        labels = read(path, columns=numbers[:1], label=name).labels
        if labels is not None:
            found.append(Column(name, False, int(missing_labels(labels).sum()), classes_of(labels)))
    in_order = sorted(found, key=lambda column: named.index(column.name))
    return FoundTable(path, len(values), (len(numbers),), tuple(in_order), int((~np.isfinite(values)).any(1).sum()))


def columns_of_numbers(names: list[str | int], values: NDArray[np.generic]) -> list[Column]:
    """Columns of a table of numbers (N, d)."""
    found = []
    for place, name in enumerate(names):
        column = values[:, place].astype(np.float64)
        finite = np.isfinite(column)
        whole = bool((column[finite] == np.floor(column[finite])).all())
        classes = classes_of(column[finite].astype(np.int64)) if whole and finite.any() else ()
        constant = len(np.unique(column[finite])) == 1
        found.append(Column(name, True, int((~finite).sum()), classes, constant))
    return found


def classes_of(labels: NDArray[np.generic]) -> tuple[str, ...]:
    """The values of labels where rows have them in common: on average two of a text, ten of a number; none else."""
    given = np.unique(labels[~missing_labels(labels)])
    each = 2 if labels.dtype.kind in "US" else 10
    few = 1 < len(given) <= min(MOST_CLASSES, len(labels) // each)
    return tuple(str(value) for value in given.tolist()) if few else ()


def _columns(path: str) -> tuple[list[str], list[bool], set[int]]:
    """The names of all columns, which are of numbers, and which only name the rows."""
    with opened(path, SUFFIXES) as file:
        if file.suffix.lower() == ".parquet":
            with opened_parquet(file, path) as parquet:
                names = list(parquet.schema_arrow.names)
                return names, numeric_columns(parquet), index_levels(names, path)
        with reading_text(file, path):
            form = text_form(file, path)
        cells = list(zip(*form.sample, strict=False)) or [()] * len(form.names)
        numeric = [
            all(number(cell, form.decimal) is not None for cell in column) and not all(map(is_missing, column))
            for column in cells
        ]
        return list(form.names), numeric, {0} if has_row_names(form, path) else set()
