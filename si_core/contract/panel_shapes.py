"""Panels of details in plain forms: what an estimator need not write as a panel to have it drawn.

============================================================== =========================================================
a detail that is                                               is drawn as
============================================================== =========================================================
a mapping with the key ``panel``                               what it says (:mod:`si_core.contract.panel`)
named ``*histogram`` or ``*histograms``: counts, or a mapping  counts over equal bins of [0, 1]; where the name has
of names to counts                                             ``rank``, beside those of uniform ranks
numbers by numbers, or such mappings by name                   a curve, or one for each name; where the name has
                                                               ``coverage``, beside the diagonal
a list of two or more records, of numbers and with one key     a curve over that key for every other; ``standard_error``
that rises (its first)                                         is the error of ``value``, ``X_standard_error`` that of X
a list of records, each a number and a list of such records    a curve of their ``value`` for each
a list of records of a number (its first key) and a list of    counts over equal bins of [0, 1] for each, with their
numbers; ``standard_errors`` are another                       errors
a list of numbers beside ``t``, a list of as many              a curve over time
a square list of lists of numbers                              a matrix
============================================================== =========================================================

All else stays words and numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from si_core.contract.panel import Panel, number, panel_of
from si_core.errors import DataError

__all__ = ["panels_of"]

_MOST_NAMES = 40
_WIDE = 30.0


def panels_of(details: Mapping[str, Any] | None) -> tuple[dict[str, Panel], dict[str, str]]:
    """The panels of an estimate's details, by the detail's name, and why one that says ``panel`` is none.

    A panel over time has the name of what is drawn; ``t`` itself is none.
    """
    found: dict[str, Panel] = {}
    problems: dict[str, str] = {}
    for name, value in (details or {}).items():
        try:
            panel = _panel(str(name), value, (details or {}).get("t"))
        except DataError as error:
            if isinstance(value, Mapping) and "panel" in value:
                problems[str(name)] = str(error)
            continue  # of anything else nobody said that it is drawn
        if panel is not None:
            found[str(name)] = panel
    return found, problems


def _panel(name: str, value: Any, times: Any) -> Panel | None:
    if isinstance(value, Mapping):
        if "panel" in value:
            return panel_of(value)
        return _counts(name, value) if _is_histogram(name) else _curves(name, value)
    if not isinstance(value, list) or not value:
        return None
    if _is_histogram(name):
        return _counts(name, {name: value})
    if all(isinstance(item, Mapping) for item in value):
        return _records(value)
    if name != "t" and _numbers(times) and len(times) > 1 and _numbers(value) and len(value) == len(times):
        return Panel("curve", tuple(map(float, times)), {name: tuple(map(float, value))}, x_label="t", log=_log(value))
    if all(_numbers(row) for row in value) and {len(row) for row in value} == {len(value)} and len(value) > 1:
        rows = {str(k): tuple(map(float, row)) for k, row in enumerate(value)}
        return Panel("matrix", tuple(rows), rows)
    return None


def _log(row: Sequence[float]) -> str:
    """Numbers of many sizes have a logarithmic axis."""
    return "y" if min(row) > 0 and max(row) > _WIDE * min(row) else ""


def _is_histogram(name: str) -> bool:
    return name.endswith(("histogram", "histograms"))


def _numbers(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(number, value))


def _counts(name: str, value: Mapping[str, Any]) -> Panel | None:
    sizes = {len(counts) if _numbers(counts) else 0 for counts in value.values()}
    if len(sizes) != 1 or not (size := sizes.pop()) or len(value) > _MOST_NAMES:
        return None
    series = {str(key): tuple(map(float, counts)) for key, counts in value.items()}
    totals = {sum(counts) for counts in series.values()}
    uniform = (totals.pop() / size,) * size if "rank" in name and len(totals) == 1 else ()
    edges = tuple(k / size for k in range(size + 1))
    said = (
        "A posterior or ensemble that is right has uniform ranks, up to the scatter of the counts." if uniform else ""
    )
    return Panel("counts", edges, series, expected=uniform, caption=said, x_label="rank / number" if uniform else "")


def _curves(name: str, value: Mapping[str, Any]) -> Panel | None:
    each = value if all(isinstance(item, Mapping) for item in value.values()) else {name: value}
    if not 0 < len(each) <= _MOST_NAMES:
        return None
    lines: dict[str, dict[float, float]] = {}
    for key, line in each.items():
        points = {_as_number(x): y for x, y in line.items()}
        if len(points) < 2 or None in points or not all(map(number, points.values())):
            return None
        lines[str(key)] = {x: float(y) for x, y in points.items() if x is not None}
    x = tuple(sorted({x for line in lines.values() for x in line}))
    series = {key: tuple(line.get(at, math.nan) for at in x) for key, line in lines.items()}
    if "coverage" in name:
        said = "On the diagonal, regions of a probability hold the truth as often as they should."
        return Panel("curve", x, series, expected=x, caption=said, x_label="probability", y_label="fraction inside")
    return Panel("curve", x, series)


def _as_number(key: Any) -> float | None:
    try:
        found = float(key)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _records(records: Sequence[Mapping[str, Any]]) -> Panel | None:
    keys = list(records[0])
    if not keys or any(list(record) != keys for record in records) or not all(number(r[keys[0]]) for r in records):
        return None
    for key in keys[1:]:
        if all(_is_records(record[key]) for record in records):
            return _nested(records, keys[0], key)
        if all(_numbers(record[key]) and record[key] for record in records):
            return _histograms(records, keys[0], key)
    return _columns(records, keys)


def _columns(records: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> Panel | None:
    """Numbers of each record over the first of them."""
    x = tuple(float(record[keys[0]]) for record in records)
    if len(x) < 2 or any(low >= high for low, high in pairwise(x)):
        return None
    rows: dict[str, tuple[float, ...]] = {}
    for key in keys[1:]:
        column = [record[key] for record in records]
        if all(value is None or number(value) for value in column) and any(value is not None for value in column):
            rows[key] = tuple(math.nan if value is None else float(value) for value in column)
    series = {key: row for key, row in rows.items() if not key.endswith("standard_error")}
    errors = {key: row for key in series if (row := rows.get(_error_of(key))) is not None}
    return Panel("curve", x, series, errors, x_label=keys[0]) if series else None


def _error_of(key: str) -> str:
    return "standard_error" if key == "value" else f"{key}_standard_error"


def _nested(records: Sequence[Mapping[str, Any]], first: str, inner: str) -> Panel | None:
    """The ``value`` of the records within each record."""
    found = {f"{first} {record[first]:g}": _records(record[inner]) for record in records}
    panels = {name: panel for name, panel in found.items() if panel is not None and "value" in panel.series}
    if not panels or len(panels) < len(found) or len({panel.x for panel in panels.values()}) > 1:
        return None
    one = next(iter(panels.values()))
    series = {name: panel.series["value"] for name, panel in panels.items()}
    errors = {name: panel.errors["value"] for name, panel in panels.items() if "value" in panel.errors}
    return Panel("curve", one.x, series, errors, x_label=one.x_label)


def _histograms(records: Sequence[Mapping[str, Any]], first: str, key: str) -> Panel | None:
    size = len(records[0][key])
    named = {f"{first} {record[first]:g}": record for record in records}
    if any(len(record[key]) != size for record in records) or len(named) > _MOST_NAMES:
        return None
    errors = {
        name: tuple(map(float, record["standard_errors"]))
        for name, record in named.items()
        if _numbers(record.get("standard_errors")) and len(record["standard_errors"]) == size
    }
    edges = tuple(k / size for k in range(size + 1))
    series = {name: tuple(map(float, record[key])) for name, record in named.items()}
    return Panel("counts", edges, series, errors, y_label=key)


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)
