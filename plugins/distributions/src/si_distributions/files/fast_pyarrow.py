"""Large text tables by pyarrow, block by block into one array."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from si_distributions.files.cells import FALSE, MISSING, TRUE
from si_distributions.files.fast_text import PlainText, TextColumns
from si_distributions.files.text_form import TextForm

__all__ = ["read_by_pyarrow"]

_BLOCK = 2**20


def read_by_pyarrow(
    path: Path, form: TextForm, plain: PlainText, chosen: Sequence[int], label: int | None
) -> TextColumns | None:
    """The columns; None where pyarrow is not installed or refuses the file."""
    try:
        import pyarrow as pa
        from pyarrow import csv
    except ImportError:
        return None
    names = [str(i) for i in range(len(form.names))]
    types = {str(i): pa.bool_() if i in plain.truths else pa.float64() for i in chosen}
    if label is not None:
        types[str(label)] = pa.string()
    values = np.empty((plain.rows, len(chosen)))
    labels, row = [], 0
    try:
        with pa.OSFile(str(path)) as file:
            file.seek(form.offset)
            batches = csv.open_csv(
                file,
                csv.ReadOptions(column_names=names, block_size=_BLOCK),
                csv.ParseOptions(delimiter=form.separator),
                csv.ConvertOptions(
                    include_columns=list(types),
                    column_types=types,
                    null_values=_spellings(MISSING),
                    true_values=_spellings(TRUE),
                    false_values=_spellings(FALSE),
                    decimal_point=form.decimal,
                ),
            )
            for batch in batches:
                if row + len(batch) > plain.rows:
                    return None
                for k, i in enumerate(chosen):
                    column = batch.column(str(i))
                    column = column.cast(pa.uint8()).cast(pa.float64()) if i in plain.truths else column
                    values[row : row + len(batch), k] = column.to_numpy(zero_copy_only=False)
                if label is not None:
                    labels.append(_texts(batch.column(str(label))))
                row += len(batch)
    except (pa.ArrowException, OSError):
        return None
    finally:
        pa.default_memory_pool().release_unused()
    if row != plain.rows:
        return None
    return TextColumns(
        values, None if label is None else np.concatenate(labels), range(form.line, form.line + plain.rows)
    )


def _texts(column):  # type: ignore[no-untyped-def]
    """The cells of a column of text, without the space around them."""
    coded = column.dictionary_encode()
    names = np.array([name.strip() for name in coded.dictionary.to_pylist()])
    return names[coded.indices.to_numpy(zero_copy_only=False)]


def _spellings(texts: Sequence[str]) -> list[str]:
    return sorted({spelling for text in texts for spelling in (text, text.lower(), text.upper(), text.capitalize())})
