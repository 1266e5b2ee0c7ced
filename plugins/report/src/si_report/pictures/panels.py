"""Panels of estimates: what estimators say in plain data is to be seen beside their number.

The forms are those of :mod:`si_core.contract.panel`; any estimator's details are drawn so, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from si_core import DataError
from si_core.public.estimates import Panel, panel_of, panels_of
from si_report.pictures.palette import MISSING, SAMPLES, SETS, level_map
from si_report.pictures.picture import Picture, Settings, Sheet, cut, file_stem, printable, sheet, titled

__all__ = ["estimate_panels", "panels_in"]

MOST_TILES = 12
MOST_WRITTEN = 12
LONGEST = 30
STROKES = ("-", "--", "-.", ":")
VALUE_OF_DATA_LAW = "value_of_data_law"


def panels_in(record: Mapping[str, Any]) -> tuple[dict[str, Panel], dict[str, str]]:
    """The panels of the record of an estimate, by the name of the detail, and why some can't be drawn."""
    details = record.get("details")
    found, problems = panels_of(details if isinstance(details, Mapping) else None)
    values = record.get("per_sample")
    if isinstance(values, Mapping):
        try:
            panel = panel_of(values)
        except DataError as error:
            return found, {**problems, "per_sample": str(error)}
        limit = details.get(VALUE_OF_DATA_LAW) if isinstance(details, Mapping) else None
        if isinstance(limit, float):
            panel = replace(panel, marks={**panel.marks, "mean of the data's own law": limit})
        found = {"per_sample": panel, **found}
    return found, problems


def estimate_panels(records: Sequence[Mapping[str, Any]], settings: Settings) -> tuple[list[Picture], list[str]]:
    """A picture for each estimate with something to be seen, and a note for each detail that can't be drawn."""
    made: list[Picture] = []
    notes: list[str] = []
    for record in records:
        panels, problems = panels_in(record)
        name = str(record.get("name", "?"))
        notes += [f"{detail} of {name} can't be drawn: {problem}" for detail, problem in problems.items()]
        if not panels:
            continue
        parts = [part for key, panel in panels.items() for part in _parts(panel, panel.title or key.replace("_", " "))]
        with sheet(settings) as drawing:
            for words, part in parts[:MOST_TILES]:
                _draw(drawing, part, words)
        said = dict.fromkeys(panel.caption for panel in panels.values() if panel.caption)
        more = " More is among the details." if len(parts) > MOST_TILES else ""
        stem = file_stem(f"estimate-{name}", [picture.name for picture in made])
        caption = (" ".join(said) or f"What {name} measured beside its value.") + more
        made.append(Picture(stem, "Estimates", name, caption, drawing.tiles, across=3))
    return made, notes


def _draw(drawing: Sheet, panel: Panel, words: str) -> None:
    with drawing.tile(3.3, 2.9 if panel.panel != "matrix" else 3.3, printable(words)) as figure:
        ax = figure.subplots()
        titled(ax, cut(words, LONGEST))
        ax.title.set_fontsize(10)
        _FORMS[panel.panel](ax, panel)
        ax.set_xlabel(printable(panel.x_label), parse_math=False)
        ax.set_ylabel(printable(panel.y_label), parse_math=False)


def _parts(panel: Panel, title: str) -> Iterator[tuple[str, Panel]]:
    """A panel, or of counts one for each series."""
    if panel.panel != "counts" or len(panel.series) == 1:
        yield title, panel
        return
    for name, row in panel.series.items():
        errors = {name: panel.errors[name]} if name in panel.errors else {}
        yield f"{title}: {name}", replace(panel, series={name: row}, errors=errors)


def _curve(ax: Axes, panel: Panel) -> None:
    x = np.array(panel.x, float)
    if panel.expected:
        ax.plot(x, panel.expected, color="#777777", linewidth=1.0, linestyle=(0, (4, 3)), label="expected")
    for k, (name, row) in enumerate(panel.series.items()):
        style = {"color": SETS[k % len(SETS)], "linestyle": STROKES[k // len(SETS) % len(STROKES)]}
        style |= {"marker": "o" if len(x) <= 20 else "", "markersize": 3.5, "label": cut(name, LONGEST)}
        if name in panel.errors:
            ax.errorbar(x, row, np.nan_to_num(panel.errors[name]), capsize=2, **style)
        else:
            ax.plot(x, row, **style)
    _scales(ax, panel, x)
    _marks(ax, panel)
    ax.grid(visible=True)
    if len(panel.series) > 1 or panel.expected or panel.marks:
        _legend(ax)


def _counts(ax: Axes, panel: Panel) -> None:
    edges, ((name, row),) = np.array(panel.x, float), panel.series.items()
    ax.stairs(np.nan_to_num(row), edges, fill=True, color="#9fc6e0")
    ax.stairs(np.nan_to_num(row), edges, color=SAMPLES, linewidth=1.0)
    if panel.expected:
        expected = np.array(panel.expected)
        # a count of n draws that falls into a bin with probability p has variance n p (1 - p)
        scatter = 2 * np.sqrt(np.maximum(expected, 0) * np.clip(1 - expected / max(expected.sum(), 1), 0, 1))
        ax.stairs(expected, edges, baseline=None, color="#777777", linestyle=(0, (4, 3)), label="expected")
        band = {"step": "post", "color": MISSING, "alpha": 0.6, "linewidth": 0, "label": "± 2 standard deviations"}
        ax.fill_between(
            edges, *(np.append(each, each[-1]) for each in (expected - scatter, expected + scatter)), **band
        )
    if name in panel.errors:
        middles = (edges[:-1] + edges[1:]) / 2
        ax.errorbar(middles, row, np.nan_to_num(panel.errors[name]), fmt="none", ecolor="#444444", linewidth=0.9)
    ax.set_xlim(edges[0], edges[-1])
    _scales(ax, panel, edges)
    _marks(ax, panel)
    if panel.expected or panel.marks:
        _legend(ax)


def _bars(ax: Axes, panel: Panel) -> None:
    places, number = np.arange(len(panel.x)), len(panel.series)
    for k, (name, row) in enumerate(panel.series.items()):
        at = places + 0.8 * ((k + 0.5) / number - 0.5)
        errors = panel.errors.get(name)
        colour = SETS[k % len(SETS)]
        ax.bar(at, row, 0.8 / number, color=colour, yerr=errors, ecolor="#444444", label=cut(name, LONGEST))
    if panel.expected:
        ax.plot(places, panel.expected, color="#444444", marker="_", markersize=14, linestyle="none", label="expected")
    slanted: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor", "fontsize": 8}
    ax.set_xticks(places, [cut(str(name), LONGEST) for name in panel.x], parse_math=False, **slanted)
    if "y" in panel.log and any(value > 0 for row in panel.series.values() for value in row):
        ax.set_yscale("log")
    if number > 1 or panel.expected:
        _legend(ax)


def _matrix(ax: Axes, panel: Panel) -> None:
    values = np.array(list(panel.series.values()), float)
    shown = ax.imshow(np.ma.masked_invalid(values), cmap=level_map(), interpolation="nearest", aspect="auto")
    small = len(values) <= MOST_WRITTEN and values.shape[1] <= MOST_WRITTEN
    if small:
        ax.set_xticks(
            range(values.shape[1]), [cut(str(name), LONGEST) for name in panel.x], fontsize=8, parse_math=False
        )
        ax.set_yticks(range(len(values)), [cut(name, LONGEST) for name in panel.series], fontsize=8, parse_math=False)
    ax.spines[:].set_visible(False)
    ax.figure.colorbar(shown, ax=ax, shrink=0.9)


def _scales(ax: Axes, panel: Panel, x: Any) -> None:
    if "x" in panel.log and (x > 0).all():
        ax.set_xscale("log")
    if "y" in panel.log and any(value > 0 for row in panel.series.values() for value in row):
        ax.set_yscale("log", nonpositive="clip")


def _marks(ax: Axes, panel: Panel) -> None:
    for k, (name, value) in enumerate(panel.marks.items()):
        colour = ("#222222", "#b34700", "#00735a")[k % 3]
        ax.axvline(value, color=colour, linewidth=1.2, linestyle=STROKES[(k + 1) % 4], label=cut(name, LONGEST))


def _legend(ax: Axes) -> None:
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.22), "ncols": 2}
    legend = ax.legend(fontsize=8, columnspacing=1.2, handlelength=1.8, **below)
    for words in legend.get_texts():
        words.set_parse_math(False)


_FORMS = {"curve": _curve, "counts": _counts, "bars": _bars, "matrix": _matrix}
