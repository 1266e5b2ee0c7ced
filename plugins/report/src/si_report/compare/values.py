"""Estimates of several runs in one frame each: a dot a run, with bars of one standard error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from si_core.public.estimates import number
from si_report.compare.curves import short_label
from si_report.compare.runs import ComparedRun
from si_report.compare.tables import estimate_rows
from si_report.pictures.palette import SETS
from si_report.pictures.picture import Picture, Settings, printable, sheet, titled

__all__ = ["compared_values"]

LONGEST = 16
MOST = 12
LIMITS = {"value_of_data_law": "the data's own law", "floor": "floor: two sets of the data's own law"}


def compared_values(runs: Sequence[ComparedRun], settings: Settings) -> Picture | None:
    """Draw each estimate that two runs have, with the value of the data's own law; None where there is none."""
    shown = [(name, rows) for name, records in estimate_rows(runs) if len(rows := _known(records)) > 1][:MOST]
    if not shown:
        return None
    with sheet(settings) as drawing:
        for name, rows in shown:
            with drawing.tile(3.3, 1.2 + 0.26 * len(runs), f"{printable(name)} by run") as figure:
                ax = figure.subplots()
                for place, record in rows.items():
                    error, colour = record.get("standard_error"), SETS[place % len(SETS)]
                    spread = error if number(error) else None
                    ax.errorbar(record["value"], place, xerr=spread, fmt="o", color=colour, capsize=3, markersize=5)
                for stroke, (key, words) in zip((":", "-."), LIMITS.items(), strict=True):
                    limits = {(record.get("details") or {}).get(key) for record in rows.values()}
                    if len(limits) == 1 and number(limit := limits.pop()):
                        ax.axvline(limit, color="#444444", linewidth=1.0, linestyle=stroke, label=words)
                titled(ax, name)
                ax.title.set_fontsize(10)
                labels = [short_label(printable(run.label), LONGEST) for run in runs]
                ax.set_yticks(range(len(runs)), labels, fontsize=8, parse_math=False)
                ax.set_ylim(len(runs) - 0.5, -0.5)
                unit = next(iter(rows.values())).get("unit")
                ax.set_xlabel("" if unit in (None, "1") else printable(str(unit)), parse_math=False)
                ax.grid(visible=True, axis="x")
                if ax.get_legend_handles_labels()[0]:
                    ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.35))
    caption = (
        "A dot a run, with bars of one standard error to each side. Runs of different targets measure different laws."
    )
    return Picture("estimates", "Estimates", "Estimates side by side", caption, drawing.tiles, across=3)


def _known(records: Sequence[Mapping[str, Any] | None]) -> dict[int, Mapping[str, Any]]:
    """The records with a value, by the place of their run."""
    return {place: record for place, record in enumerate(records) if record is not None and number(record.get("value"))}
