"""Estimates by lead time: scores of forecasts against how far ahead they reach, and histograms of ranks.

Any estimate is drawn whose details have ``by_lead``, a list of records with ``lead`` and either ``value``, with
``standard_error`` and the same of other forecasts beside it (``linear``, ``data_law``), or ``heights`` of a histogram
that is 1 everywhere for calibrated forecasts, with ``standard_errors``. What has another form is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from si_core import RunView
from si_report.pictures.palette import FAINT, SAMPLES, SETS, TARGET
from si_report.pictures.picture import Picture, Settings, printable, sheet, unused

__all__ = ["leads"]

_BESIDE = {"linear": ("linear", SETS[1]), "data_law": ("the data's own law", TARGET)}
_MOST = 24
"""Panels: an estimate may have any number of leads."""

Records = Sequence[Mapping[str, Any]]
Panel = tuple[str, Records]


def leads(view: RunView, settings: Settings) -> Picture | None:
    """Draw each estimate by lead, and a histogram of ranks for each lead; None where there is none of either."""
    panels = [panel for estimate in view.estimates for panel in _panels(estimate)][:_MOST]
    if not panels:
        return None
    across = min(len(panels), 4)
    down = -(-len(panels) // across)
    with sheet(3.2 * across + (2.0 if across == 1 else 0), 2.7 * down, settings) as drawing:
        axes = drawing.figure.subplots(down, across, squeeze=False).reshape(-1)
        for ax, (title, records) in zip(axes, panels, strict=False):
            # A name comes from a plugin: a dollar sign in it is one.
            ax.set_title(printable(title), fontsize=10, parse_math=False)
            if "heights" in records[0]:
                _histogram(ax, records[0])
            else:
                _curve(ax, records)
        unused(*axes[len(panels) :])
    caption = (
        "Estimates by the number of steps ahead, with standard errors; orange and black are other forecasts of the "
        "same. Ranks: how often what came stands in each part of the members, 1 everywhere where a forecast is "
        "calibrated."
    )
    return Picture("leads", "Forecasts", "Forecasts by lead", caption, drawing.png)


def _panels(estimate: Mapping[str, Any]) -> list[Panel]:
    details, name = estimate.get("details"), str(estimate.get("name", ""))
    if not isinstance(details, Mapping):
        return []
    found = _records(details.get("by_lead"))
    curve = [record for record in found if _number(record.get("value"))]
    ranks = [record for record in found if _numbers(record.get("heights"))]
    return ([(name, curve)] if curve else []) + [(f"ranks, {record['lead']:g} ahead", [record]) for record in ranks]


def _records(found: Any) -> list[Mapping[str, Any]]:
    if not isinstance(found, list):
        return []
    return [record for record in found if isinstance(record, Mapping) and _number(record.get("lead"))]


def _curve(ax: Axes, records: Records) -> None:
    steps = [record["lead"] for record in records]
    errors = [record.get("standard_error") if _number(record.get("standard_error")) else 0.0 for record in records]
    ax.errorbar(steps, [record["value"] for record in records], errors, color=SAMPLES, marker="o", label="the model")
    for key, (label, colour) in _BESIDE.items():
        if all(_number(record.get(key)) for record in records):
            ax.plot(steps, [record[key] for record in records], color=colour, marker=".", linestyle="--", label=label)
    ax.set_xlabel("steps ahead")
    ax.grid(visible=True)
    if len(ax.lines) > 1:
        ax.legend()


def _histogram(ax: Axes, record: Mapping[str, Any]) -> None:
    heights = np.array(record["heights"], dtype=float)
    errors = record.get("standard_errors")
    ends = np.linspace(0, 1, len(heights) + 1)
    shown = errors if _numbers(errors) and len(errors) == len(heights) else None
    ax.bar(ends[:-1], heights, 1 / len(heights), align="edge", color=FAINT, edgecolor="white")
    ax.errorbar((ends[:-1] + ends[1:]) / 2, heights, shown, color=SAMPLES, linestyle="none", marker=".")
    ax.axhline(1, color=TARGET, linewidth=0.8, linestyle="--")
    ax.set_ylim(0, None)
    ax.set_xlabel("part of the members below")


def _numbers(values: Any) -> bool:
    return isinstance(values, list) and len(values) > 0 and all(map(_number, values))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
