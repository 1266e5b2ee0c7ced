"""The tables of a comparison as plain values: runs, differences, estimates; for the terminal, the page and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from si_report.compare.differences import ABSENT, recipe_differences
from si_report.compare.runs import ComparedRun
from si_report.page.text import inline, measured
from si_report.sweeps.results import named_estimates

__all__ = ["RUN_HEADS", "as_data", "cell", "difference_rows", "estimate_rows", "run_rows"]

NONE = "–"
RUN_HEADS = ("run", "state", "steps", "parameters", "weights", "time")


def run_rows(runs: Sequence[ComparedRun]) -> list[tuple[str, ...]]:
    """One row a run, as :data:`RUN_HEADS` names the cells."""
    return [
        (
            run.label,
            run.state,
            NONE if run.step is None else f"{run.step:,}",
            NONE if run.parameters is None else f"{run.parameters:,}",
            NONE if run.size is None else _bytes(run.size),
            NONE if run.seconds is None else f"{run.seconds:,.0f} s",
        )
        for run in runs
    ]


def difference_rows(runs: Sequence[ComparedRun]) -> list[tuple[str, list[str]]]:
    """The keys in which the recipes differ, and for each the value of each run as YAML on one line."""
    found = recipe_differences([run.recipe for run in runs])
    return [(key, [NONE if value is ABSENT else inline(value) for value in values]) for key, values in found]


def estimate_rows(runs: Sequence[ComparedRun]) -> list[tuple[str, list[Mapping[str, Any] | None]]]:
    """The names of all estimates, and for each the record that each run has of it."""
    found = [named_estimates({"estimates": run.estimates}) for run in runs]
    names = dict.fromkeys(name for each in found for name in each)
    return [(name, [each.get(name) for each in found]) for name in names]


def cell(record: Mapping[str, Any] | None) -> str:
    """An estimate in a table: value, error, unit and the word that says what the value is."""
    if record is None:
        return NONE
    unit = "" if record.get("unit") in (None, "1") else f" {record['unit']}"
    word = f" ({record['bound']})" if record.get("bound") else ""
    return f"{measured(record.get('value'), record.get('standard_error'))}{unit}{word}"


def as_data(runs: Sequence[ComparedRun]) -> dict[str, Any]:
    """The comparison as plain values."""
    labels = [run.label for run in runs]
    named = ("label", "state", "step", "seconds", "parameters", "size", "problems")
    return {
        "runs": [{name: getattr(run, name) for name in named} for run in runs],
        "differences": {
            key: {label: value for label, value in zip(labels, values, strict=True) if value is not ABSENT}
            for key, values in recipe_differences([run.recipe for run in runs])
        },
        "estimates": {name: dict(zip(labels, records, strict=True)) for name, records in estimate_rows(runs)},
    }


def _bytes(size: int) -> str:
    value, unit = float(size), 0
    while value >= 1000 and unit < 3:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {('B', 'kB', 'MB', 'GB')[unit]}"
