"""Strips of images: single draws on their way from noise to image, a row each."""

from __future__ import annotations

import numpy as np

from si_core import RunView
from si_report.pictures.draws import count, indices, moments_in_time, subset
from si_report.pictures.images import black_and_white
from si_report.pictures.mosaic import show
from si_report.pictures.picture import Picture, Settings, sheet

__all__ = ["strips"]

ROWS = 6
TIMES = 9


def strips(view: RunView, settings: Settings) -> Picture | None:
    """Draw at most six paths of a trajectory of images at about nine equally spaced times."""
    trajectory = view.trajectory
    if trajectory is None:
        return None
    at = moments_in_time(trajectory.t, TIMES)
    chosen = indices(trajectory.x.shape[1], ROWS)
    states = np.stack([subset(trajectory.x[k], ROWS, "trajectory", chosen) for k in at], axis=1)
    limits, _ = black_and_white(view)
    height, width = view.samples.shape[2:]
    wide = 1.06
    tall = wide * height * len(chosen) / width
    with sheet(settings) as drawing:
        for place, k in enumerate(at):
            t = float(trajectory.t[k])
            with drawing.tile(wide, min(tall, 12.0) + 0.3, f"states at t = {t:.2f}", "compressed") as figure:
                ax = figure.subplots()
                show(ax, [state[place : place + 1] for state in states], 1, limits)
                ax.set_title(f"t = {t:.2f}", fontsize=10, fontweight="normal")
    caption = (
        f"{len(chosen)} draws on their way, one a row, in columns of stored times; brightness as above: noise beyond "
        f"the range of the data is clipped. {count(trajectory.evaluations)} evaluations of the drift."
    )
    return Picture("trajectories", "Trajectories", "From noise to image", caption, drawing.tiles)
