"""Labelled points: for each class the samples that were asked for it, under the target's points of that class.

Of events with many entries those two are shown in which the classes differ most: with the largest ratio of the
variance of the classes' means to the mean variance within a class.
"""

from __future__ import annotations

import numpy as np

from si_core import RunView
from si_report.pictures.draws import Array, Frame, Indices, count, indices, plane_frame, span, subset
from si_report.pictures.names import axis_names, column_names
from si_report.pictures.palette import SAMPLES, TARGET
from si_report.pictures.picture import Picture, Settings, printable, sheet, titled

__all__ = ["classes", "labels_of"]

MOST_CLASSES = 12
MOST = 800
MOST_DRAWS = 50_000


def labels_of(view: RunView) -> tuple[str, tuple[str, ...], Indices] | None:
    """The name of the first condition with classes, these, and the class of each sample; None without."""
    for name, spec in view.conditions.items():
        if spec.classes is not None and view.condition and name in view.condition:
            return name, spec.classes, view.condition[name].detach().cpu().numpy()
    return None


def classes(view: RunView, settings: Settings) -> Picture | None:
    """Draw points by class; None where samples have no classes, or events a single entry."""
    found = labels_of(view)
    if found is None or view.samples.shape[1:].numel() < 2:
        return None
    condition, names, labels = found
    kinds = np.unique(labels[labels >= 0])
    if not len(kinds):
        return None
    shown = kinds[indices(len(kinds), MOST_CLASSES)]
    thinned = indices(len(view.samples), MOST_DRAWS)
    made = subset(view.samples.flatten(1), MOST_DRAWS, "samples", thinned)
    given = labels[thinned]
    real, real_given = _target(view, condition)
    pair = (0, 1) if made.shape[1] == 2 else _telling(*((made, given) if real is None else (real, real_given)), shown)
    made, real = made[:, pair], None if real is None else real[:, pair]
    x, y, equal = _frame(made if real is None else real, made, made.shape[1] == 2 and view.samples.shape[1:] == (2,))
    two = axis_names(view) if view.samples.shape[1:] == (2,) else _names(view, pair)
    with sheet(settings) as drawing:
        for kind in shown:
            own, others = made[given == kind][:MOST], None if real is None else real[real_given == kind][:MOST]
            name = printable(names[kind]) if kind < len(names) else str(kind)
            with drawing.tile(2.4, 2.5, f"samples of {printable(condition)} {name}") as figure:
                ax = figure.subplots()
                ax.scatter(*own.T, s=7, color=SAMPLES, linewidths=0, alpha=0.45)
                if others is not None:
                    ax.scatter(*others.T, s=2, color=TARGET, linewidths=0, alpha=0.8)
                ax.set(xlim=x, ylim=y, aspect="equal" if equal else "auto")
                ax.set_box_aspect(1)
                ax.set_xlabel(two[0], fontsize=9, parse_math=False)
                ax.set_ylabel(two[1], fontsize=9, parse_math=False)
                ax.tick_params(labelsize=8)
                titled(ax, name)
    over = "" if real is None else " under the target's points of that class (black)"
    caption = f"Samples (blue) of each {printable(condition)}{over}, at most {count(MOST)} of each."
    if len(shown) < len(kinds):
        caption += f" {len(shown)} of {count(len(kinds))} classes."
    if view.samples.shape[1:] != (2,):
        caption += " Of all columns the two in which the classes differ most."
    return Picture("classes", "Samples", f"Samples by {printable(condition)}", caption, drawing.tiles, across=4)


def _target(view: RunView, condition: str) -> tuple[Array | None, Indices]:
    told = (view.target_condition or {}).get(condition)
    if view.target is None or told is None or len(told) != len(view.target):
        return None, np.zeros(0, dtype=np.int64)
    chosen = indices(len(told), MOST_DRAWS)
    return subset(view.target.flatten(1), MOST_DRAWS, "target", chosen), told.detach().cpu().numpy()[chosen]


def _telling(table: Array, labels: Indices, kinds: Indices) -> tuple[int, int]:
    """The two columns in which classes differ most."""
    groups = [table[labels == kind] for kind in kinds if (labels == kind).any()]
    means = np.stack([group.mean(0) for group in groups])
    within = np.mean([group.var(0) for group in groups], axis=0)
    ratio = means.var(0) / np.maximum(within, 1e-12 * np.maximum(np.abs(table).max(0) ** 2, 1e-300))
    first, second = sorted(np.argsort(-ratio, kind="stable")[:2].tolist())
    return first, second


def _frame(reference: Array, made: Array, square: bool) -> tuple[Frame, Frame, bool]:
    if square:
        return plane_frame([reference], [made])
    return span(reference[:, 0]), span(reference[:, 1]), False


def _names(view: RunView, pair: tuple[int, int]) -> list[str]:
    names = column_names(view, view.samples.flatten(1).shape[1], 16)
    return [names[k] for k in pair]
