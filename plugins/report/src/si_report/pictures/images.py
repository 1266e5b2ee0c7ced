"""Grids of images: real ones beside the model's, the latter in a row for each label where there are labels."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from si_core import RunView
from si_report.pictures.draws import Array, Indices, count, indices, subset
from si_report.pictures.mosaic import brightness, show
from si_report.pictures.picture import Picture, Settings, sheet

__all__ = ["images"]

MOST_LABELS = 12
REFERENCE = 512


def images(view: RunView, settings: Settings) -> Picture:
    """Draw grids of samples and of the target for events of shape (1, h, w) or (3, h, w)."""
    height, width = view.target.shape[2:]
    columns = 10 if max(height, width) <= 64 else 6 if max(height, width) <= 160 else 4
    limits = brightness(subset(view.target, REFERENCE, "target"))
    chosen = _by_label(view, columns)
    if chosen is None:
        rows, labels, note = _rows(view.samples, "samples", columns, columns), None, "Chosen at random."
    else:
        picks, labels, note = chosen
        rows = [subset(view.samples, columns, "samples", at) for at in picks]
    real = _rows(view.target, "target", len(rows), columns)
    side = 4.9
    tall = side * (height * len(rows)) / (width * columns)
    with sheet(2 * side + 0.7, min(tall, 11.0) + 0.5, settings, "compressed") as drawing:
        left, right = drawing.figure.subplots(1, 2)
        show(left, real, columns, limits)
        left.set_title("target (real)")
        show(right, rows, columns, limits, row_labels=labels)
        right.set_title("samples (model)")
        if labels:
            right.set_ylabel("label")
    caption = (
        f"{note} Black is {limits[0]:.4g} and white {limits[1]:.4g} in every channel, "
        f"the range of {count(min(REFERENCE, len(view.target)))} real images; values beyond are clipped."
    )
    return Picture("samples", "Samples", "Images", caption, drawing.png)


def _rows(draws: Tensor, what: str, rows: int, columns: int) -> list[Array]:
    chosen = subset(draws, rows * columns, what)
    return [chosen[k * columns : (k + 1) * columns] for k in range(rows)]


def _by_label(view: RunView, columns: int) -> tuple[list[Indices], list[str], str] | None:
    """Return for each class the indices of its first draws, its name, and a note; None without classes."""
    labelled = [(name, spec.classes) for name, spec in view.conditions.items() if spec.classes is not None]
    if not view.condition or not labelled:
        return None
    name, classes = labelled[0]
    labels = view.condition[name].detach().cpu().numpy()
    kinds = np.unique(labels[labels >= 0])
    if not len(kinds):
        return None
    shown = kinds[indices(len(kinds), MOST_LABELS)]
    picks = [np.flatnonzero(labels == kind)[:columns] for kind in shown]
    note = "The first samples of each label, one row each; real images at random."
    if len(shown) < len(kinds):
        note = f"The first samples of {len(shown)} of {count(len(kinds))} labels, one row each; real images at random."
    return picks, [classes[kind] for kind in shown], note
