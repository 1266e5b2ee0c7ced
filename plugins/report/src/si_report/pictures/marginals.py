"""Density over time in the plane: the law of the sampler's states at six times, one picture a time."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import Normalize, PowerNorm

from si_core import RunView
from si_report.pictures.clouds import histogram, plane
from si_report.pictures.draws import cells, count, indices, moments_in_time, plane_frame, subset
from si_report.pictures.names import breakpoints
from si_report.pictures.palette import FAINT, density_map, time_map
from si_report.pictures.picture import Picture, Settings, sheet, titled

__all__ = ["marginals"]

MOST = 10_000
TIMES = 6
DENSE = 1000


def marginals(view: RunView, settings: Settings) -> Picture | None:
    """Draw the states of a trajectory of events of shape (2,) at about six equally spaced times."""
    trajectory = view.trajectory
    if trajectory is None:
        return None
    at = moments_in_time(trajectory.t, TIMES)
    chosen = indices(trajectory.x.shape[1], MOST)
    times = [float(trajectory.t[k]) for k in at]
    states = [subset(trajectory.x[k], MOST, "trajectory", chosen) for k in at]
    target = None if view.target is None else subset(view.target, DENSE, "target")
    x, y, equal = plane_frame([states[0], states[-1] if target is None else target], states[1:])
    dense, number = len(chosen) >= DENSE, int(np.clip(np.sqrt(len(chosen)), 16, 64))
    edges = [cells(limits, number, jumps) for limits, jumps in zip((x, y), breakpoints(view) or ((), ()), strict=True)]
    grids = [histogram(points, edges) for points in states]
    tops = [float(np.quantile(grid[grid > 0], 0.99)) for grid in grids if (grid > 0).any()]
    # by the square root, for an end may be far denser than the other
    norm = PowerNorm(0.5, 0, max(tops, default=1.0))
    clock = Normalize(min(times), max(times))
    with sheet(settings) as drawing:
        for t, points, grid in zip(times, states, grids, strict=True):
            with drawing.tile(1.64, 1.86, f"states at t = {t:.2f}") as figure:
                ax = figure.subplots()
                plane(ax, view, x, y, equal, labels=False)
                ax.tick_params(labelsize=8)
                titled(ax, f"t = {t:.2f}")
                if dense:
                    ax.pcolormesh(*edges, grid.T, norm=norm, cmap=density_map(), rasterized=True)
                    continue
                if target is not None:
                    ax.scatter(*target.T, s=2.5, color=FAINT, linewidths=0)
                ax.scatter(*points.T, s=5, color=[time_map()(clock(t))], linewidths=0, alpha=0.85)
    if dense:
        caption = f"Histograms of {count(len(chosen))} states of the sampler at stored times; darker is denser, in one "
        caption += "scale, by the square root."
    else:
        over = "" if target is None else " (colour) over draws of the target (grey)"
        caption = f"{count(len(chosen))} states of the sampler at stored times{over}."
    return Picture("marginals", "Trajectories", "Density over time", caption, drawing.tiles)
