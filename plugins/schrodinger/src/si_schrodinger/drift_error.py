"""The distance of a model's forward drift to that of the exact bridge, along the bridge's own paths."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Largest, Model
from si_distributions.options import positive, whole
from si_schrodinger.reference import known_bridge, noise_level
from si_schrodinger.simulation import Level, Times, needs_generator

__all__ = ["DriftError"]

_WHERE = "drift-error"


class DriftError(Estimator):
    """``(int E|u_hat - u|^2 dt / int E|u|^2 dt)^(1/2)``: the relative root mean square error of the forward drift.

    ``u_hat = b + epsilon s`` is the model's and u the exact bridge's, both at ``(t, x_t)`` with x_t drawn from the
    bridge; the integrals are Gauss-Legendre sums over nodes in the clock of sampling, with the same ends at all nodes.
    *Unbiased* up to the order 1/n, as the root of a quotient of means is; the standard error is by the delta method.

    The details have the relative error at each node, ``t`` and ``by_t``. The bridge is known between two Gaussians and
    from a Gaussian to a ``bridge-target``, at the epsilon of the reference ``dX = sqrt(2 epsilon) dW``.

    Args:
        epsilon: of the reference; None for the model's noise level.
        n: the number of draws of the bridge.
        times: the number of nodes.

    Raises:
        UsageError: an option out of range.
    """

    needs = frozenset({"fields"})

    def __init__(
        self, epsilon: Level = None, n: Annotated[int, Field(ge=2, le=Largest.POINTS)] = 2000, times: Times = 24
    ) -> None:
        self.epsilon = None if epsilon is None else positive(epsilon, "epsilon", _WHERE)
        self.n, self.times = whole(n, "n", _WHERE, 2), whole(times, "times", _WHERE, 1)

    def check(self, model: Model) -> None:
        """Refuse a model without constant noise, and ends whose bridge is not known."""
        known_bridge(model.process, noise_level(model, self.epsilon, _WHERE), _WHERE)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model.
            x: not used: the points are draws of the bridge.
            generator: the source of the draws.

        Raises:
            UsageError: the exact bridge is not known, or the drift is out of reach of what the model learned.
        """
        generator = needs_generator(generator, _WHERE)
        level = noise_level(model, self.epsilon, _WHERE)
        bridge = known_bridge(model.process, level, _WHERE)
        with torch.no_grad():
            transport = model.transport(epsilon=level, start=0.0, stop=1.0)
            nodes, weights = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(self.times))
            u = (nodes + 1) / 2
            t, rate = transport.clock.time(u), transport.clock.rate(u)
            x0 = model.process.source.sample(self.n, generator)
            x0 = x0 if model.dtype is None else x0.to(model.dtype)
            x1 = bridge.sample_end(x0, generator)
            squares = []
            for position, time, speed in zip(u.tolist(), t.tolist(), rate.tolist(), strict=True):
                state = bridge.between(time, x0, x1, generator)
                exact = bridge.drift(time, state).flatten(1).double()
                found = transport.drift(position, state).flatten(1).double() / speed
                squares.append(torch.stack([(found - exact).square().sum(1), exact.square().sum(1)]))
        of_error, of_drift = torch.stack(squares, 1).cpu()
        a, b = (weights / 2 * rate) @ of_error, (weights / 2 * rate) @ of_drift
        value = math.sqrt(float(a.mean() / b.mean()))
        scatter = float((a - value**2 * b).std() / b.mean()) / math.sqrt(self.n)
        by_t = (of_error.mean(1) / of_drift.mean(1)).sqrt()
        details = {"epsilon": level, "draws": self.n, "t": t.tolist(), "by_t": by_t.tolist()}
        error = scatter / (2 * value) if value > 0 else 0.0
        return Estimate(_WHERE, value, error, "unbiased", "1", details=details)
