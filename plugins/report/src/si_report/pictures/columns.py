"""Histograms of columns: each coordinate of the samples over the same coordinate of the target."""

from __future__ import annotations

from si_core import RunView
from si_report.pictures.draws import column_bins, count, drawn, rice, span, subset
from si_report.pictures.names import column_names
from si_report.pictures.palette import FAINT, SAMPLES, TARGET
from si_report.pictures.picture import Picture, Settings, sheet

__all__ = ["columns"]

MOST_DRAWS = 100_000
MOST_COLUMNS = 16


def columns(view: RunView, settings: Settings) -> Picture:
    """Draw histograms of at most 16 coordinates of events of any shape."""
    samples = subset(view.samples.flatten(1), MOST_DRAWS, "samples")
    target = None if view.target is None else subset(view.target.flatten(1), MOST_DRAWS, "target")
    number = min(samples.shape[1], MOST_COLUMNS)
    titles = column_names(view, number)
    with sheet(settings) as drawing:
        for k in range(number):
            made = samples[:, k]
            shown = [made] if target is None else [target[:, k], made]
            frame = span(*shown)
            edges = column_bins(shown[0], frame, rice(min(map(len, shown)), high=50))
            with drawing.tile(2.4, 1.9, f"histograms of {titles[k]}") as figure:
                ax = figure.subplots()
                # weights and not density=True: a histogram with nothing in its frame has no density
                *fractions, last = [[1 / len(draws)] * len(draws) for draws in shown]
                for real, fraction in zip(shown, fractions, strict=False):
                    ax.hist(real, edges, weights=fraction, color=FAINT)
                    ax.hist(real, edges, weights=fraction, histtype="step", color=TARGET, linewidth=0.7)
                ax.hist(made, edges, weights=last, histtype="step", color=SAMPLES, linewidth=1.5)
                ax.set(xlim=frame, yticks=[])
                ax.set_title(titles[k], fontsize=10, fontweight="normal", parse_math=False)
                ax.spines["left"].set_visible(False)
                ax.locator_params(axis="x", nbins=4)
    grey = "" if view.target is None or target is None else f"the target (grey, {drawn(target, view.target)}) and of "
    caption = f"Fractions in bins of {grey}the samples (blue, {drawn(samples, view.samples)})."
    if number < samples.shape[1]:
        caption += f" The first {number} of {count(samples.shape[1])} columns."
    title = f"Columns of {'' if target is None else 'target and '}samples"
    return Picture("samples", "Samples", title, caption, drawing.tiles, across=4)
