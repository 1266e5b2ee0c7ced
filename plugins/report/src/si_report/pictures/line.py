"""Densities on a line: histograms of source, target and samples, and the densities where they are known."""

from __future__ import annotations

import numpy as np

from si_core import RunView
from si_report.pictures.draws import cells, drawn, rice, span, subset
from si_report.pictures.log_densities import values
from si_report.pictures.names import axis_names, breakpoints, together
from si_report.pictures.palette import FAINT, SAMPLES, SOURCE, TARGET
from si_report.pictures.picture import Picture, Settings, sheet

__all__ = ["line"]

MOST = 400_000
POINTS = 400


def line(view: RunView, settings: Settings) -> Picture:
    """Draw draws and densities of events of shape () or (1,)."""
    names = [name for name in ("source", "target", "samples") if getattr(view, name) is not None]
    sets = {name: subset(getattr(view, name), MOST, name).reshape(-1) for name in names}
    samples, shown = sets["samples"], [sets[name] for name in ("target", "samples") if name in sets]
    frame = span(*sets.values(), tail=0.0005)
    jumps = (breakpoints(view) or [[]])[0]
    edges = cells(frame, rice(min(map(len, shown)), high=120), jumps)
    curves = {}
    beside = 1e-6 * (frame[1] - frame[0])  # a jump is drawn upright, by a point on each side
    sides = [at + way * beside for at in jumps for way in (-1, 1)]
    grid = np.sort(np.concatenate([np.linspace(*frame, POINTS), sides]))
    for name, log_density in (("learned density", view.log_density), ("true density", view.true_log_density)):
        if log_density is not None:
            with np.errstate(over="ignore"):
                curves[name] = np.exp(values(log_density, grid.reshape(-1, *view.samples.shape[1:]), view.samples))
    with sheet(settings) as drawing, drawing.tile(5.0, 4.0, f"densities of {' and '.join(names)}") as figure:
        ax = figure.subplots()
        if view.target is not None:
            label = f"target, {drawn(sets['target'], view.target)}"
            ax.hist(sets["target"], edges, density=True, color=FAINT, label=label)
        if "source" in sets:
            ax.hist(sets["source"], edges, density=True, histtype="step", color=SOURCE, linestyle="--", label="source")
        ax.hist(
            samples,
            edges,
            density=True,
            histtype="step",
            color=SAMPLES,
            lw=1.6,
            label=f"samples, {drawn(samples, view.samples)}",
        )
        styles = {"learned density": ("#d55e00", "-"), "true density": (TARGET, ":")}
        for name, density in curves.items():
            ax.plot(grid, density, color=styles[name][0], linestyle=styles[name][1], label=name)
        ax.set(xlim=frame, ylabel="density")
        ax.set_xlabel(axis_names(view)[0], parse_math=False)
        tallest = max(float(np.histogram(draws, edges, density=True)[0].max()) for draws in shown)
        heights = [tallest, *(float(density[np.isfinite(density)].max(initial=0)) for density in curves.values())]
        ax.set_ylim(0, 1.08 * min(max(heights), 3 * tallest))
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    caption = f"Histograms with {len(edges) - 1} bins, each of area one."
    if "learned density" in curves:
        caption += " The learned density is the exponential of the model's log-density."
    return Picture("samples", "Samples", together(names), caption, drawing.tiles)
