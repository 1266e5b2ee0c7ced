"""Paths in the plane: where draws of the source went, coloured by time."""

from __future__ import annotations

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from si_core import RunView
from si_report.pictures.draws import count, indices, plane_frame, subset
from si_report.pictures.names import axis_names
from si_report.pictures.palette import time_map
from si_report.pictures.picture import Picture, Settings, sheet

__all__ = ["paths"]

MOST = 60
STEPS = 400


def paths(view: RunView, settings: Settings) -> Picture | None:
    """Draw at most 60 paths of a trajectory of events of shape (2,), with their starts and ends."""
    trajectory = view.trajectory
    if trajectory is None:
        return None
    steps = indices(len(trajectory.t), STEPS)
    steps[[0, -1]] = 0, len(trajectory.t) - 1
    times = subset(trajectory.t, STEPS, "trajectory", steps)
    chosen = indices(trajectory.x.shape[1], MOST)
    states = np.stack([subset(trajectory.x[k], MOST, "trajectory", chosen) for k in steps])
    x, y, equal = plane_frame([states.reshape(-1, 2)], [])
    norm = Normalize(min(times[0], times[-1]), max(times[0], times[-1]))
    pieces = np.stack([states[:-1], states[1:]], axis=2).reshape(-1, 2, 2)
    middles = np.repeat((times[:-1] + times[1:]) / 2, len(chosen))
    with sheet(7.2, 6.0, settings, "compressed") as drawing:
        ax = drawing.figure.subplots()
        ax.add_collection(LineCollection(pieces, array=middles, cmap=time_map(), norm=norm, linewidths=0.9, alpha=0.75))
        begin, end = (time_map()(norm(t)) for t in (times[0], times[-1]))
        ax.scatter(*states[0].T, s=26, facecolors="white", edgecolors=[begin], linewidths=1.2, zorder=3, label="start")
        ax.scatter(*states[-1].T, s=24, color=[end], edgecolors="#222222", linewidths=0.6, zorder=4, label="end")
        ax.set(xlim=x, ylim=y, aspect="equal" if equal else "auto")
        ax.set_box_aspect(1)
        across, up = axis_names(view)
        ax.set_xlabel(across, parse_math=False)
        ax.set_ylabel(up, parse_math=False)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
        drawing.figure.colorbar(ScalarMappable(norm, time_map()), ax=ax, label="time t", shrink=0.8)
    caption = (
        f"{count(len(chosen))} of {count(trajectory.x.shape[1])} paths of the sampler from t = {times[0]:g} (rings) to "
        f"t = {times[-1]:g} (dots); {count(trajectory.evaluations)} evaluations of the drift."
    )
    return Picture("trajectories", "Trajectories", "Paths of the sampler", caption, drawing.png)
