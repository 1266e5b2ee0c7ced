"""Marginals of the plane: the same draws at about five times, with the target behind them."""

from __future__ import annotations

from matplotlib.colors import Normalize

from si_core import RunView
from si_report.pictures.draws import count, indices, moments_in_time, plane_frame, subset
from si_report.pictures.names import axis_names
from si_report.pictures.palette import FAINT, time_map
from si_report.pictures.picture import Picture, Settings, sheet

__all__ = ["marginals"]

MOST = 1500
TIMES = 5


def marginals(view: RunView, settings: Settings) -> Picture | None:
    """Draw the states of a trajectory of events of shape (2,) at about five equally spaced times."""
    trajectory = view.trajectory
    if trajectory is None:
        return None
    at = moments_in_time(trajectory.t, TIMES)
    chosen = indices(trajectory.x.shape[1], MOST)
    times = [float(trajectory.t[k]) for k in at]
    states = [subset(trajectory.x[k], MOST, "trajectory", chosen) for k in at]
    target = None if view.target is None else subset(view.target, MOST, "target")
    x, y, equal = plane_frame([states[0], states[-1] if target is None else target], states[1:])
    across, up = axis_names(view)
    norm = Normalize(min(times), max(times))
    with sheet(2.35 * len(at) + 0.4, 2.9, settings, "compressed") as drawing:
        panels = drawing.figure.subplots(1, len(at), sharex=True, sharey=True, squeeze=False)[0]
        for ax, t, points in zip(panels, times, states, strict=True):
            if target is not None:
                ax.scatter(*target.T, s=2.5, color=FAINT, linewidths=0)
            ax.scatter(*points.T, s=5, color=[time_map()(norm(t))], linewidths=0, alpha=0.85)
            ax.set(title=f"t = {t:.2f}", xlim=x, ylim=y, aspect="equal" if equal else "auto")
            ax.set_xlabel(across, parse_math=False)
            ax.set_box_aspect(1)
        panels[0].set_ylabel(up, parse_math=False)
    over = "" if target is None else " (colour) over draws of the target (grey)"
    caption = f"{count(len(chosen))} states of the sampler at stored times{over}."
    return Picture("marginals", "Trajectories", "Marginals on the way", caption, drawing.png)
