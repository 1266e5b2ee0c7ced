"""Loss curves: what training recorded, raw and smoothed, and the losses on held-out rows where there are some.

Smoothed is the mean over a centred window of a twentieth of the records. An axis is logarithmic where all values are
positive and the smoothed curve covers more than a factor of thirty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from si_core import RunView
from si_core.public.estimates import number
from si_report.pictures.draws import Array, count
from si_report.pictures.palette import FAINT, SAMPLES, SETS
from si_report.pictures.picture import Picture, Settings, printable, sheet

__all__ = ["curves", "held_out_curves", "losses", "smooth"]

MOST_POINTS = 4000
HELD_OUT = SETS[1]
FURTHER = {"grad_norm": "gradient norm", "lr": "learning rate"}

Curve = tuple[Array, Array]


def curves(records: Sequence[Mapping[str, Any]]) -> dict[str, Curve]:
    """Return the curves found in the records as (steps, values): losses first, then gradient norm and learning rate.

    A step recorded twice, as after a resumption, counts with its last record; values that are no finite numbers are
    left out.
    """
    found: dict[str, dict[float, float]] = {}
    for record in records:
        step = record.get("step")
        if not number(step):
            continue
        losses = record.get("losses")
        named = {f"loss: {name}": value for name, value in losses.items()} if isinstance(losses, Mapping) else {}
        total = {"total loss": record.get("loss")} if len(named) != 1 else {}
        more = {label: record.get(key) for key, label in FURTHER.items()}
        for name, value in (named | total | more).items():
            if number(value):
                found.setdefault(name, {})[float(step)] = float(value)
    last = ["total loss", *FURTHER.values()]
    order = sorted(found, key=lambda name: last.index(name) if name in last else -1)
    return {name: _curve(found[name]) for name in order}


def held_out_curves(records: Sequence[Mapping[str, Any]]) -> dict[str, Curve]:
    """Return the losses on held-out rows as (steps, values), by the names that :func:`curves` has for those losses."""
    found: dict[str, dict[float, float]] = {}
    for record in records:
        step, validation = record.get("step"), record.get("validation")
        if not number(step) or not isinstance(validation, Mapping):
            continue
        for name, value in validation.items():
            if number(value):
                found.setdefault("total loss" if name == "total" else f"loss: {name}", {})[float(step)] = float(value)
    return {name: _curve(values) for name, values in found.items()}


def _curve(values: Mapping[float, float]) -> Curve:
    steps = sorted(values)
    return np.array(steps), np.array([values[step] for step in steps])


def smooth(values: Array) -> Array:
    """Return the means of a window of a twentieth of the values: centred, shorter at both ends."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    # symmetric at the start, where losses fall steeply; cut off at the end, where one value would decide
    before = np.minimum(max(1, len(values) // 40), at)
    after = np.minimum(before, len(values) - 1 - at)
    return (sums[at + after + 1] - sums[at - before]) / (after + before + 1)


def losses(view: RunView, settings: Settings) -> Picture | None:
    """Draw the loss of each objective over the steps, with the gradient norm and the learning rate if recorded."""
    found = curves(view.metrics)
    if not found:
        return None
    held_out, cut = held_out_curves(view.metrics), []
    with sheet(settings) as drawing:
        for name, curve in found.items():
            with drawing.tile(3.3, 2.6, f"{printable(name)} over the steps") as figure:
                ax = figure.subplots()
                cut.append(_draw(ax, name, *curve, held_out.get(name)))
                ax.set_xlabel("step")
    caption = (
        f"{count(len(view.metrics))} records: raw (grey), and the mean over a window of a twentieth of them (blue)."
    )
    if held_out:
        caption += (
            " Orange: the averaged weights on one draw of the held-out rows, the same all along. Its height differs "
            "from the training loss by the chance of that draw; where it rises while the other falls, rows are "
            "learned by heart."
        )
    if any(cut):
        caption += " A linear axis leaves out the most extreme values."
    return Picture("losses", "Training", "Loss curves", caption, drawing.tiles, across=3)


def _draw(ax: Axes, name: str, steps: Array, values: Array, held_out: Curve | None = None) -> bool:
    """Draw one curve, and that of held-out rows; say whether the axis leaves out values."""
    # a fine picture of a million records is no better than one of four thousand
    stride = slice(None, None, max(1, len(steps) // MOST_POINTS))
    line = {"color": SAMPLES, "linewidth": 1.7, "marker": "o" if len(steps) < 3 else None}
    # a name comes from a plugin: a dollar sign in it is one
    ax.set_title(printable(name), fontsize=10, parse_math=False)
    ax.grid(visible=True)
    if name == FURTHER["lr"]:
        ax.plot(steps[stride], values[stride], **line)
        ax.set_ylim(0, 1.08 * values.max() if values.max() > 0 else 1)
        return False
    mean = smooth(values)
    ax.plot(steps[stride], values[stride], color=FAINT, linewidth=0.8)
    ax.plot(steps[stride], mean[stride], **line)
    if held_out is not None:
        ax.plot(held_out[0][stride], held_out[1][stride], **{**line, "color": HELD_OUT})
        values = np.concatenate([values, held_out[1]])
    if (values > 0).all() and mean.max() > 30 * mean.min():
        ax.set_yscale("log")
        return False
    low, high = (float(np.quantile(values, level)) for level in (0.005, 0.985))
    if len(values) < 20 or high <= low:
        return False
    low, high = low - 0.06 * (high - low), high + 0.06 * (high - low)
    ax.set_ylim(low, high)
    return bool((values > high).any() or (values < low).any())
