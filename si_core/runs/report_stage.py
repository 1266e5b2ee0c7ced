"""The reports of a run: those that its recipe names, or all that are installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from si_core.contract.weights import effective_sample_size
from si_core.discovery.available import available
from si_core.discovery.build import build
from si_core.errors import PluginError, RecipeError
from si_core.models.model import Model
from si_core.models.samples import Samples
from si_core.recipes.paths import buildable_options
from si_core.recipes.recipe import Recipe
from si_core.recipes.selection import Selection
from si_core.runs.attribution import attributed
from si_core.runs.directory import RunDirectory
from si_core.runs.log import Console
from si_core.runs.view import run_view
from si_core.storage.metrics import read_metrics

__all__ = ["selected_reports", "write_report"]


def write_report(
    directory: RunDirectory,
    recipe: Recipe,
    model: Model,
    drawn: Samples,
    *,
    estimates: list[dict[str, Any]],
    environment: Mapping[str, Any],
    facts: Mapping[str, str],
    console: Console,
) -> list[Path]:
    """Write the reports of the recipe; returns the files, the one to open first at the head.

    A report that the recipe does not name is there because it is installed: where its plugin fails, that is told, and
    the run goes on without it.

    Raises:
        PluginError: a report that the recipe names failed.
    """
    chosen = selected_reports(recipe)
    if not chosen:
        console.line("no report: install si-report for plots and report.html")
        return []
    if drawn.log_weights is not None:
        size, count = effective_sample_size(drawn.log_weights), len(drawn.x)
        facts = {
            **facts,
            "samples": f"resampled by their weights, of an effective sample size of {size:.0f} in {count}",
        }
    if model.told_of_law is not None:
        facts = {**facts, "law": model.told_of_law}
    view = run_view(
        directory,
        recipe,
        model,
        drawn.without_weights(recipe.seed),
        condition=drawn.condition,
        metrics=read_metrics(directory.metrics),
        estimates=estimates,
        environment=environment,
        facts=facts,
    )
    for note in view.notes:
        console.warn(note)
    files: list[Path] = []
    for selection in chosen:
        try:
            with attributed(OSError):
                made = selection.instance or build(selection.kind, selection.qualified, **buildable_options(selection))
                files += made.write(view)
        except PluginError as error:
            if recipe.section("report"):
                raise
            console.warn(f"no report {selection.qualified}, which is installed but not named in the recipe: {error}")
    if files:
        console.line(f"report: {files[0]}")
    return files


def selected_reports(recipe: Recipe) -> tuple[Selection, ...]:
    """The reports that a recipe selects; where it selects none by name, every installed one.

    Raises:
        RecipeError: one report twice, which would write over its own files.
    """
    seen: set[str] = set()
    for index, selection in enumerate(recipe.section("report")):
        if selection.qualified in seen:
            raise RecipeError(
                f"the report {selection.name!r} is selected twice, and would write over its own files",
                where=recipe.where(f"report.{index}"),
                fix="keep one of them",
            )
        seen.add(selection.qualified)
    every = (Selection("report", f"{item.plugin.distribution}/{item.component.name}") for item in available("report"))
    return recipe.section("report") or tuple(every)
