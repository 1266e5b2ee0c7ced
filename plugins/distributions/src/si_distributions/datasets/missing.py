"""Rows of a table that lack something: which to keep, what stands in, and what is said of the others."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from si_core import DataError, UsageError
from si_distributions.datasets.labels import check_labels, missing_labels
from si_distributions.files.contents import Contents
from si_distributions.files.row_store import RowStore, in_turn

__all__ = ["Missing", "whole_rows", "with_means"]

Missing = Literal["refuse", "drop", "mean", "leave-out"]
_log = logging.getLogger(__name__)


def whole_rows(contents: Contents, missing: Missing, where: str) -> NDArray[np.int64]:
    """The numbers of the rows to keep.

    Args:
        contents: the table.
        missing: refuse rows that lack anything; drop them; keep those that lack numbers alone, for
            :func:`with_means`; or keep those that lack labels and conditions alone.
        where: the file, for errors.

    Raises:
        DataError: rows lack something, or all of them do; says how many, and of the first row, column and value.
        UsageError: another policy.
    """
    if missing not in ("refuse", "drop", "mean", "leave-out"):
        raise UsageError(
            "unknown policy", where=f"{where}: missing", got=repr(missing), allowed="refuse, drop, mean, leave-out"
        )
    if contents.labels is not None:
        check_labels(contents.labels, len(contents.values), where)
    lacking = _columns(contents)
    if missing == "leave-out":
        # A condition that no row has can't be left out of some.
        lacking = {column: rows for column, rows in lacking.items() if column[0] == "value" or rows.all()}
    elif missing == "mean":
        lacking = {column: rows for column, rows in lacking.items() if _beyond_means(contents, column, rows)}
    bad = np.logical_or.reduce([np.zeros(len(contents.values), dtype=bool), *lacking.values()])
    if not bad.any():
        return np.arange(len(bad))
    count, first, whole = int(bad.sum()), int(bad.argmax()), not bad.all()
    if missing == "drop" and whole:
        _log.warning("%s: dropped %d of %d rows in which something is missing or not finite", where, count, len(bad))
        return np.flatnonzero(~bad)
    kind, name = next(column for column, rows in lacking.items() if rows[first])
    fix = "repair the file" + (", or set missing: drop" if whole else "; no row is whole")
    if missing == "refuse" and kind != "label" and whole:
        fix += ", or missing: mean for the mean of the training rows"
    if kind != "value" and missing == "refuse":
        fix += ", or missing: leave-out where train.condition_dropout names the condition"
    raise DataError(
        "rows without a label" if kind == "label" else "values that are missing or not finite",
        where=where,
        got=f"{count} of {len(bad)} rows; first {contents.row(first)}, {_lacking(contents, kind, name, first)}",
        fix=fix,
    )


def with_means(contents: Contents, train: NDArray[np.int64], where: str) -> Contents:
    """The contents in which the mean of the training rows stands for each number that is missing.

    Args:
        contents: rows of which :func:`whole_rows` found none to be missing anything else.
        train: the training rows.
        where: the file.

    Raises:
        DataError: a column without a number among the training rows.
    """
    lacking = {column: rows for column, rows in _columns(contents).items() if column[0] != "label" and rows.any()}
    if not lacking:
        return contents
    given = contents.values
    values: NDArray[np.generic] = given.loaded() if isinstance(given, RowStore) else np.array(given, order="C")
    conditions = {name: np.array(rows) for name, rows in contents.conditions.items()}
    cells, named = 0, []
    for kind, name in lacking:
        columns = _flat(values)[:, [int(name)]] if kind == "value" else _flat(conditions[name])
        absent = np.isnan(columns)
        present = ~absent[train]
        if not present.any(0).all():
            raise DataError(
                "no training row has a number there, so there is no mean",
                where=where,
                got=_called(contents, kind, name),
                fix="leave it out with columns",
            )
        means = np.where(present, columns[train], 0.0).sum(0, dtype=np.float64) / present.sum(0)
        filled = np.where(absent, means, columns)
        if kind == "value":
            _flat(values)[:, int(name)] = filled[:, 0]
        else:
            conditions[name] = filled.reshape(conditions[name].shape)
        cells, named = cells + int(absent.sum()), [*named, _called(contents, kind, name)]
    _log.warning("%s: the mean of the training rows stands for %d missing numbers: %s", where, cells, ", ".join(named))
    return replace(contents, values=values, conditions=conditions)


def _beyond_means(contents: Contents, column: tuple[str, str], rows: NDArray[np.bool_]) -> bool:
    """Whether a mean can't stand for what a column lacks: a label, or a number that is there and infinite."""
    kind, name = column
    if kind == "label":
        return bool(rows.any())
    numbers = _column(contents, int(name)) if kind == "value" else _flat(contents.conditions[name])
    return bool(rows.all()) or bool(np.isinf(numbers).any())


def _called(contents: Contents, kind: str, name: str) -> str:
    if kind != "value":
        return f"{kind} {name!r}"
    return f"column {contents.names[int(name)]!r}" if contents.names else f"entry {name}"


def _lacking(contents: Contents, kind: str, name: str, row: int) -> str:
    """What a row lacks, and what is there in its place."""
    called = _called(contents, kind, name)
    if kind == "label":
        return f"{called}: {str(contents.labels[row]) or 'nothing'}" if contents.labels is not None else called
    entries = _column(contents, int(name))[[row]] if kind == "value" else _flat(contents.conditions[name])[row]
    return f"{called}: {entries[~np.isfinite(entries)][0]}"


def _columns(contents: Contents) -> Mapping[tuple[str, str], NDArray[np.bool_]]:
    """Which rows lack each column, (N,), by what it is and its name: values, labels and conditions."""
    found: dict[tuple[str, str], NDArray[np.bool_]] = {}
    if contents.values.dtype.kind == "f":
        whole = np.ones(int(np.prod(contents.shape[1:])), dtype=bool)
        for _, block in in_turn(contents.values):
            whole &= np.isfinite(_flat(block)).all(0)
        found |= {("value", str(i)): ~np.isfinite(_column(contents, i)) for i in np.flatnonzero(~whole)}
    if contents.labels is not None:
        found["label", contents.label_name] = missing_labels(contents.labels)
    for name, rows in contents.conditions.items():
        found["condition", name] = ~np.isfinite(_flat(rows)).all(1)
    return found


def _column(contents: Contents, i: int) -> NDArray[np.generic]:
    """The numbers of one entry of all rows, (N,)."""
    if not isinstance(contents.values, RowStore):
        return _flat(contents.values)[:, i]
    return np.concatenate([_flat(block)[:, i] for _, block in in_turn(contents.values)])


def _flat(values: NDArray[np.generic]) -> NDArray[np.generic]:
    return values.reshape(len(values), -1)
