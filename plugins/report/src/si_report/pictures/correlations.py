"""Correlation matrices of target and samples, and their difference.

Pearson's ``r_ij = cov(x_i, x_j) / (sd_i sd_j)``; a constant column has none.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from si_core import RunView
from si_report.pictures.draws import Array, count, drawn, subset
from si_report.pictures.names import column_names
from si_report.pictures.palette import diverging_map
from si_report.pictures.picture import Picture, Settings, sheet

__all__ = ["correlation", "correlations"]

MOST_DRAWS = 50_000
MOST_COLUMNS = 64
MOST_NAMES = 20
LONGEST = 16


def correlation(table: Array) -> Array:
    """Return the correlation matrix (d, d) of a table (N, d); NaN in the rows and columns of constant columns."""
    centred = table - table.mean(axis=0)
    scale = np.sqrt((centred**2).mean(axis=0))
    scale = np.where(scale > 1e-12 * np.maximum(np.abs(table).max(axis=0), 1e-300), scale, np.nan)
    standard = centred / scale
    return np.clip(standard.T @ standard / len(table), -1, 1)


def correlations(view: RunView, settings: Settings) -> Picture | None:
    """Draw the correlations of at most 64 coordinates; needs two coordinates and three draws."""
    sets = {
        name: subset(draws.flatten(1)[:, :MOST_COLUMNS], MOST_DRAWS, name)
        for name in ("target", "samples")
        if (draws := getattr(view, name)) is not None
    }
    number, total = sets["samples"].shape[1], view.samples.flatten(1).shape[1]
    if number < 2 or min(map(len, sets.values())) < 3:
        return None
    matrices = {name: correlation(table) for name, table in sets.items()}
    found = [matrix[np.isfinite(matrix)] for matrix in matrices.values()]
    norms = dict.fromkeys(matrices, Normalize(-1, 1))
    if "target" in matrices:
        gap = matrices["samples"] - matrices["target"]
        found.append(np.abs(gap[np.isfinite(gap)]))
        reach = max(0.05, float(found[-1].max(initial=0)))
        matrices["samples − target"], norms["samples − target"] = gap, Normalize(-reach, reach)
    named = number <= MOST_NAMES and view.frame is not None and view.frame.columns is not None
    names = column_names(view, number, LONGEST) if named else None
    with sheet(settings) as drawing:
        for name, matrix in matrices.items():
            with drawing.tile(3.3, 4.2 if named else 3.9, f"correlations of {name}") as figure:
                ax = figure.subplots()
                ax.imshow(matrix, norm=norms[name], cmap=diverging_map(), interpolation="nearest")
                ax.set(title=name)
                ax.spines[:].set_visible(False)
                _label(ax, names)
                below = {"location": "bottom", "aspect": 25, "shrink": 0.8}
                said = "difference" if "−" in name else "correlation"
                figure.colorbar(ScalarMappable(norms[name], diverging_map()), ax=ax, label=said, **below)
    listed = " and ".join(f"the {name} ({drawn(table, getattr(view, name))})" for name, table in sets.items())
    caption = f"Pearson correlations of {listed}."
    if found[-1].size < number**2:
        caption += " Grey: a constant column has no correlation."
    if number < total:
        caption += f" The first {number} of {count(total)} columns."
    return Picture("correlations", "Samples", "Correlations of the columns", caption, drawing.tiles)


def _label(ax: Axes, names: list[str] | None) -> None:
    """Name the rows and columns of a matrix, or number them."""
    if names is None:
        ax.set_xlabel("column")
        ax.set_ylabel("column")
        ax.locator_params(integer=True, nbins=8)
        return
    size = 9 if len(names) <= 8 else 7
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize=size, parse_math=False)
    ax.set_yticks(range(len(names)), names, fontsize=size, parse_math=False)
