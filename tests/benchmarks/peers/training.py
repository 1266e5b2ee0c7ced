"""Training steps of peers: flow matching of a linear path between independent draws, as their examples write it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from . import installed

__all__ = ["training_steps"]

StepOf = Callable[[nn.Module, torch.optim.Optimizer, int, int], Callable[[], None]]


def training_steps() -> dict[str, StepOf]:
    """``step(network, optimizer, batch, dim)`` of each that is installed: a function that takes one step."""
    found: dict[str, StepOf] = {"flow_matching": _flow_matching, "torchcfm": _torchcfm}
    return {name: step for name, step in found.items() if installed(name)}


def _flow_matching(network: nn.Module, optimizer: torch.optim.Optimizer, batch: int, dim: int) -> Callable[[], None]:
    from flow_matching.path import AffineProbPath
    from flow_matching.path.scheduler import CondOTScheduler

    path = AffineProbPath(scheduler=CondOTScheduler())

    def step() -> None:
        x0, x1, t = torch.randn(batch, dim), torch.randn(batch, dim), torch.rand(batch)
        optimizer.zero_grad()
        sample = path.sample(t=t, x_0=x0, x_1=x1)
        loss = (network(sample.t, sample.x_t) - sample.dx_t).square().mean()
        loss.backward()
        optimizer.step()

    return step


def _torchcfm(network: nn.Module, optimizer: torch.optim.Optimizer, batch: int, dim: int) -> Callable[[], None]:
    from torchcfm.conditional_flow_matching import ConditionalFlowMatcher

    matcher = ConditionalFlowMatcher(sigma=0.0)

    def step() -> None:
        x0, x1 = torch.randn(batch, dim), torch.randn(batch, dim)
        optimizer.zero_grad()
        t, xt, ut = matcher.sample_location_and_conditional_flow(x0, x1)
        loss = (network(t, xt) - ut).square().mean()
        loss.backward()
        optimizer.step()

    return step
