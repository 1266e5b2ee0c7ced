"""The reports of a sweep: every installed kind of report is given what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from si_core import SweepView, build
from si_core.public.recipes import buildable_options
from si_core.public.runs import Console, attributed, selected_reports
from si_sweeps.folder import SweepDirectory
from si_sweeps.plan import SweepPlan

__all__ = ["write_sweep_reports"]


def write_sweep_reports(
    directory: SweepDirectory,
    plan: SweepPlan,
    records: Sequence[Mapping[str, Any]],
    environment: Mapping[str, Any],
    console: Console,
) -> list[Path]:
    """Write the reports of the recipe; returns the files, the one to open first at the head."""
    chosen = selected_reports(plan.recipe)
    if not chosen:
        console.line("no page: install si-report for plots and sweep.html")
        return []
    view = SweepView(
        directory=directory.path,
        title=plan.recipe.title or plan.recipe.name,
        recipe=plan.resolved(),
        axes={axis.key: axis.values for axis in plan.axes},
        records=records,
        environment=environment,
        facts={"trainings": str(len({point.training for point in plan.points}))},
    )
    files: list[Path] = []
    with attributed():
        for selection in chosen:
            files += build(selection.kind, selection.qualified, **buildable_options(selection)).write_sweep(view)
    if files:
        console.line(f"report: {files[0]}")
    return files
