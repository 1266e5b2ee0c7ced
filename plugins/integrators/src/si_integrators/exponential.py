"""Exponential integrators: the known linear part of a drift without error, and a polynomial for what remains.

    drift = rate(u) x + drive(u) m(u, x)

is the drift of every spatially linear process. By default it is that of preconditioned networks: m is what they
learn beside the best linear guess for data of unit variance, and smooth up to both ends of time. With a ``spread`` it
is that for a standard normal source and a Gaussian target of this standard deviation: m is then constant and the method
is exact, for the law of an SDE too; for a target with modes of that width m is the mode that x belongs to, which
changes slowly where the drift does not. Over a step from r to t

    X_t = gain X_r + sum_j W_j m_j + sqrt(q) w,     W_j = int_r^t gain(s) drive(s) l_j(s) ds

with l_j the Lagrange polynomials of the times of the values m_j, and q the exact variance
(:mod:`si_integrators.linear_steps`). Values are those of the steps before (Adams-Bashforth) for an ODE; for an SDE of
order 2, of both ends of the step, the far one by a predictor with the same noise w, as in stochastic Heun. In a
one-sided process without noise, with spread towards 0, order 1 is DDIM, and order 2 like DPM-Solver++(2M).

With a corrector (:mod:`si_integrators.predictor_corrector`) an order more costs one evaluation a step as well, ODE and
SDE.

Hochbruck and Ostermann, *Exponential integrators*, 2010; Song et al. (arXiv 2010.02502); Lu et al. (arXiv 2211.01095).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from si_core import Problem, UsageError
from si_integrators.linear_steps import LinearSteps, Remainder, linear_steps
from si_integrators.planned import Grid, PlannedSteps, Steps
from si_integrators.predictor_corrector import corrected

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
        order: of an ODE, and the weak order of an SDE: 1, 2 or 3, with a corrector 2, 3 or 4. From 3 on for ODEs alone.
        spread: the standard deviation of the target about its modes, in the units of the states, for fields that are
            exact or nearly so: where time ends, what networks get wrong is a pole of m, and the order is lost. A wrong
            spread costs accuracy, not order. None for what suits networks.
        corrector: whether each step is predicted, and corrected by the value at its end, at one evaluation a step.

    Evaluations: one a step for an ODE, and one more at order 3; ``order`` a step for an SDE; with a corrector one a
    step for both, and one more, at order 4 two.

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
        if not isinstance(corrector, bool):
            raise UsageError(
                "corrector is a switch",
                where=type(self).__name__,
                got=f"corrector={corrector!r}",
                allowed="True, False",
            )
        if order not in _ORDERS[corrector] or isinstance(order, bool):
            allowed = f"{', '.join(map(str, _ORDERS[corrector]))} {'with' if corrector else 'without'} a corrector"
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
        order, noisy = int(self.order), transport.stochastic
        linear = linear_steps(transport, grid, self.spread)
        ends = self.corrector or (noisy and order == 2)
        transport.prepare(grid if ends and linear.sees_end(linear.steps - 1) else grid[:-1], x)
        remainder = Remainder(transport, grid, linear)
        w = torch.empty_like(x, memory_format=torch.contiguous_format)

        def noise() -> Tensor | None:
            return w.normal_(generator=generator) if noisy else None

        walk = corrected if self.corrector else _explicit
        states = walk(linear, remainder, x, order, noise)
        return [state for k, state in enumerate(states, 1) if k in kept or k == len(grid) - 1], remainder.evaluations


def _explicit(
    linear: LinearSteps, remainder: Remainder, x: Tensor, order: int, noise: Callable[[], Tensor | None]
) -> Iterator[Tensor]:
    """The states after each step, by the values before it, and by one at its end where the order asks for it."""
    history: dict[int, Tensor] = {}
    for k in range(linear.steps):
        drawn, now = noise(), {k: remainder(k, x)}
        history = {**now, **history}
        used = history if drawn is None else now
        twice = order == 3 and k == 0 if drawn is None else order == 2
        if linear.blind(k, k) or (twice and linear.sees_end(k)):
            predicted = linear.prediction(k, x, now, drawn)
            used = {**now, k + 1: remainder(k + 1, predicted)}
        x = linear.state(k, x, used, drawn)
        yield x
        history.pop(k - order + 1, None)
