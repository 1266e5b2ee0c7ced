"""The reader of .h5ad files, as AnnData writes them.

==================  ====================================================================================
``key``             events of a row (a cell)
==================  ====================================================================================
none, ``X``         the row of the matrix, columns by the names of ``var``
``layers/NAME``     the same of another matrix
``raw/X``           the same of the matrix before genes were chosen
``obsm/NAME``       a representation, such as ``obsm/X_pca``
==================  ====================================================================================

A label is a column of ``obs``; conditions are columns of ``obs`` that are numbers, or ``obsm/NAME``. Matrices, dense or
sparse, stay in the file, and rows are read when they are drawn; ``obs`` and ``obsm`` are read at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from si_core import DataError, UsageError
from si_distributions.files.contents import Contents, choose_columns, near_name, refuse_dtype
from si_distributions.files.damaged import reading_bytes
from si_distributions.files.reader import Chosen, Reader
from si_h5ad.links import refuse_elsewhere
from si_h5ad.matrix import CompressedRows, DenseRows, matrix_rows

__all__ = ["H5ad"]

_DAMAGED = "the file is damaged or no .h5ad file"


class H5ad(Reader):
    """Reads .h5ad files; see :mod:`si_h5ad.reader` for what ``key``, ``label`` and ``conditions`` name."""

    def read(self, path: Path, chosen: Chosen, where: str) -> Contents:
        """The rows of a matrix or of a representation, with columns of ``obs``.

        Raises:
            DataError: a damaged file; a key, column, label or condition that it has not; numbers that are none.
            UsageError: anndata is not installed.
        """
        with _opened(path, where) as file:
            obs = _frame(file, "obs", where)
            key = _key(file, chosen.key, where)
            if key.startswith("obsm/"):
                events, names = _representation(file, key, where), None
            else:
                refuse_elsewhere(file, key, where)
                with reading_bytes(where, _DAMAGED):
                    events, names = matrix_rows(file, key, str(path), where), _names(file, key, where)
            values, columns = _columns(events, names, chosen.columns, where)
            labels = None if chosen.label is None else _label(obs, chosen.label, where)
            told = {str(name): _condition(file, obs, name, where) for name in chosen.conditions}
        refuse_dtype(values.dtype, key, where)
        count = len(values)
        for what, rows in {"obs": obs, **told}.items():
            if len(rows) != count:
                raise DataError(f"{what} has a row for each of {key}", where=where, got=f"{len(rows)} for {count}")
        name = "label" if chosen.label is None else str(_column(obs, chosen.label, "label", where))
        return Contents(values, labels, columns, label_name=name, conditions=told)

    def names(self, path: Path, where: str) -> tuple[str, ...] | None:
        """The names of ``var``.

        Raises:
            DataError, UsageError: as for :meth:`read`.
        """
        with _opened(path, where) as file:
            return _names(file, "X", where)

    def write(self, path: Path, values: NDArray[np.generic]) -> None:
        """Write rows (N, d) as ``X``.

        Raises:
            UsageError: rows of another shape.
        """
        if values.ndim != 2:
            raise UsageError("a matrix has rows (d,)", where=str(path), got=f"events {values.shape[1:]}")
        anndata, _ = _packages(str(path))
        import pandas as pd

        # Names as objects: AnnData has no way to write pandas' own texts everywhere.
        obs, var = (pd.DataFrame(index=pd.Index(list(map(str, range(n))), dtype=object)) for n in values.shape)
        anndata.AnnData(np.asarray(values), obs=obs, var=var).write_h5ad(path)


def _packages(where: str) -> tuple[Any, Any]:
    try:
        import anndata
        import h5py
    except ImportError as error:
        raise UsageError("reading .h5ad files needs anndata", where=where, fix="pip install 'si-h5ad[h5ad]'") from error
    return anndata, h5py


@contextmanager
def _opened(path: Path, where: str) -> Iterator[Any]:
    """The file, as h5py opens it."""
    _, h5py = _packages(where)
    with reading_bytes(where, _DAMAGED):
        file = h5py.File(path, "r")
    with file:
        yield file


def _element(file: Any, key: str, where: str) -> Any:
    """What AnnData makes of an element of the file."""
    anndata, _ = _packages(where)
    refuse_elsewhere(file, key, where)
    with reading_bytes(where, _DAMAGED):
        return anndata.io.read_elem(file[key])


def _frame(file: Any, key: str, where: str) -> Any:
    if key not in file:
        raise DataError(_DAMAGED, where=where, got=f"no {key!r} in it", fix="write it by AnnData.write_h5ad")
    return _element(file, key, where)


def _keys(file: Any) -> list[str]:
    """All that may be events."""
    found = [key for key in ("X", "raw/X") if key in file]
    return found + [f"{group}/{name}" for group in ("layers", "obsm") if group in file for name in file[group]]


def _key(file: Any, key: str | None, where: str) -> str:
    known = _keys(file)
    if key is not None and key not in known:
        raise DataError(
            "no matrix has this key",
            where=where,
            got=repr(key),
            allowed=", ".join(known) or "none",
            fix=near_name(key, known),
        )
    if key is None and "X" not in known:
        raise DataError("which matrix? there is no X", where=where, allowed=", ".join(known), fix="name it in key")
    return key or "X"


def _names(file: Any, key: str, where: str) -> tuple[str, ...] | None:
    """The names of the genes; none where two are equal, as columns are then told apart by their places."""
    names = tuple(map(str, _frame(file, "raw/var" if key == "raw/X" else "var", where).index))
    return names if len(set(names)) == len(names) else None


def _columns(
    events: DenseRows | CompressedRows | NDArray[np.generic],
    names: tuple[str, ...] | None,
    columns: Sequence[int | str] | None,
    where: str,
) -> tuple[Any, tuple[str, ...] | None]:
    """The columns chosen, with their names."""
    if columns is None:
        return events, names
    shape = events.shape if isinstance(events, DenseRows | CompressedRows) else events.shape[1:]
    if len(shape) != 1:
        raise DataError("only rows (d,) have columns", where=where, got=f"events {shape}", fix="leave columns out")
    places, _ = choose_columns(names or ("",) * shape[0], columns, None, where)
    chosen = events.of_columns(places) if isinstance(events, DenseRows | CompressedRows) else events[:, places]
    return chosen, None if names is None else tuple(names[i] for i in places)


def _column(obs: Any, name: int | str, what: str, where: str) -> Any:
    """The column of ``obs`` by its name or place."""
    known = [str(each) for each in obs.columns]
    if isinstance(name, int) and 0 <= name < len(known):
        return obs.columns[name]
    if not isinstance(name, str) or name not in known:
        allowed = ", ".join(known[:40]) or "none"
        raise DataError(f"obs has no such column for a {what}", where=where, got=repr(name), allowed=allowed,
                        fix=near_name(str(name), known))  # fmt: skip
    return obs.columns[known.index(name)]


def _label(obs: Any, name: int | str, where: str) -> NDArray[np.generic]:
    """A class for each row: numbers as they are, else texts, empty where there is none."""
    column = obs[_column(obs, name, "label", where)]
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
        return np.asarray(column)
    return np.array(["" if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)])


def _condition(file: Any, obs: Any, name: int | str, where: str) -> NDArray[np.generic]:
    """Numbers for each row, NaN where there are none."""
    if isinstance(name, str) and name.startswith("obsm/"):
        return _representation(file, _key(file, name, where), where).astype(np.float64)
    chosen = _column(obs, name, "condition", where)
    try:
        return np.asarray(obs[chosen].to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError) as error:
        fix = "name it as the label, or leave it out"
        raise DataError(f"the column {str(chosen)!r} of obs holds no numbers", where=where,
                        got=obs[chosen].dtype, fix=fix) from error  # fmt: skip


def _representation(file: Any, key: str, where: str) -> NDArray[np.generic]:
    found = _element(file, key, where)
    values = found.toarray() if hasattr(found, "toarray") else np.asarray(found)
    refuse_dtype(values.dtype, key, where)
    return values
