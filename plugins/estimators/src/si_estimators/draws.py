"""Draws of a process looked at along their whole path: the same ends and noise at any time."""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import Clock, Coupling, Draw, StochasticInterpolant

__all__ = ["draw_at", "draw_through", "pairs_given_points"]


def pairs_given_points(coupling: Coupling) -> bool:
    """Whether given points of the target can be paired: not where pairs are drawn together, as rows of a table are."""
    return coupling.source_is_target or type(coupling).draw is Coupling.draw


def draw_through(process: StochasticInterpolant, x: Tensor, generator: torch.Generator) -> Draw:
    """A draw of the process with given ends x (B, *event) at t = 1, as it is there."""
    x0 = x if process.coupling.source_is_target else process.source.sample(len(x), generator).to(x)
    x0, x1 = process.coupling.pair(x0, x, generator)
    z = x1.new_zeros(()).expand_as(x1) if process.latent.vanishes else process.latent.sample(x1, generator)
    return Draw(x.new_ones(len(x)), x0, x1, z, x1)


def draw_at(process: StochasticInterpolant, draw: Draw, clock: Clock, u: Tensor) -> Draw:
    """The same ends and noise at a clock position u, shape ()."""
    # A spatially linear path takes one time for all rows, and the fields then evaluate their scalars once.
    count = 1 if process.structure.spatially_linear else len(draw.x1)
    with torch.no_grad():
        s = process.schedule(clock, u.to(draw.x1.device).expand(count))
        return process.draw_of(s, draw.x0, draw.x1, draw.z, condition=draw.condition, weight=draw.weight)
