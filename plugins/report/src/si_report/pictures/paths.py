"""Paths in the plane: where a few draws of the source went, coloured by time, over draws of the target.

Where sampling has noise, the ODE takes the same starts beside it: its paths are smooth, and end elsewhere in the same
law.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.patheffects import Normal, Stroke

from si_core import RunView, Trajectory
from si_report.pictures.clouds import plane
from si_report.pictures.draws import Array, count, plane_frame, subset
from si_report.pictures.palette import FAINT, time_map
from si_report.pictures.picture import Picture, Settings, sheet, titled

__all__ = ["FEW", "few", "kinds", "paths"]

FEW = 12
BEHIND = 2500


def few(trajectory: Trajectory) -> tuple[Array, Array]:
    """Return all stored times (K,) and the states (K, 12, *event) of the first paths."""
    at = np.arange(min(FEW, trajectory.x.shape[1]))
    times = subset(trajectory.t, len(trajectory.t), "trajectory")
    return times, np.stack([subset(state, FEW, "trajectory", at) for state in trajectory.x])


def kinds(view: RunView) -> dict[str, Trajectory]:
    """The trajectories of a view by what they are."""
    if view.trajectory is None:
        return {}
    if view.flow is None:
        return {"paths of the sampler": view.trajectory}
    return {"SDE (the sampler)": view.trajectory, "ODE, same starts": view.flow}


def told(view: RunView) -> str:
    """How many paths are shown, and what they cost."""
    if view.trajectory is None:
        return ""
    number = view.trajectory.x.shape[1]
    words = f"{min(FEW, number)} of {count(number)} paths of the sampler, of {count(view.trajectory.evaluations)} "
    words += "evaluations of the drift each"
    if view.flow is not None:
        words += (
            ", and paths of the probability-flow ODE from the same starts: one law at each time, by noise or without"
        )
    return words


def paths(view: RunView, settings: Settings) -> Picture | None:
    """Draw at most twelve paths of a trajectory of events of shape (2,), with their starts and ends."""
    found = {name: few(trajectory) for name, trajectory in kinds(view).items()}
    if not found:
        return None
    target = None if view.target is None else subset(view.target, BEHIND, "target")
    shown = [states.reshape(-1, 2) for _, states in found.values()]
    x, y, equal = plane_frame([*shown, *([] if target is None else [target])], [])
    with sheet(settings) as drawing:
        for name, (times, states) in found.items():
            words = f"{states.shape[1]} {name if 'paths' in name else f'paths of the {name}'}"
            with drawing.tile(4.8, 5.2, words) as figure:
                ax = figure.subplots()
                plane(ax, view, x, y, equal)
                titled(ax, name)
                if target is not None:
                    ax.scatter(*target.T, s=5, color=FAINT, alpha=0.5, linewidths=0)
                norm = _draw(ax, times, states)
                bar = {"location": "bottom", "shrink": 0.8, "aspect": 30}
                figure.colorbar(ScalarMappable(norm, time_map()), ax=ax, label="time t", **bar)
    times = next(iter(found.values()))[0]
    caption = f"{told(view)}. From t = {times[0]:g} (rings) to t = {times[-1]:g} (dots)"
    caption += ", over draws of the target (grey)." if target is not None else "."
    return Picture("trajectories", "Trajectories", "Paths of the sampler", caption, drawing.tiles)


def _draw(ax: Axes, times: Array, states: Array) -> Normalize:
    norm = Normalize(min(times[0], times[-1]), max(times[0], times[-1]))
    pieces = np.stack([states[:-1], states[1:]], axis=2).reshape(-1, 2, 2)
    middles = np.repeat((times[:-1] + times[1:]) / 2, states.shape[1])
    lines = LineCollection(pieces, array=middles, cmap=time_map(), norm=norm, linewidths=1.3, capstyle="round")
    # a rim of paper tells paths from what is behind them
    lines.set_path_effects([Stroke(linewidth=2.6, foreground="white", alpha=0.5), Normal()])
    ax.add_collection(lines)
    begin, end = (time_map()(norm(t)) for t in (times[0], times[-1]))
    ax.scatter(*states[0].T, s=42, facecolors="white", edgecolors=[begin], linewidths=1.6, zorder=3)
    ax.scatter(*states[-1].T, s=42, color=[end], edgecolors="#222222", linewidths=0.8, zorder=4)
    return norm
