"""The numbers of a sweep on its grid: axes, and for each estimate an array with one entry for each point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from si_core import DataError, SweepView
from si_core.public.estimates import number
from si_report.page.text import inline, short
from si_report.pictures.draws import Array
from si_report.pictures.picture import cut

__all__ = ["Axis", "Measure", "axes", "label", "measures", "named_estimates"]

_LONGEST = 40


@dataclass(frozen=True)
class Axis:
    """One axis of a grid.

    Args:
        key: the dotted key, in few words as its values.
        labels: its values in words, in the order of the sweep.
        numbers: its values as numbers, shape (n,); None where one is no number.
    """

    key: str
    labels: list[str]
    numbers: Array | None


@dataclass(frozen=True)
class Measure:
    """One estimate over the grid.

    Args:
        name: its name; the second one of a name is ``name 2``.
        unit: its unit, empty for a plain number.
        bound: exact, unbiased, lower or upper; empty where the points don't agree.
        values: shape (n, ...), an axis of the array for each one of the grid; NaN where there is no value.
        errors: the standard errors, of the same shape; NaN where there is none.
    """

    name: str
    unit: str
    bound: str
    values: Array
    errors: Array


def axes(view: SweepView) -> list[Axis]:
    """The axes of a sweep, those of a single value included.

    Raises:
        DataError: the records are not those of the grid.
    """
    points = prod(len(values) for values in view.axes.values())
    if len(view.records) != points:
        raise DataError(
            "a sweep has one record for each combination of values",
            where="SweepView.records",
            got=f"{len(view.records)} records",
            allowed=str(points),
        )
    return [_axis(key, values) for key, values in view.axes.items()]


def _axis(key: str, values: Sequence[Any]) -> Axis:
    numbers = np.array(values, float) if all(map(number, values)) else None
    return Axis(_shown(key), [label(value) for value in values], numbers)


def measures(view: SweepView) -> list[Measure]:
    """The estimates of a sweep in the order in which they first appear."""
    shape = tuple(len(values) for values in view.axes.values())
    found = [named_estimates(record) for record in view.records]
    result = []
    for name in dict.fromkeys(name for estimates in found for name in estimates):
        estimates = [each.get(name, {}) for each in found]
        units, bounds = ({str(each[key]) for each in estimates if each.get(key)} for key in ("unit", "bound"))
        result.append(
            Measure(
                _shown(name),
                _shown(units.pop()) if len(units) == 1 and units != {"1"} else "",
                bounds.pop() if len(bounds) == 1 else "",
                np.array([_finite(each.get("value")) for each in estimates]).reshape(shape),
                np.array([_finite(each.get("standard_error")) for each in estimates]).reshape(shape),
            )
        )
    return result


def named_estimates(record: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The estimates of a point by name; equal names are counted."""
    named: dict[str, Mapping[str, Any]] = {}
    for estimate in record["estimates"]:
        name, count = str(estimate.get("name", "?")), 1
        while (key := name if count == 1 else f"{name} {count}") in named:
            count += 1
        named[key] = estimate
    return named


def label(value: Any) -> str:
    """A value of an axis in few words; a component with options is ``name (option: value)``."""
    if isinstance(value, Mapping) and "use" in value:
        options = inline({key: item for key, item in value.items() if key != "use"})[1:-1]
        words = f"{value['use']} ({options})" if options else str(value["use"])
    else:
        words = short(value) if number(value) else value if isinstance(value, str) else inline(value)
    return _shown(words)


def _shown(words: str) -> str:
    return cut(words, _LONGEST)


def _finite(value: Any) -> float:
    return float(value) if number(value) else float("nan")
