"""Rows of a table that lack something: which to keep, and what is said of the others."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from si_core import DataError, UsageError
from si_distributions.datasets.labels import check_labels, missing_labels
from si_distributions.files.contents import Contents

__all__ = ["Missing", "whole_rows"]

Missing = Literal["stop", "drop", "leave-out"]
_log = logging.getLogger(__name__)


def whole_rows(contents: Contents, missing: Missing, where: str) -> NDArray[np.int64]:
    """The numbers of the rows to keep.

    Args:
        contents: the table.
        missing: stop at rows that lack anything; drop them; or keep those that lack labels and conditions alone.
        where: the file, for errors.

    Raises:
        DataError: rows lack something, or all of them do; says how many, and of the first row, column and value.
        UsageError: another policy.
    """
    if missing not in ("stop", "drop", "leave-out"):
        raise UsageError(
            "unknown policy", where=f"{where}: missing", got=repr(missing), allowed="stop, drop, leave-out"
        )
    if contents.labels is not None:
        check_labels(contents.labels, len(contents.values), where)
    lacking = _columns(contents)
    # A condition that no row has can't be left out of some.
    needed = {
        column: rows for column, rows in lacking.items() if missing != "leave-out" or column[0] == "value" or rows.all()
    }
    bad = np.logical_or.reduce([*needed.values()])
    if not bad.any():
        return np.arange(len(bad))
    count, first, whole = int(bad.sum()), int(bad.argmax()), not bad.all()
    if missing == "drop" and whole:
        _log.warning("%s: dropped %d of %d rows in which something is missing or not finite", where, count, len(bad))
        return np.flatnonzero(~bad)
    kind, name = next(column for column, rows in needed.items() if rows[first])
    fix = "repair the file" + (", or set missing: drop" if whole else "; no row is whole")
    if kind != "value" and missing == "stop":
        fix += ", or missing: leave-out where train.condition_dropout names the condition"
    raise DataError(
        "rows without a label" if kind == "label" else "values that are missing or not finite",
        where=where,
        got=f"{count} of {len(bad)} rows; first {contents.row(first)}, {_lacking(contents, kind, name, first)}",
        fix=fix,
    )


def _lacking(contents: Contents, kind: str, name: str, row: int) -> str:
    """What a row lacks, and what is there in its place."""
    if kind == "label":
        return f"label {name!r}: nothing"
    if kind == "condition":
        entries = _flat(contents.conditions[name])[row]
        return f"condition {name!r}: {entries[~np.isfinite(entries)][0]}"
    column = f"column {contents.names[int(name)]!r}" if contents.names else f"entry {name}"
    return f"{column}: {_flat(contents.values)[row, int(name)]}"


def _columns(contents: Contents) -> dict[tuple[str, str], NDArray[np.bool_]]:
    """Which rows lack each column, (N,), by what it is and its name: values, labels and conditions."""
    values = _flat(contents.values)
    found: dict[tuple[str, str], NDArray[np.bool_]] = {}
    if values.dtype.kind == "f":
        broken = ~np.isfinite(values)
        found |= {("value", str(i)): broken[:, i] for i in np.flatnonzero(broken.any(0))}
    found = found or {("value", "0"): np.zeros(len(values), dtype=bool)}
    if contents.labels is not None:
        found["label", contents.label_name] = missing_labels(contents.labels)
    for name, rows in contents.conditions.items():
        found["condition", name] = ~np.isfinite(_flat(rows)).all(1)
    return found


def _flat(values: NDArray[np.generic]) -> NDArray[np.generic]:
    return values.reshape(len(values), -1)
