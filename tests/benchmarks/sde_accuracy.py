"""Accuracy of SDE solutions for their calls: exact fields of a smooth mixture in 2 dimensions, epsilon = 1.

The sliced 2-Wasserstein distance of n samples to the target itself, whose quantiles along a line are known. Samples of
the exact law are at a distance too, the *floor* F. The samples of N seeds together have the distance W, and

    bias^2 = W^2 - F^2/N,        / floor = sqrt(F^2 + bias^2) / F

is the distance that n samples are expected to have, in floors: 1 where the method errs less than samples scatter.
*Ours* is the method that the library takes where none is named, in the clock of the process; the others of ours stand
beside it. The peer solves in plain time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

import si_core as si

from .defaults import default_method, within
from .figures import Goal, Line, factor, fixed
from .peers import installed
from .peers.sde import torchsde_solve
from .problems import LatentName, exact_process
from .timing import Effort, spread

__all__ = ["sde_accuracy_lines"]

CALLS, EPSILON, SCALE, SAMPLES, SEEDS = 32, 1.0, 0.3, 10_000, 16
DIRECTIONS = 32
FLOOR = 1.15
"""The largest distance allowed, in floors: a bias of half a floor."""

LATENTS: tuple[LatentName, ...] = ("none", "brownian")
METHODS = ("euler-maruyama", "stochastic-heun", "exponential")
PEERS = {"euler": 1, "srk": 2}
"""Methods of the peer, with the calls of a step."""

Sampler = Callable[[Tensor, torch.Generator], Tensor]


def sde_accuracy_lines(effort: Effort) -> Iterator[Line]:
    """Sample with some seeds by each: there is nothing to repeat."""
    for latent in LATENTS:
        process = exact_process(SCALE, latent)
        one, all_of_them = (Quantiles(process.target, n) for n in (SAMPLES, SAMPLES * SEEDS))
        draws = [process.target.sample(SAMPLES, torch.Generator().manual_seed(1000 + k)) for k in range(SEEDS)]
        floor = sum(one.distance(draw) ** 2 for draw in draws) / SEEDS
        for who, (calls, sampler) in _samplers(process).items():
            samples = []
            for seed in range(SEEDS):
                generator = torch.Generator().manual_seed(seed)
                samples.append(sampler(process.source.sample(SAMPLES, generator), generator))
            bias = max(all_of_them.distance(torch.cat(samples)) ** 2 - floor / SEEDS, 0.0)
            figures = (
                fixed("calls", calls),
                factor("sliced W2", spread([one.distance(sample) for sample in samples])),
                fixed("bias", bias**0.5),
                fixed("/ floor", (1 + bias / floor) ** 0.5, Goal(FLOOR) if who.startswith("ours (") else None),
            )
            yield Line(f"smooth mixture, {latent}, epsilon 1", who, figures)


class Quantiles:
    """The quantiles ``F^-1((i - 1/2)/n)`` of a Gaussian mixture along some directions of the plane.

    Args:
        target: the mixture.
        n: how many.
    """

    def __init__(self, target: Any, n: int) -> None:
        angles = torch.arange(DIRECTIONS, dtype=torch.float64) * (math.pi / DIRECTIONS)
        self.axes = torch.stack([angles.cos(), angles.sin()])
        levels = (torch.arange(n, dtype=torch.float64) + 0.5) / n
        columns = []
        for axis in self.axes.T:
            centres = target.means @ axis
            widths = torch.einsum("i,kij,j->k", axis, target.covariances, axis).sqrt()
            grid = torch.linspace(float((centres - 8 * widths).min()), float((centres + 8 * widths).max()), 2**14 + 1)
            grid = grid.double()
            mass = (target.weights * torch.special.ndtr((grid[:, None] - centres) / widths)).sum(1)
            columns.append(torch.from_numpy(np.interp(levels, mass, grid)))
        self.values = torch.stack(columns, 1)

    def distance(self, x: Tensor) -> float:
        """The sliced 2-Wasserstein distance of samples (n, 2) to the mixture."""
        return float(((x.double() @ self.axes).sort(0).values - self.values).square().mean().sqrt())


def _samplers(process: si.StochasticInterpolant) -> dict[str, tuple[int, Sampler]]:
    """The samplers with the calls that they make."""
    fields = si.exact_fields(process)
    transport = si.Transport(fields, EPSILON)
    method, options = default_method(True)
    own = {f"ours ({method})": (method, options)}
    own |= {f"ours, {other}": (other, {}) for other in METHODS if (other, {}) != (method, options)}
    x = process.source.sample(2, torch.Generator().manual_seed(0))
    found: dict[str, tuple[int, Sampler]] = {}
    for who, choice in own.items():
        integrator = within(CALLS, *choice, transport, x)
        calls = si.integrate(transport, x, integrator, torch.Generator().manual_seed(0)).evaluations
        found[who] = (calls, _ours(transport, integrator))
    if installed("torchsde"):
        found |= {
            f"torchsde {other}": (CALLS, _torchsde(fields, other, CALLS // each)) for other, each in PEERS.items()
        }
    return found


def _ours(transport: si.Transport, integrator: si.Integrator) -> Sampler:
    return lambda x, generator: si.integrate(transport, x, integrator, generator).final


def _torchsde(fields: si.Fields, method: str, steps: int) -> Sampler:
    def drift(t: Tensor, x: Tensor) -> Tensor:
        return fields.forward_drift(t, x, EPSILON)

    def sample(x: Tensor, generator: torch.Generator) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(generator.initial_seed())
            return torchsde_solve(drift, (2 * EPSILON) ** 0.5, x, method, steps)

    return sample
