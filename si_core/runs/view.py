"""What a report shows of a run, gathered from its folder and its model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from si_core.contract.condition import Condition
from si_core.contract.data import Pairs
from si_core.contract.distribution import Distribution
from si_core.contract.report import RunView
from si_core.contract.weights import resample
from si_core.discovery.build import build
from si_core.errors import SIError
from si_core.models.missing_data import MissingDataError
from si_core.models.model import Model
from si_core.recipes.recipe import Recipe
from si_core.runs.directory import RunDirectory
from si_core.runs.shown_paths import shown_paths

__all__ = ["run_view"]

_SHOWN = 20_000


def run_view(
    directory: RunDirectory,
    recipe: Recipe,
    model: Model,
    samples: Tensor,
    *,
    condition: Condition | None,
    metrics: list[dict[str, Any]],
    estimates: list[dict[str, Any]],
    environment: Mapping[str, Any],
    facts: Mapping[str, str],
) -> RunView:
    """Gather the view of a run; what is drawn for it depends on the recipe's seed alone.

    Where sampling runs backward, the ends change places: the samples stand beside what they should be. What needs data
    that are gone or changed is left out, and a note says so.
    """
    process, end = model.process, model.end
    stream = model.stream(recipe.seed, "evaluation", 1)
    ends, told, lost, reason = _ends(model, min(len(samples), _SHOWN), stream)
    notes = [] if reason is None else [f"Draws of the {' and of the '.join(lost)} are left out: {_told(reason)}."]
    origin, goal = ends if end is process.target else ends[::-1]
    trajectory = flow = None
    try:
        trajectory, flow = shown_paths(model, stream)
    except MissingDataError as error:
        same = reason is not None and (error.problem, error.where) == (reason.problem, reason.where)
        notes.append(f"Paths of the sampler are left out{', as well' if same else f': {_told(error)}'}.")
    return RunView(
        directory=directory.path,
        title=recipe.title or _name(directory, recipe),
        recipe=recipe.resolved(),
        source=origin,
        target=goal,
        samples=samples,
        frame=end.frame,
        notes=notes,
        condition=condition,
        target_condition=told,
        conditions=process.conditions,
        trajectory=trajectory,
        flow=flow,
        breakpoints=_breakpoints(end),
        log_density=_log_density(model) if process.shape == (2,) else None,
        true_log_density=_true_log_density(end) if end.normalised else None,
        metrics=metrics,
        estimates=estimates,
        environment=environment,
        facts=facts,
    )


def _name(directory: RunDirectory, recipe: Recipe) -> str:
    """That of the recipe; of the folder, for one that is read from there."""
    folder = directory.path.resolve()
    return folder.name if recipe.path.resolve().parent == folder else recipe.name


def _told(error: MissingDataError) -> str:
    """What is gone, and which file; not the place in a recipe of this machine, for a page goes elsewhere."""
    return error.problem + (f" ({error.where.rpartition(': ')[2]})" if error.where else "")


def _ends(
    model: Model, count: int, stream: torch.Generator
) -> tuple[tuple[Tensor | None, Tensor | None], Condition | None, list[str], MissingDataError | None]:
    """Draws of source and target in data space, in pairs where both are at hand; what belongs to the pairs; which ends
    are not at hand, and why.

    An end without units of its own, such as noise, is told in those of the samples.
    """
    process = model.process
    decode = [model.decode if law.frame.identity else law.decode for law in (process.source, process.target)]
    try:
        if process.structure.intervals:
            # A pair need not reach from end to end.
            pairs = Pairs(process.source.sample(count, stream), process.target.sample(count, stream))
        else:
            pairs = process.pairs(count, stream)
    except MissingDataError as error:
        drawn = [_alone(law, count, stream) for law in (process.source, process.target)]
        drawn = [None if x is None else to_data(x).cpu() for x, to_data in zip(drawn, decode, strict=True)]
        lost = [name for name, draws in zip(("source", "target"), drawn, strict=True) if draws is None]
        return (drawn[0], drawn[1]), None, lost, error if lost else None
    told = pairs.condition
    if pairs.weight is not None:
        chosen = resample(pairs.weight.log(), stream)
        pairs = replace(pairs, x0=pairs.x0[chosen], x1=pairs.x1[chosen])
        told = told and {name: values[chosen] for name, values in told.items()}
    told = told and {name: values.cpu() for name, values in told.items()}
    return (decode[0](pairs.x0).cpu(), decode[1](pairs.x1).cpu()), told, [], None


def _alone(law: Distribution, count: int, stream: torch.Generator) -> Tensor | None:
    """Draws of one end; None where its data are gone."""
    try:
        return law.sample(count, stream)
    except MissingDataError:
        return None


def _breakpoints(law: Distribution) -> tuple[tuple[float, ...], ...] | None:
    """Those of a law in data space; units act on each entry alone, and keep its order."""
    if law.breakpoints is None or len(law.shape) != 1:
        return None
    found = []
    for entry, values in enumerate(law.breakpoints):
        x = torch.zeros(len(values), *law.shape, dtype=torch.float64)
        x[:, entry] = torch.tensor(values, dtype=torch.float64)
        found.append(tuple(law.decode(x)[:, entry].tolist()))
    return tuple(found)


def _true_log_density(law: Distribution) -> Callable[[Tensor], Tensor]:
    def log_density(points: Tensor) -> Tensor:
        x = law.encode(points)
        return (law.log_prob(x) - law.frame.log_volume_at(x)).detach()

    return _within(law, log_density)


def _within(law: Distribution, log_density: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A log-density in data space that is minus infinity at points beyond the bounds of the units."""

    def everywhere(points: Tensor) -> Tensor:
        inside = law.frame.inside(points)
        if bool(inside.all()):
            return log_density(points)
        found = points.new_full((len(points),), -torch.inf, dtype=torch.float64)
        if bool(inside.any()):
            found[inside] = log_density(points[inside]).to(found)
        return found

    return everywhere


def _log_density(model: Model) -> Callable[[Tensor], Tensor] | None:
    """The model's density by its ODE, where that can be had: the source has one, and the velocity is in reach."""
    process = model.process
    if not process.source.has_density or process.structure.mirror or process.target.conditions:
        return None
    if model.end is not process.target:
        return None
    if model.guidance and (model.epsilon != 0.0 or model.fields.weighted):
        # Guided fields have another law with noise, or by weights, than by their ODE.
        return None
    try:
        model.transport(epsilon=0.0, start=1.0, stop=0.0)
        estimator = build("estimator", "si-estimators/log-likelihood", steps=20)
    except SIError:
        # A picture that can't be had is left out; what is wrong has nothing to do with the run.
        return None

    def log_density(points: Tensor) -> Tensor:
        x = model.process.target.encode(points).to(model.device)
        result = estimator.estimate(model, x, model.stream(0, "evaluation", 2))
        return result.per_sample.cpu()  # type: ignore[no-any-return]

    return _within(process.target, log_density)
