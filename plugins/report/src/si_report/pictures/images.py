"""Grids of images: real ones beside the model's, the latter in a row for each label where there are labels."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from si_core import RunView
from si_report.pictures.classes import labels_of
from si_report.pictures.draws import Array, Frame, Indices, count, indices, subset
from si_report.pictures.mosaic import brightness, show
from si_report.pictures.picture import Picture, Settings, printable, sheet

__all__ = ["black_and_white", "images"]

MOST_LABELS = 12
REFERENCE = 512


def images(view: RunView, settings: Settings) -> Picture:
    """Draw grids of samples and of the target for events of shape (1, h, w) or (3, h, w)."""
    height, width = view.samples.shape[2:]
    columns = 10 if max(height, width) <= 64 else 6 if max(height, width) <= 160 else 4
    limits, range_of = black_and_white(view)
    chosen = _by_label(view, columns)
    if chosen is None:
        rows, labels, note = _rows(view.samples, "samples", columns, columns), None, "Chosen at random."
    else:
        picks, labels, note, _ = chosen
        rows = [subset(view.samples, columns, "samples", at) for at in picks]
    side = 4.8
    tall = side * (height * len(rows)) / (width * columns)
    high = min(tall, 11.0) + 0.5
    with sheet(settings) as drawing:
        if view.target is not None:
            words = f"{len(rows) * columns} real images at random"
            with drawing.tile(side, high, words, "compressed") as figure:
                ax = figure.subplots()
                show(ax, _rows(view.target, "target", len(rows), columns), columns, limits)
                ax.set_title("target (real)")
            note += " Real images at random." if labels else ""
        words = f"{sum(map(len, rows))} images of the model" + (f", by {chosen[3]}" if chosen is not None else "")
        with drawing.tile(side, high, words, "compressed") as figure:
            ax = figure.subplots()
            show(ax, rows, columns, limits, row_labels=labels)
            ax.set_title("samples (model)")
            if chosen is not None:
                ax.set_ylabel(chosen[3], parse_math=False)
    caption = (
        f"{note} Black is {limits[0]:.4g} and white {limits[1]:.4g} in every channel, "
        f"{range_of}; values beyond are clipped."
    )
    return Picture("samples", "Samples", "Images", caption, drawing.tiles)


def _rows(draws: Tensor, what: str, rows: int, columns: int) -> list[Array]:
    chosen = subset(draws, rows * columns, what)
    return [chosen[k * columns : (k + 1) * columns] for k in range(rows)]


def black_and_white(view: RunView) -> tuple[Frame, str]:
    """Return the values of black and white, and whose they are: the file's, or the range of some images."""
    if view.frame is not None and view.frame.pixels is not None:
        return view.frame.pixels, "those of the data"
    name, images = ("real", view.target) if view.target is not None else ("sampled", view.samples)
    limits = brightness(subset(images, REFERENCE, "samples" if images is view.samples else "target"))
    return limits, f"the range of {count(min(REFERENCE, len(images)))} {name} images"


def _by_label(view: RunView, columns: int) -> tuple[list[Indices], list[str], str, str] | None:
    """Return for each class the indices of its first draws, its name, and a note and the condition's name; None
    without classes."""
    found = labels_of(view)
    if found is None:
        return None
    name, classes, labels = found
    kinds = np.unique(labels[labels >= 0])
    if not len(kinds):
        return None
    shown = kinds[indices(len(kinds), MOST_LABELS)]
    picks = [np.flatnonzero(labels == kind)[:columns] for kind in shown]
    of = "each label" if len(shown) == len(kinds) else f"{len(shown)} of {count(len(kinds))} labels"
    note = f"The first samples of {of}, one row each."
    return picks, [printable(classes[kind]) for kind in shown], note, printable(name)
