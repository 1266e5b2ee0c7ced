"""The inner gap of the max-min form: whether networks have reached the forward drift of the path as it now stands.

For the forward drift ``b_F`` of a process with target T (the coefficients of ``b_F`` times the draw),
``E[T | x_t] = b_F``, so

    ``gap = int E[ |u|^2 - <T, u> ] du / int E|u|^2 du``,      which is 0 for ``u = b_F``

and ``a/(1+a)`` for ``u = (1+a) b_F``; u and T per unit of the process's clock, in which both are bounded. That the gap
is 0 is necessary for the inner optimum, not sufficient: an error at right angles to u does not show. With the size of
the process's own gradient (``process`` in the metrics of a run) and the laws on the way (``bures-wasserstein``) it says
whether the saddle is reached.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Largest, Model, Transport
from si_distributions.options import whole
from si_schrodinger.max_min import SchrodingerBridge
from si_schrodinger.reference import noise_level
from si_schrodinger.simulation import Level, needs_generator

__all__ = ["InnerGap"]

_WHERE = "inner-gap"


class InnerGap(Estimator):
    """``int E[|u|^2 - <T, u>] du`` relative to ``int E|u|^2 du``, *unbiased* up to the quotient; 0 at the optimum.

    Args:
        epsilon: the noise level of the drift; None for the model's.
        n: draws at each time.
        nodes: times, those of the Gauss-Legendre rule in the process's clock.

    Raises:
        UsageError: an option out of range; in use: no constant noise, or a process the max-min form is not made for.
    """

    needs = frozenset({"fields"})

    def __init__(
        self,
        epsilon: Level = None,
        n: Annotated[int, Field(ge=16, le=Largest.POINTS)] = 512,
        nodes: Annotated[int, Field(ge=1, le=512)] = 32,
    ) -> None:
        self.epsilon = epsilon
        self.n, self.nodes = whole(n, "n", _WHERE, 16), whole(nodes, "nodes", _WHERE, 1)

    def check(self, model: Model) -> None:
        """Refuse a model without constant noise."""
        noise_level(model, self.epsilon, _WHERE)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model.
            x: not used: the draws are the process's own.
            generator: the source of the draws.
        """
        generator = needs_generator(generator, _WHERE)
        level, process = noise_level(model, self.epsilon, _WHERE), model.process
        objective, clock = SchrodingerBridge(level), process.clock
        transport = Transport(model.fields, level, clock=clock, freeze=model.freeze)
        points, weights = np.polynomial.legendre.leggauss(self.nodes)
        differences, squares = [], []
        with torch.no_grad():
            for u, weight in zip((points + 1) / 2, weights / 2, strict=True):
                times = torch.full((self.n,), float(u), dtype=torch.float64, device=generator.device)
                draw = process.draw(self.n, generator, schedule=process.schedule(clock, times))
                drift = transport.drift(float(u), draw.xt if model.dtype is None else draw.xt.to(model.dtype))
                target = objective.target(draw)
                differences.append(float(weight) * (drift * (drift - target)).flatten(1).sum(1).double())
                squares.append(float(weight) * drift.square().flatten(1).sum(1).double())
        gap, energy = torch.stack(differences), torch.stack(squares)
        whole_energy = float(energy.mean(1).sum())
        value = float(gap.mean(1).sum()) / whole_energy
        # The delta method for a quotient of means, node by node.
        residual = gap - value * energy
        error = math.sqrt(float((residual.var(1) / self.n).sum())) / whole_energy
        return Estimate(_WHERE, value, error, "unbiased", "1", details={"energy_in_clock": whole_energy})
