"""Exponential integrators: the known linear share of a drift without error, and a polynomial for what remains.

    drift = rate(u) x + drive(u) m(u, x)

is the drift of every spatially linear process. By default the share is that of preconditioned networks: m is what they
learn beside the best linear guess for data of unit variance, and smooth up to both ends of time. With a ``spread`` it
is that for a standard normal source and a Gaussian target of this standard deviation: m is then constant and the method
is exact, for the law of an SDE too; for a target with modes of that width m is the mode that x belongs to, which
changes slowly where the drift does not. Over a step from r to t

    X_t = gain X_r + sum_j W_j m_j + sqrt(q) w,     W_j = int_r^t gain(s) drive(s) l_j(s) ds

with l_j the Lagrange polynomials of the times of the values m_j, and q the exact variance
(:mod:`si_integrators.linear_steps`). Values are those of the steps before (Adams-Bashforth) for an ODE; for an SDE of
order 2, of both ends of the step, the far one by a predictor with the same noise w, as in stochastic Heun. In a
one-sided process without noise, with spread towards 0, order 1 is DDIM, and order 2 like DPM-Solver++(2M).

With a corrector (Adams-Moulton) a prediction from ``order - 1`` values is corrected by the value found there, which is
kept for the steps after it instead of that at the corrected state: one evaluation a step, ODE and SDE. With exact noise
and the same w in both, order 2 is weak order 2 for additive noise: the value kept is off by ``O(h^(3/2))`` of mean
O(h^2), whose share in the covariance of a step is O(h^3). In kind it is UniPC, and SA-Solver for SDEs.

Hochbruck and Ostermann, *Exponential integrators*, 2010; Song et al. (arXiv 2010.02502); Lu et al. (arXiv 2211.01095);
Zhao et al. (arXiv 2302.04867); Xue et al. (arXiv 2309.05019).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from si_core import Problem, UsageError
from si_integrators.linear_steps import LinearSteps
from si_integrators.planned import Grid, PlannedSteps, Steps

__all__ = ["Exponential"]

Order = Literal[1, 2, 3, 4]

_ORDERS = {False: (1, 2, 3), True: (2, 3, 4)}
"""The orders without a corrector, and with one."""


class Exponential(PlannedSteps):
    """An exponential integrator, for ODEs with one evaluation a step, and for SDEs with ``order``, or one if corrected.

    Args:
        steps: the number of steps.
        grid: where they stand: uniform, ends (finer towards both ends of the span), or measured (finer where a pilot
            finds a larger local error).
        order: of an ODE, and the weak order of an SDE: 1, 2 or 3, with a corrector 2, 3 or 4. From 3 on for ODEs alone;
            the highest of each costs one evaluation more.
        spread: the standard deviation of the target about its modes, in the units of the states, for fields that are
            exact or nearly so: where time ends, what networks get wrong is a pole of m, and the order is lost. A wrong
            spread costs accuracy, not order. None for the share that suits networks.
        corrector: whether each prediction is corrected, at no evaluation more for an ODE and one for a whole SDE. Long
            steps are less stable than two evaluations make them.

    Raises:
        UsageError: an option out of its range.
    """

    stochastic = True
    multistep = True

    def __init__(
        self,
        steps: Steps = 100,
        grid: Grid = "uniform",
        order: Order = 2,
        spread: Annotated[float, Field(gt=0, le=100)] | None = None,
        corrector: bool = False,
    ) -> None:
        super().__init__(steps, grid)
        if order not in _ORDERS[bool(corrector)] or isinstance(order, bool):
            allowed = f"{', '.join(map(str, _ORDERS[bool(corrector)]))} {'with' if corrector else 'without'} a corrector"
            raise UsageError("unknown order", where=type(self).__name__, got=f"order={order!r}", allowed=allowed)
        if spread is not None and not 0 < spread <= 100:
            raise UsageError(
                "spread is a standard deviation",
                where=type(self).__name__,
                got=f"spread={spread!r}",
                allowed="0 < spread <= 100",
            )
        self.order: float = order
        self.stochastic = order < 3
        self.spread, self.corrector = spread, corrector

    def advance(
        self,
        transport: Problem,
        x: Tensor,
        grid: list[float],
        generator: torch.Generator | None,
        kept: Sequence[int] = (),
    ) -> tuple[list[Tensor], int]:
        order, noisy, corrector = int(self.order), transport.stochastic, self.corrector
        linear = LinearSteps(transport, grid, self.spread)
        drift, rates, last = transport.drift, linear.rates, len(grid) - 2
        add = torch.add if torch.is_grad_enabled() else Tensor.add_
        # Only an SDE of order 2 evaluates the drift at the stop.
        transport.prepare(grid if noisy and order == 2 else grid[:-1], x)
        evaluations = 0

        def remainder(k: int, state: Tensor) -> Tensor:
            nonlocal evaluations
            evaluations += 1
            return add(drift(grid[k], state), state, alpha=-rates[k])

        w = torch.empty_like(x, memory_format=torch.contiguous_format)
        history: dict[int, Tensor] = {}
        first, states = x, []
        for k in range(last + 1):
            if k not in history:
                history = {k: remainder(k, x), **history}
            noise = w.normal_(generator=generator) if noisy else None
            deviation = linear.deviations[k]
            told = dict(islice(history.items(), order - 1 if corrector else 1))
            # An error in the last step of an SDE has no drift after it to pull it back; in that of an ODE it is one of
            # order ``order``, which is allowed.
            twice = (noisy or k < last) if corrector else order == 2 if noisy else order == 3 and k == 0
            if linear.blind(k, k) or twice:
                gain, weights = linear.predictor(k, list(told))
                predicted = _combined(x, gain, told, weights, noise, deviation)
                used = {k + 1: remainder(k + 1, predicted), **told}
                if k == 1 and order == 4:
                    # The first step anew, by the values at three times: its local error was of order 3.
                    x = _combined(first, linear.gains[0], used, linear.weights(0, list(used)), None, 0.0)
                # At order 4 the first value must be that of a corrected state.
                if corrector and not (order == 4 and k == 0):
                    history = {**used, **history}
            else:
                used = told if noisy or corrector else history
            x = _combined(x, linear.gains[k], used, linear.weights(k, list(used)), noise, deviation)
            history.pop(k - order + 1, None)
            if k + 1 in kept:
                states.append(x)
        return [*states, x], evaluations


def _combined(
    x: Tensor, gain: float, values: dict[int, Tensor], weights: list[float], noise: Tensor | None, deviation: float
) -> Tensor:
    # A new tensor, which may be added to in place even where gradients are recorded.
    state = x * gain
    if noise is not None:
        state.add_(noise, alpha=deviation)
    for value, weight in zip(values.values(), weights, strict=True):
        if weight:
            state.add_(value, alpha=weight)
    return state
