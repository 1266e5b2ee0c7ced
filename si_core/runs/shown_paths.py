"""Paths that a report shows: those of the sampler, and by the ODE from the same starts beside them."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from si_core.contract.condition import Condition
from si_core.contract.data import Trajectory
from si_core.contract.weights import resample_alike
from si_core.discovery.build import build
from si_core.errors import SIError
from si_core.models.acceleration.accelerator import Accelerator
from si_core.models.model import Model
from si_core.models.sampler import default_integrator

__all__ = ["shown_paths"]

_MOMENTS, _PATHS = 41, 200
_MANY_PATHS, _FEW_NUMBERS = 2000, 2
"""Of small events so many paths cost no more than a block of samples, and show a density."""
_FLOW_PATHS = 12


def shown_paths(model: Model, stream: torch.Generator) -> tuple[Trajectory, Trajectory | None]:
    """Paths of the sampler, and by the ODE from the same starts where that is another and easily had."""
    times = torch.linspace(model.start, model.stop, _MOMENTS).tolist()[1:-1]
    small = math.prod(model.process.shape) <= _FEW_NUMBERS
    count = _MANY_PATHS if small else _PATHS
    start, condition = model.initial(count, stream)
    path = model.sample(count, stream, condition=condition, start_from=start, times=times)
    x = path.x if path.log_weights is None else path.x[:, resample_alike(path.log_weights, stream, condition)]
    flow = _flow(model, start, condition, times, stream) if small and path.log_weights is None else None
    return _decoded(model, path, x), flow


def _flow(
    model: Model, start: Tensor, condition: Condition | None, times: list[float], stream: torch.Generator
) -> Trajectory | None:
    """The first starts on their way by the ODE; None where sampling takes it anyway, or it has another law."""
    if model.epsilon == 0.0 or model.process.structure.mirror or model.guidance:
        return None
    few = start[:_FLOW_PATHS]
    told = condition and {name: values[:_FLOW_PATHS] for name, values in condition.items()}
    try:
        chosen = default_integrator(stochastic=False)
        method = build(chosen.kind, chosen.qualified, **chosen.options)
        plain = replace(model.with_sampler(method, epsilon=0.0), accelerator=Accelerator())
        path = plain.sample(len(few), stream, condition=told, start_from=few, times=times)
    except SIError:
        # A picture that can't be had is left out; what is wrong has nothing to do with the run.
        return None
    return _decoded(model, path, path.x) if bool(torch.isfinite(path.x).all()) else None


def _decoded(model: Model, path: Trajectory, x: Tensor) -> Trajectory:
    return Trajectory(path.t.cpu(), torch.stack([model.decode(state).cpu() for state in x]), path.evaluations)
