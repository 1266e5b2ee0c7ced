"""Large text tables by pandas, where pyarrow is not installed.

pandas fills rows that are too short; the number of separators tells whether there are any, where no cell is quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from si_distributions.files.cells import MISSING
from si_distributions.files.fast_text import PlainText, TextColumns, chunks
from si_distributions.files.text_form import TextForm

__all__ = ["read_by_pandas"]


def read_by_pandas(
    path: Path, form: TextForm, plain: PlainText, chosen: Sequence[int], label: int | None
) -> TextColumns | None:
    """The columns; None where pandas is not installed or refuses the file."""
    try:
        import pandas
    except ImportError:
        return None
    if plain.quoted or plain.truths or not _equally_long(path, form, plain):
        return None
    # Since 3.0 pandas reads every number to the last bit; before, only where it is told to.
    exactly: dict[str, Any] = {} if int(pandas.__version__.split(".")[0]) > 2 else {"float_precision": "round_trip"}
    missing = [spelling for text in MISSING for spelling in (text, text.lower(), text.upper())]
    texts = [] if label is None else [label]
    try:
        with path.open("rb") as file:
            file.seek(form.offset)
            table = pandas.read_csv(
                file,
                sep=form.separator,
                decimal=form.decimal,
                header=None,
                names=range(len(form.names)),
                usecols=[*chosen, *texts],
                dtype={**dict.fromkeys(chosen, np.float64), **dict.fromkeys(texts, object)},
                na_values=dict.fromkeys(chosen, missing),
                keep_default_na=False,
                index_col=False,
                engine="c",
                **exactly,
            )
    except (ValueError, OverflowError):
        return None
    if len(table) != plain.rows:
        return None
    labels = None if label is None else np.array([cell.strip() for cell in table[label]])
    return TextColumns(table[list(chosen)].to_numpy(), labels, range(form.line, form.line + plain.rows))


def _equally_long(path: Path, form: TextForm, plain: PlainText) -> bool:
    """Whether there are as many separators as in rows that all have the length of the first.

    A row that is longer than the first is an error of pandas; so where none is, none can be shorter.
    """
    separator = ord(form.separator)
    counted = sum(int((np.frombuffer(chunk, np.uint8) == separator).sum()) for chunk in chunks(path, form.offset))
    return counted == plain.rows * (len(form.names) - 1)
