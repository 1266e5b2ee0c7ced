"""An estimate over the values of one axis, a line for each combination of the other axes.

Along the horizontal axis stands the numeric axis with the most values, or the longest one where none is numeric; the
seed, which is a number but no quantity, only where there is no other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from si_report.page.frame import BOUNDS
from si_report.pictures.picture import Picture, Settings, sheet
from si_report.sweeps.results import Axis, Measure
from si_report.sweeps.scales import place_names, place_numbers, wide
from si_report.sweeps.styles import Styles

__all__ = ["caption", "lines"]

DODGE = 0.5


def lines(measure: Measure, axes: Sequence[Axis], name: str, settings: Settings) -> Picture | None:
    """Draw an estimate over a sweep; None where no axis has two values.

    Args:
        measure: the estimate.
        axes: the axes of its arrays.
        name: the stem of the picture's file.
        settings: those of the report.
    """
    varied = [place for place, axis in enumerate(axes) if len(axis.labels) > 1]
    if not varied:
        return None
    along = max(varied, key=lambda place: _rank(axes[place]))
    others = [axes[place] for place in varied if place != along]
    shape = [len(axis.labels) for axis in (axes[along], *others)]
    values, errors = (
        np.moveaxis(array, along, 0).reshape(shape) for array in (measure.values, np.nan_to_num(measure.errors))
    )
    styles = Styles(others)
    words = f"{measure.name} over {axes[along].key}"
    with sheet(settings) as drawing, drawing.tile(5.0, 3.9, words) as figure:
        ax = figure.subplots()
        numbers = axes[along].numbers
        across = place_names(ax, axes[along]) if numbers is None else place_numbers(ax, axes[along], numbers)
        ax.set_xlabel(axes[along].key, parse_math=False)
        for number, combination in enumerate(styles.combinations):
            at, style = (slice(None), *combination), styles.of(combination)
            if numbers is None:
                # beside each other, and unjoined: between two names there is nothing
                shift = DODGE * ((number + 0.5) / len(styles.combinations) - 0.5)
                ax.errorbar(across + shift, values[at], errors[at], capsize=2, **style | {"linestyle": "none"})
            else:
                order = np.argsort(across, kind="stable")
                ax.errorbar(across[order], values[at][order], errors[at][order], capsize=2, **style)
        ax.set_ylabel(f"{measure.name} [{measure.unit}]" if measure.unit else measure.name, parse_math=False)
        if wide(values):
            ax.set_yscale("log")
        ax.grid(visible=True)
    if others:
        with sheet(settings) as key, key.tile(3.0, 3.9, "which line is which combination", "none") as figure:
            styles.explain(figure)
        drawing.tiles += key.tiles
    words = caption(measure)
    if np.isfinite(measure.errors).any():
        words += "Bars are one standard error to each side. "
    if others:
        kind = "mark" if numbers is None else "line"
        words += f"One {kind} for each {'value' if len(others) == 1 else 'combination'} of "
        words += f"{', '.join(axis.key for axis in others)}."
    return Picture(name, "Estimates", f"{measure.name} over {axes[along].key}", words.strip(), drawing.tiles)


def _rank(axis: Axis) -> tuple[bool, bool, int]:
    return axis.numbers is not None, axis.key != "seed", len(axis.labels)


def caption(measure: Measure) -> str:
    """What the values are, and what is missing; each sentence followed by a space."""
    bound = BOUNDS.get(measure.bound, "")
    words = f"{bound[:1].upper()}{bound[1:]}. " if bound else ""
    missing = int(np.isnan(measure.values).sum())
    return words + (f"{missing} of {measure.values.size} points have no value. " if missing else "")
