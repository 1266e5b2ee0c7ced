"""Loss curves of several runs in one frame each: the smoothed mean of what was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from si_report.compare.runs import ComparedRun
from si_report.pictures.losses import MOST_POINTS, Curve, curves, held_out_curves, smooth
from si_report.pictures.palette import SETS
from si_report.pictures.picture import Picture, Settings, printable, sheet

__all__ = ["compared_curves", "short_label"]

STROKES = ("-", "--", ":")
LONGEST = 38


def compared_curves(runs: Sequence[ComparedRun], settings: Settings) -> Picture | None:
    """Draw each loss over the steps, a line a run; None where no run has records."""
    found = [_losses(run.metrics) for run in runs]
    names = list(dict.fromkeys(name for each in found for name in each))
    if not names:
        return None
    lines: dict[int, Any] = {}
    with sheet(settings) as drawing:
        for name in names:
            with drawing.tile(3.3, 2.8, f"{printable(name)} over the steps, a line a run") as figure:
                ax = figure.subplots()
                for place, each in enumerate(found):
                    if name in each:
                        steps, values = each[name]
                        stride = slice(None, None, max(1, len(steps) // MOST_POINTS))
                        (lines[place],) = ax.plot(steps[stride], smooth(values)[stride], **_style(place, len(steps)))
                ax.set_title(printable(name), fontsize=10, parse_math=False)
                ax.set_xlabel("step")
                ax.grid(visible=True)
        places = sorted(lines)
        labels = [short_label(printable(runs[k].label)) for k in places]
        with drawing.tile(3.3, 0.35 + 0.21 * len(places), "which line is which run", "none") as figure:
            legend = figure.legend([lines[k] for k in places], labels, loc="center left")
            for words in legend.get_texts():
                words.set_parse_math(False)
    caption = "Means over a window of a twentieth of the records of each run. Losses of different targets, objectives "
    caption += "or preconditioning are numbers of different scales."
    return Picture("losses", "Training", "Loss curves", caption, drawing.tiles, across=3)


def _losses(records: Sequence[Mapping[str, Any]]) -> dict[str, Curve]:
    """The losses of each objective, their total, and that on held-out rows."""
    found = {name: curve for name, curve in curves(records).items() if "loss" in name}
    held_out = held_out_curves(records).get("total loss")
    if held_out is not None:
        found["loss on held-out rows"] = held_out
    return found


def short_label(label: str, longest: int = LONGEST) -> str:
    """The end of a long path, which tells runs apart."""
    return label if len(label) <= longest else f"…{label[1 - longest :]}"


def _style(place: int, count: int) -> dict[str, Any]:
    colour, stroke = SETS[place % len(SETS)], STROKES[place // len(SETS) % len(STROKES)]
    return {"color": colour, "linestyle": stroke, "linewidth": 1.6, "marker": "o" if count < 3 else None}
