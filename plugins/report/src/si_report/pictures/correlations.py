"""Correlation matrices of target and samples, and their difference.

Pearson's ``r_ij = cov(x_i, x_j) / (sd_i sd_j)``; a constant column has none.
"""

from __future__ import annotations

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from si_core import RunView
from si_report.pictures.draws import Array, count, drawn, subset
from si_report.pictures.palette import diverging_map
from si_report.pictures.picture import Picture, Settings, sheet

__all__ = ["correlation", "correlations"]

MOST_DRAWS = 50_000
MOST_COLUMNS = 64


def correlation(table: Array) -> Array:
    """Return the correlation matrix (d, d) of a table (N, d); NaN in the rows and columns of constant columns."""
    centred = table - table.mean(axis=0)
    scale = np.sqrt((centred**2).mean(axis=0))
    scale = np.where(scale > 1e-12 * np.maximum(np.abs(table).max(axis=0), 1e-300), scale, np.nan)
    standard = centred / scale
    return np.clip(standard.T @ standard / len(table), -1, 1)


def correlations(view: RunView, settings: Settings) -> Picture | None:
    """Draw the correlations of at most 64 coordinates; needs two coordinates and three draws."""
    target, samples = (
        subset(getattr(view, name).flatten(1)[:, :MOST_COLUMNS], MOST_DRAWS, name) for name in ("target", "samples")
    )
    number = target.shape[1]
    if number < 2 or min(len(target), len(samples)) < 3:
        return None
    real, made = correlation(target), correlation(samples)
    gap = made - real
    found = np.abs(gap[np.isfinite(gap)])
    reach = max(0.05, float(found.max(initial=0)))
    with sheet(10.5, 4.5, settings, "compressed") as drawing:
        panels = drawing.figure.subplots(1, 3, sharex=True, sharey=True)
        norms = [Normalize(-1, 1), Normalize(-1, 1), Normalize(-reach, reach)]
        titles = ["target", "samples", "samples − target"]
        for ax, matrix, norm, title in zip(panels, (real, made, gap), norms, titles, strict=True):
            ax.imshow(matrix, norm=norm, cmap=diverging_map(), interpolation="nearest")
            ax.set(title=title, xlabel="column")
            ax.locator_params(integer=True, nbins=8)
            ax.spines[:].set_visible(False)
        panels[0].set_ylabel("column")
        below = {"location": "bottom", "aspect": 25, "label": "correlation"}
        drawing.figure.colorbar(ScalarMappable(norms[0], diverging_map()), ax=list(panels[:2]), shrink=0.4, **below)
        drawing.figure.colorbar(
            ScalarMappable(norms[2], diverging_map()), ax=[panels[2]], shrink=0.8, **(below | {"label": "difference"})
        )
    sets = f"the target ({drawn(target, view.target)}) and the samples ({drawn(samples, view.samples)})"
    caption = f"Pearson correlations of {sets}."
    if found.size < gap.size:
        caption += " Grey: a constant column has no correlation."
    if number < view.target.flatten(1).shape[1]:
        caption += f" The first {number} of {count(view.target.flatten(1).shape[1])} columns."
    return Picture("correlations", "Samples", "Correlations of the columns", caption, drawing.png)
