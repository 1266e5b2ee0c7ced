"""Paths on a line: states of the sampler against time, with the histograms of both ends beside them."""

from __future__ import annotations

import numpy as np

from si_core import RunView
from si_report.pictures.draws import bins, count, indices, span, subset
from si_report.pictures.names import axis_names
from si_report.pictures.palette import FAINT, SAMPLES, SOURCE
from si_report.pictures.picture import Picture, Settings, sheet

__all__ = ["line_paths"]

MOST = 120
ENDS = 5000


def line_paths(view: RunView, settings: Settings) -> Picture | None:
    """Draw at most 120 paths of a trajectory of events of shape () or (1,)."""
    trajectory = view.trajectory
    if trajectory is None:
        return None
    times = subset(trajectory.t, len(trajectory.t), "trajectory")
    chosen = indices(trajectory.x.shape[1], MOST)
    states = np.stack([subset(state, MOST, "trajectory", chosen).reshape(-1) for state in trajectory.x])
    first, last = (subset(trajectory.x[k], ENDS, "trajectory").reshape(-1) for k in (0, -1))
    target = [] if view.target is None else [subset(view.target, ENDS, "target").reshape(-1)]
    frame = span(states.reshape(-1), first, last, *target, tail=0.0005)
    with sheet(8.4, 4.2, settings) as drawing:
        left, middle, right = drawing.figure.subplots(1, 3, sharey=True, width_ratios=[1, 5, 1])
        middle.plot(times, states, color=SAMPLES, alpha=0.35, linewidth=0.8)
        middle.set(xlim=(times[0], times[-1]), ylim=frame, xlabel="time t", title="paths")
        for ax, draws, colour, title in ((left, first, SOURCE, "start"), (right, last, SAMPLES, "end")):
            edges = bins(frame, len(draws))
            for behind in target if ax is right else ():
                ax.hist(behind, edges, density=True, orientation="horizontal", color=FAINT)
            ax.hist(draws, edges, density=True, orientation="horizontal", histtype="step", color=colour)
            ax.set(title=title, xlabel="density")
        left.set_ylabel(axis_names(view)[0], parse_math=False)
    grey = " (grey: target)" if target else ""
    caption = (
        f"{count(len(chosen))} of {count(trajectory.x.shape[1])} paths of the sampler, and histograms of all states at "
        f"the start and at the end{grey}; {count(trajectory.evaluations)} evaluations of the drift."
    )
    return Picture("trajectories", "Trajectories", "Paths of the sampler", caption, drawing.png)
