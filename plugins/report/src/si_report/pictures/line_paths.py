"""Paths on a line: a few states of the sampler against time, with the target's histogram where they end."""

from __future__ import annotations

from si_core import RunView
from si_report.pictures.draws import cells, rice, span, subset
from si_report.pictures.names import axis_names, breakpoints
from si_report.pictures.palette import FAINT, SAMPLES, SETS
from si_report.pictures.paths import few, kinds, told
from si_report.pictures.picture import Picture, Settings, sheet, titled

__all__ = ["line_paths"]

ENDS = 5000


def line_paths(view: RunView, settings: Settings) -> Picture | None:
    """Draw at most twelve paths of events of shape () or (1,), with those by the ODE beside where there are such."""
    found = kinds(view)
    if not found:
        return None
    lasts = {name: subset(path.x[-1], ENDS, "trajectory").reshape(-1) for name, path in found.items()}
    target = [] if view.target is None else [subset(view.target, ENDS, "target").reshape(-1)]
    drawn = {name: few(path) for name, path in found.items()}
    frame = span(*(states.reshape(-1) for _, states in drawn.values()), *lasts.values(), *target, tail=0.0005)
    with sheet(settings) as drawing:
        for name, (times, states) in drawn.items():
            with drawing.tile(4.8, 3.8, f"{states.shape[1]} {name} against time") as figure:
                left, right = figure.subplots(1, 2, sharey=True, width_ratios=[4, 1])
                for k, path in enumerate(states.reshape(len(times), -1).T):
                    left.plot(times, path, color=SETS[k % len(SETS)], alpha=0.85, linewidth=1.1)
                left.set(xlim=(times[0], times[-1]), ylim=frame, xlabel="time t")
                titled(left, name)
                left.set_ylabel(axis_names(view)[0], parse_math=False)
                edges = cells(frame, rice(len(lasts[name])), (breakpoints(view) or [[]])[0])
                for behind in target:
                    right.hist(behind, edges, density=True, orientation="horizontal", color=FAINT)
                if found[name] is view.trajectory:
                    style = {"density": True, "orientation": "horizontal", "histtype": "step", "color": SAMPLES}
                    right.hist(lasts[name], edges, **style)
                right.set(title="end", xlabel="density")
    caption = f"{told(view)}."
    if target:
        caption += " At the end the target (grey), and all states of the sampler (blue)."
    return Picture("trajectories", "Trajectories", "Paths of the sampler", caption, drawing.tiles)
