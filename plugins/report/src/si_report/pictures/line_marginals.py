"""Density over time on a line: histograms of the sampler's states at each stored time, as columns of colour."""

from __future__ import annotations

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from si_core import RunView
from si_report.pictures.draws import cells, count, rice, span, subset
from si_report.pictures.names import axis_names, breakpoints
from si_report.pictures.palette import density_map
from si_report.pictures.picture import Picture, Settings, sheet

__all__ = ["line_marginals"]

LEAST = 200


def line_marginals(view: RunView, settings: Settings) -> Picture | None:
    """Draw the densities of a trajectory of events of shape () or (1,); None for few paths."""
    trajectory = view.trajectory
    if trajectory is None or trajectory.x.shape[1] < LEAST:
        return None
    times = subset(trajectory.t, len(trajectory.t), "trajectory")
    states = np.stack([subset(state, len(state), "trajectory").reshape(-1) for state in trajectory.x])
    frame = span(*states)
    edges = cells(frame, rice(states.shape[1], 24, 80), (breakpoints(view) or [[]])[0])
    grid = np.stack([np.histogram(row, edges)[0] / (len(row) * np.diff(edges)) for row in states], axis=1)
    middles = (times[:-1] + times[1:]) / 2
    columns = np.concatenate([times[:1], middles, times[-1:]])
    norm = Normalize(0, float(np.quantile(grid[grid > 0], 0.995)) if (grid > 0).any() else 1.0)
    with sheet(settings) as drawing, drawing.tile(5.0, 3.6, "map of the density over time and place") as figure:
        ax = figure.subplots()
        ax.pcolormesh(columns, edges, grid, norm=norm, cmap=density_map(), rasterized=True)
        ax.set(xlim=(times[0], times[-1]), ylim=frame, xlabel="time t")
        ax.set_ylabel(axis_names(view)[0], parse_math=False)
        figure.colorbar(ScalarMappable(norm, density_map()), ax=ax, label="density", extend="max")
    caption = f"Histograms of {count(states.shape[1])} states of the sampler at {len(times)} times, a column each."
    return Picture("marginals", "Trajectories", "Density over time", caption, drawing.tiles)
