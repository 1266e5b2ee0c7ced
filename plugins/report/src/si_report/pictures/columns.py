"""Histograms of columns: each coordinate of the samples over the same coordinate of the target."""

from __future__ import annotations

from si_core import RunView
from si_report.pictures.draws import bins, count, drawn, span, subset
from si_report.pictures.palette import FAINT, SAMPLES, TARGET
from si_report.pictures.picture import Picture, Settings, sheet, unused

__all__ = ["columns"]

MOST_DRAWS = 100_000
MOST_COLUMNS = 16


def columns(view: RunView, settings: Settings) -> Picture:
    """Draw histograms of at most 16 coordinates of events of any shape."""
    target, samples = (subset(getattr(view, name).flatten(1), MOST_DRAWS, name) for name in ("target", "samples"))
    number = min(target.shape[1], MOST_COLUMNS)
    across = min(number, 4)
    down = -(-number // across)
    with sheet(2.6 * across + 0.3, 1.9 * down + 0.5, settings) as drawing:
        panels = drawing.figure.subplots(down, across, squeeze=False).reshape(-1)
        for k in range(number):
            ax, real, made = panels[k], target[:, k], samples[:, k]
            frame = span(real, made)
            edges = bins(frame, min(len(real), len(made)), high=50)
            # weights and not density=True: a histogram with nothing in its frame has no density
            fractions = [[1 / len(draws)] * len(draws) for draws in (real, made)]
            ax.hist(real, edges, weights=fractions[0], color=FAINT, label="target")
            ax.hist(real, edges, weights=fractions[0], histtype="step", color=TARGET, linewidth=0.7)
            ax.hist(made, edges, weights=fractions[1], histtype="step", color=SAMPLES, linewidth=1.5, label="samples")
            ax.set(xlim=frame, yticks=[])
            ax.set_title(f"column {k}", fontsize=10, fontweight="normal")
            ax.spines["left"].set_visible(False)
            ax.locator_params(axis="x", nbins=4)
        unused(*panels[number:])
        handles, labels = panels[0].get_legend_handles_labels()
        drawing.figure.legend(handles, labels, loc="outside upper center", ncols=2)
    caption = (
        f"Fractions in equal bins of the target (grey, {drawn(target, view.target)}) "
        f"and of the samples (blue, {drawn(samples, view.samples)})."
    )
    if number < target.shape[1]:
        caption += f" The first {number} of {count(target.shape[1])} columns."
    return Picture("samples", "Samples", "Columns of target and samples", caption, drawing.png)
