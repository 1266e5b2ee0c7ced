"""What a report shows of a run, gathered from its folder and its model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from si_core.contract.data import Trajectory
from si_core.contract.report import RunView
from si_core.discovery.available import available
from si_core.discovery.build import build
from si_core.errors import UsageError
from si_core.recipes.recipe import Recipe
from si_core.runs.directory import RunDirectory
from si_core.runs.model import Model
from si_core.runs.streams import generator

__all__ = ["run_view"]

_SHOWN, _PATHS, _MOMENTS = 20_000, 200, 41


def run_view(
    directory: RunDirectory,
    recipe: Recipe,
    model: Model,
    samples: Tensor,
    *,
    conditions: Tensor | None,
    metrics: list[dict[str, Any]],
    estimates: list[dict[str, Any]],
    environment: Mapping[str, Any],
    facts: Mapping[str, str],
) -> RunView:
    """Gather the view of a run; what is drawn for it depends on the recipe's seed alone."""
    process = model.process
    stream = generator(recipe.seed, "evaluation", 1, device=model.device)
    count = min(len(samples), _SHOWN)
    x0, x1, _ = process.coupling.draw(process.source, process.target, count, stream)
    return RunView(
        directory=directory.path,
        title=recipe.title or recipe.name,
        recipe=recipe.resolved(),
        source=process.source.decode(x0).cpu(),
        target=process.target.decode(x1).cpu(),
        samples=samples,
        conditions=conditions,
        trajectory=_paths(model, stream),
        log_density=_log_density(model) if process.shape == (2,) else None,
        true_log_density=_true_log_density(model) if process.target.has_density else None,
        metrics=metrics,
        estimates=estimates,
        environment=environment,
        facts=facts,
    )


def _paths(model: Model, stream: torch.Generator) -> Trajectory:
    times = torch.linspace(model.start, model.stop, _MOMENTS).tolist()[1:-1]
    path = model.sample(_PATHS, stream, times=times)
    return Trajectory(path.t.cpu(), torch.stack([model.decode(state).cpu() for state in path.x]), path.evaluations)


def _true_log_density(model: Model) -> Callable[[Tensor], Tensor]:
    target = model.process.target
    return lambda points: (target.log_prob(target.encode(points)) - target.log_volume).detach()


def _log_density(model: Model) -> Callable[[Tensor], Tensor] | None:
    """The model's density by its ODE, where that can be had: the source has one, and the velocity is in reach."""
    if not model.process.source.has_density or not any(
        f.component.name == "log-likelihood" for f in available("estimator")
    ):
        return None
    if model.process.structure.mirror or model.process.target.classes is not None:
        return None
    try:
        model.transport(epsilon=0.0, start=1.0, stop=0.0)
    except UsageError:
        return None
    estimator = build("estimator", "log-likelihood", steps=20)

    def log_density(points: Tensor) -> Tensor:
        x = model.process.target.encode(points).to(model.device)
        result = estimator.estimate(model, x, generator(0, "evaluation", 2, device=model.device))
        return result.per_sample.cpu()  # type: ignore[no-any-return]

    return log_density
