"""The plan of a run: everything that a recipe asks for, built before the run has a folder.

So a mistake in the last line of a recipe costs no training, and a recipe that can't work leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from si_core.contract.estimator import Estimator
from si_core.contract.runtime import Runtime
from si_core.discovery.available import Found
from si_core.discovery.lookup import find
from si_core.discovery.plugins import installed_plugins
from si_core.errors import RecipeError
from si_core.fields.exact import exact_fields
from si_core.models.assembly import Assembly, assemble
from si_core.models.estimation import missing_density, missing_points
from si_core.models.needs import growing
from si_core.models.parts import build_selection, located
from si_core.models.sampler import default_integrator
from si_core.recipes.recipe import Recipe
from si_core.runs.attribution import attributed
from si_core.runs.averages import refuse_out_of_reach
from si_core.runs.environment import environment
from si_core.runs.initial import Start, begin_from
from si_core.runs.memory import memory_explained
from si_core.runs.report_stage import selected_reports
from si_core.runs.selected_parts import Part, build_parts

__all__ = ["Plan", "prepare", "used_by"]


@dataclass(frozen=True)
class Plan:
    """What a run is about to do.

    Args:
        assembly: the recipe, put together.
        estimators: what it measures, in order.
        parts: what follows it, as the sections of its recipe say.
        runtime: where and how it trains and samples.
        environment: the versions of all that it uses, for ``environment.json``.
        start: the run whose weights it begins with, if any.
    """

    assembly: Assembly
    estimators: tuple[Estimator, ...]
    parts: tuple[Part, ...]
    runtime: Runtime
    environment: dict[str, Any]
    start: Start | None = None

    @property
    def recipe(self) -> Recipe:
        """The recipe."""
        return self.assembly.recipe


def prepare(recipe: Recipe, runtime: Runtime, begun: bool = False) -> Plan:
    """Build all that a recipe asks for, to be carried out by a runtime.

    Args:
        recipe: the recipe.
        runtime: where and how to train and sample.
        begun: whether there are weights to go on with, so that none are taken from the run that ``init`` names.

    Raises:
        RecipeError: parts that don't fit together, with the key's position.
        DataError: data that can't be used.
        PluginError: a plugin that fails.
        NumericsError: more than the machine can hold.
    """
    refuse_out_of_reach(recipe)
    copies = recipe.train.averages if runtime.device.type == "cpu" and recipe.train.steps > 0 else 0
    with attributed(), memory_explained("preparation", recipe, runtime.device), growing(1 + copies):
        assembly = assemble(recipe)
        start = None if begun else begin_from(assembly)
        estimators = tuple(_estimator(recipe, index, assembly) for index in range(len(recipe.estimators)))
        parts = build_parts(recipe, assembly, runtime)
    used = used_by(recipe, assembly) | runtime.described()
    if start is not None:
        used["init"] = start.record()
    return Plan(assembly, estimators, parts, runtime, used, start)


def used_by(recipe: Recipe, assembly: Assembly) -> dict[str, Any]:
    """The versions of all that a recipe uses, for ``environment.json``."""
    return environment(_followers(recipe), _components(recipe, assembly))


def _estimator(recipe: Recipe, index: int, assembly: Assembly) -> Estimator:
    path, selection = f"estimators.{index}", recipe.estimators[index]
    estimator = build_selection(recipe, path, selection)
    if not isinstance(estimator, Estimator):
        raise RecipeError("no estimator", where=recipe.where(path), got=repr(estimator))
    process, model = assembly.process, assembly.sampler.model(assembly.fields)
    if "exact" in estimator.needs and not exact_fields.known(process):
        raise RecipeError(
            f"{selection.name!r} compares with exact fields, which are not known for this process",
            where=recipe.where(path),
            got=f"target {recipe.target.name}",
            allowed="Gaussians or Gaussian mixtures at both ends",
            fix="leave this estimator out",
        )
    lacking = missing_density(estimator, process)
    if lacking is not None:
        raise RecipeError(
            f"{selection.name!r} needs the density of the {lacking}, which has none that is normalised",
            where=recipe.where(path),
            got=f"source {recipe.source.name if recipe.source else recipe.target.name}, target {recipe.target.name}",
            fix=f"a {lacking} with a density, such as `gaussian`, or leave this estimator out",
        )
    energy = missing_points(estimator, process, model.end)
    if energy is not None:
        raise RecipeError(
            f"{selection.name!r} measures on points of the {energy}, an energy that can't be drawn from",
            where=recipe.where(path),
            fix="leave this estimator out",
        )
    with located(recipe, path):
        estimator.check(model)
    return estimator


def _components(recipe: Recipe, assembly: Assembly) -> list[Found]:
    """The components of the recipe, named and implied."""
    chosen = [*recipe.selections()]
    if recipe.sample.integrator is None:
        weighted = any(each.weights for each in assembly.sampler.guidance)
        chosen.append(default_integrator(assembly.sampler.epsilon != 0.0, weighted))
    return [find(selection.kind, selection.qualified) for selection in chosen if not selection.in_memory]


def _followers(recipe: Recipe) -> list[str]:
    """The distributions of reports and loggers."""
    reports = selected_reports(recipe) if recipe.report else ()
    names = {find(report.kind, report.qualified).plugin.distribution for report in reports if not report.in_memory}
    names.update(plugin.distribution for plugin in installed_plugins() if plugin.ready and plugin.listens)
    return sorted(names)
