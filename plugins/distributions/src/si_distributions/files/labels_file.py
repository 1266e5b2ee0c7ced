"""Class labels in a file of their own, one a row of the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.files.contents import Contents, choose_columns
from si_distributions.files.numpy_files import load_mapped
from si_distributions.files.read import TEXT, opened
from si_distributions.files.text_form import text_form
from si_distributions.files.text_table import read_strictly, reading_text

__all__ = ["with_labels"]


def with_labels(contents: Contents, path: str, label: int | str | None) -> Contents:
    """The contents with the labels of a .npy or text file.

    Args:
        contents: the rows.
        path: the file of labels.
        label: the column that holds them, for a text file with several.

    Raises:
        DataError: a file that can't be read, or not one label a row.
    """
    rows = len(contents.values)
    with opened(path, (".npy", *TEXT)) as file:
        if file.suffix.lower() == ".npy":
            labels, name = load_mapped(file, path), "label"
            labels = np.array(labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels)
        else:
            labels, name = _texts(file, path, label, rows)
    if labels.shape != (rows,):
        raise DataError("one label for each row", where=path, got=f"shape {labels.shape}", allowed=f"shape ({rows},)")
    return replace(contents, labels=labels, label_name=name)


def _texts(file: Path, where: str, label: int | str | None, rows: int) -> tuple[NDArray[np.generic], str]:
    """A column of texts. Whether its first row is a name is told by their number: names look like labels."""
    with reading_text(file, where):
        form = text_form(file, where)
        if label is None and len(form.names) > 1:
            allowed = ", ".join(form.names) if form.header else f"0..{len(form.names) - 1}"
            raise DataError("which column has the labels?", where=where, allowed=allowed, fix="name it in label")
        _, index = choose_columns((*form.names, ""), [len(form.names)], label or 0, where)
        found = read_strictly(file, form, [], index, where).labels
    name = form.names[index or 0]
    if form.header and found is not None and len(found) == rows - 1:
        return np.array([name, *found.tolist()]), "label"
    return np.array([]) if found is None else found, name or "label"
