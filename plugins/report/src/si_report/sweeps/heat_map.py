"""An estimate over the values of two axes, as a table of colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LogNorm, Normalize

from si_report.page.text import short
from si_report.pictures.palette import MISSING, ink_on, level_map
from si_report.pictures.picture import Picture, Settings, sheet
from si_report.sweeps.lines import caption
from si_report.sweeps.results import Axis, Measure
from si_report.sweeps.scales import wide

__all__ = ["heat_map"]

LEAST = 3
MOST_WRITTEN = 100


def heat_map(measure: Measure, axes: Sequence[Axis], name: str, settings: Settings) -> Picture | None:
    """Draw an estimate over a sweep that varies two axes with three values or more each; None for any other sweep.

    Numbers stand in rising order and at equal distances. What has no value is grey.
    """
    varied = [place for place, axis in enumerate(axes) if len(axis.labels) > 1]
    if len(varied) != 2 or min(len(axes[place].labels) for place in varied) < LEAST:
        return None
    down, across = (axes[place] for place in varied)
    orders = [
        np.arange(len(axis.labels)) if axis.numbers is None else np.argsort(axis.numbers) for axis in (down, across)
    ]
    values = measure.values.reshape(len(down.labels), len(across.labels))[np.ix_(*orders)]
    known = values[np.isfinite(values)]
    if not known.size:
        return None
    norm = (LogNorm if wide(values) else Normalize)(float(known.min()), float(known.max()))
    width, height = (1.6 + 0.85 * len(across.labels), 1.2 + 0.42 * len(down.labels))
    title = f"{measure.name} over {across.key} and {down.key}"
    size = (min(max(width, 5.0), 10.5), min(max(height, 2.8), 9.0))
    with sheet(settings) as drawing, drawing.tile(*size, f"map of {title}") as figure:
        ax = figure.subplots()
        shown = ax.imshow(np.ma.masked_invalid(values), norm=norm, cmap=level_map(), aspect="auto", origin="lower")
        for set_ticks, axis, order in ((ax.set_yticks, down, orders[0]), (ax.set_xticks, across, orders[1])):
            set_ticks(range(len(order)), [axis.labels[k] for k in order], parse_math=False)
        if max(map(len, across.labels)) > 8:
            ax.tick_params(axis="x", labelrotation=20)
        ax.set_xlabel(across.key, parse_math=False)
        ax.set_ylabel(down.key, parse_math=False)
        ax.spines[:].set_visible(False)
        if values.size <= MOST_WRITTEN:
            for (row, column), value in np.ndenumerate(values):
                ink = ink_on(level_map()(norm(value)) if np.isfinite(value) else MISSING)
                words = "–" if not np.isfinite(value) else f"{value:#.3g}".removesuffix(".")
                ax.text(column, row, words, ha="center", va="center", color=ink, fontsize=8)
        bar = figure.colorbar(shown, ax=ax)
        bar.set_label(measure.unit, parse_math=False)
        bar.outline.set_visible(False)
    words = f"From {short(float(known.min()))} to {short(float(known.max()))}. {caption(measure)}".strip()
    return Picture(name, "Estimates", title, words, drawing.tiles)
