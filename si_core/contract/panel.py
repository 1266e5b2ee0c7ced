"""Panels: details of an estimate that are drawn.

An estimator draws nothing. It says in plain data what is to be seen, and any report draws that beside the value: a
detail (:attr:`si_core.Estimate.details`) that is a mapping with the key ``panel``, whose value is the form, and the
fields of :class:`Panel` as lists, numbers and texts. A number that is not known is null::

    details={"reliability": {"panel": "curve", "x": [0.5, 0.9], "series": {"weight": [0.48, 0.93]},
                             "expected": [0.5, 0.9], "x_label": "level", "y_label": "fraction inside"}}

========== ============================ ===============================================================
``panel``  ``x``                        ``series``, by name
========== ============================ ===============================================================
``curve``  K numbers                    K numbers each: a line
``counts`` K + 1 edges of bins, rising  K numbers each: the height of a bin
``bars``   K names                      K numbers each: a bar
``matrix`` K names of columns           K numbers each: a row
========== ============================ ===============================================================

Details in plainer forms are drawn as well (:mod:`si_core.contract.panel_shapes`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from si_core.errors import DataError

__all__ = ["Panel", "number", "panel_of", "values_panel"]

Form = Literal["curve", "counts", "bars", "matrix"]
_MOST_BINS = 40
_MOST_POINTS, _MOST_SERIES, _LARGEST = 10_000, 100, 1e100


@dataclass(frozen=True)
class Panel:
    """What is drawn of a detail.

    Args:
        panel: the form.
        x: along the horizontal axis, by the form.
        series: the numbers by name, NaN where one is not known.
        errors: one standard error of some of them, by the same names.
        expected: what a model without error has, K numbers; none where that is not said.
        marks: values of x that stand out, by name, for curves and counts.
        title: in place of the detail's name.
        caption: a sentence on what is to be seen.
        x_label: of the horizontal axis.
        y_label: of the vertical axis.
        log: which axes are logarithmic: any of ``x`` and ``y``.

    Raises:
        DataError: fields that don't fit each other.
    """

    panel: Form
    x: tuple[float, ...] | tuple[str, ...]
    series: Mapping[str, tuple[float, ...]]
    errors: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    expected: tuple[float, ...] = ()
    marks: Mapping[str, float] = field(default_factory=dict)
    title: str = ""
    caption: str = ""
    x_label: str = ""
    y_label: str = ""
    log: str = ""

    def __post_init__(self) -> None:
        if self.panel not in get_args(Form):
            raise DataError("no form of a panel", got=repr(self.panel), allowed=", ".join(get_args(Form)))
        numbers = self.panel in ("curve", "counts")
        if not all(isinstance(value, int | float if numbers else str) for value in self.x):
            allowed = "finite numbers" if numbers else "names"
            raise DataError("x of a panel", got=repr(self.x)[:80], allowed=f"{allowed} for {self.panel!r}")
        if self.panel == "counts" and not all(low < high for low, high in pairwise(map(float, self.x))):
            raise DataError("edges of a panel", got=repr(self.x)[:80], allowed="rising numbers")
        size = len(self.x) - (self.panel == "counts")
        lengths = [len(values) for values in (*self.series.values(), *self.errors.values())]
        lengths += [len(self.expected)] if self.expected else []
        if not self.series or size < 1 or set(lengths) != {size} or not set(self.errors) <= set(self.series):
            got = f"x of {len(self.x)}, numbers of {', '.join(map(str, lengths)) or 'no series'}"
            raise DataError("a panel whose fields don't fit", got=got, allowed=f"series of {size} for {self.panel!r}")
        self._check_sizes()

    def _check_sizes(self) -> None:
        """A panel may be a stranger's: what is drawn is bounded, in number and in size."""
        if len(self.x) > _MOST_POINTS or len(self.series) > _MOST_SERIES:
            got, allowed = f"{len(self.series)} series over {len(self.x)}", f"{_MOST_SERIES} over {_MOST_POINTS}"
            raise DataError("a panel of too many numbers", got=got, allowed=f"at most {allowed}")
        rows = [*self.series.values(), *self.errors.values(), self.expected, tuple(self.marks.values())]
        rows += [tuple(value for value in self.x if not isinstance(value, str))]
        sizes = [abs(value) for row in rows for value in row if not math.isnan(value)]
        if sizes and max(sizes) > _LARGEST:
            raise DataError("a number that no axis holds", got=f"{max(sizes):.3g}", allowed=f"at most {_LARGEST:g}")
        if any(value < 0 for row in self.errors.values() for value in row):
            raise DataError("an error below 0", allowed="standard errors, or null")

    def plain(self) -> dict[str, Any]:
        """The panel as a detail."""
        found: dict[str, Any] = {}
        for name in (each.name for each in fields(self)):
            value = getattr(self, name)
            if isinstance(value, tuple):
                value = [_plain(item) for item in value]
            elif isinstance(value, Mapping):
                value = {
                    key: [_plain(item) for item in each] if isinstance(each, tuple) else _plain(each)
                    for key, each in value.items()
                }
            if value or name in ("panel", "x", "series"):
                found[name] = value
        return found


def panel_of(detail: Mapping[str, Any]) -> Panel:
    """The panel that a detail with the key ``panel`` describes.

    Raises:
        DataError: unknown keys, values of another type, or fields that don't fit each other.
    """
    known = {each.name for each in fields(Panel)}
    strange = [str(key) for key in detail if key not in known]
    if strange:
        raise DataError("unknown keys of a panel", got=", ".join(strange)[:80], allowed=", ".join(sorted(known)))
    try:
        x = tuple(item if isinstance(item, str) else _number(item) for item in detail["x"])
        return Panel(
            panel=detail["panel"],
            x=x,  # type: ignore[arg-type]
            series={str(name): _row(values) for name, values in detail["series"].items()},
            errors={str(name): _row(values) for name, values in detail.get("errors", {}).items()},
            expected=_row(detail.get("expected", ())),
            marks={str(name): _number(value) for name, value in detail.get("marks", {}).items()},
            **{name: str(detail.get(name, "")) for name in ("title", "caption", "x_label", "y_label", "log")},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        allowed = "x and series, of numbers and names as si_core.contract.panel says"
        raise DataError(
            "a panel that can't be read", got=f"{type(error).__name__}: {error}", allowed=allowed
        ) from error


def values_panel(values: Tensor, unit: str = "1") -> Panel | None:
    """How the values of samples, shape (B,), are distributed; None for values that a mean tells all of.

    A histogram over the range of those that are finite and that an axis holds, with a mark at their mean.
    """
    flat = values.detach().double().flatten().cpu()
    known = flat[flat.abs() <= _LARGEST]
    if len(torch.unique(known)) < 3:
        return None
    low, high = float(known.min()), float(known.max())
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        return None
    bins = min(_MOST_BINS, max(8, round(2 * len(known) ** (1 / 3))))
    edges = tuple(low + (high - low) * k / bins for k in range(bins + 1))
    away = len(flat) - len(known)
    return Panel(
        "counts",
        edges,
        {"values": tuple(known.histc(bins, low, high).tolist())},
        marks={"mean": float(known.mean())},
        title="value of each sample",
        caption=f"{len(known):,} values." + (f" {away:,} are not finite and left out." if away else ""),
        x_label="" if unit == "1" else unit,
        y_label="samples",
    )


def number(value: Any) -> bool:
    """Whether a value is a finite number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(value: Any) -> float:
    if not number(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)


def _row(values: Sequence[Any]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else _number(value) for value in values)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
