"""The Adams-Bashforth methods: one evaluation a step, and the drifts of the steps before.

    x' = x + sum_j b_j f(t_j, x_j),    b_j = int_r^t l_j(s) ds,    j = k, k-1, ..., k-order+1

with l_j the Lagrange polynomials of the times of the last ``order`` drifts: on equal steps the classical coefficients,
on others those of variable steps. The first ``order - 1`` steps are of a Runge-Kutta method of an order less, whose few
local errors ``O(h^order)`` keep the order of the whole: with few steps a dearer start costs more than it brings.

Hairer, Norsett and Wanner, *Solving Ordinary Differential Equations I*, 1993, sections III.1 and III.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor

from si_core import DriftFunction, Problem, UsageError
from si_integrators.planned import Grid, PlannedSteps, Steps
from si_integrators.quadrature import apart, cells, lagrange

__all__ = ["AdamsBashforth"]

Order = Literal[2, 3, 4]


class AdamsBashforth(PlannedSteps):
    """Adams-Bashforth, for ODEs: order 2, 3 or 4 at one evaluation a step, with 0, 2 or 6 more for the start.

    Args:
        steps: the number of steps.
        grid: where they stand: uniform, ends (finer towards both ends of the span), or measured (finer where a pilot
            finds a larger local error).
        order: higher pays with many steps, lower with few.

    Raises:
        UsageError: an option out of its range.
    """

    multistep = True

    def __init__(self, steps: Steps = 100, grid: Grid = "uniform", order: Order = 3) -> None:
        super().__init__(steps, grid)
        if order not in get_args(Order) or isinstance(order, bool):
            raise UsageError(
                "unknown order",
                where=type(self).__name__,
                got=f"order={order!r}",
                allowed=", ".join(map(str, get_args(Order))),
            )
        self.order: float = order

    def advance(
        self,
        transport: Problem,
        x: Tensor,
        grid: list[float],
        generator: torch.Generator | None,
        kept: Sequence[int] = (),
    ) -> tuple[list[Tensor], int]:
        order = int(self.order)
        steps = list(pairwise(grid))
        start, (fractions, mean) = steps[: order - 1], _STARTS[order]
        inner = [_time(r, t, fraction) for r, t in start for fraction in fractions]
        transport.prepare(list(dict.fromkeys(grid[:-1] + inner)), x)
        recording = torch.is_grad_enabled()
        add, state = (torch.add, x) if recording else (Tensor.add_, x.clone())
        drift, values, states = transport.drift_parts(), list[Tensor](), []
        for k, (r, t) in enumerate(steps):
            values = [drift(r, state).copied(), *values[: order - 1]]
            if k < len(start):
                times = [_time(r, t, fraction) for fraction in fractions]
                state = add(state, mean(drift, times, state, values[0], t - r), alpha=t - r)
            else:
                for value, weight in zip(values, _weights(grid[k - order + 1 : k + 2]), strict=True):
                    if weight:
                        state = add(state, value, alpha=weight)
            if k + 1 in kept:
                # The next steps may work in place.
                states.append(state.clone())
        return [*states, state], len(steps) + len(start) * len(fractions)


def _euler(drift: DriftFunction, times: Sequence[float], x: Tensor, first: Tensor, h: float) -> Tensor:
    return first


def _heun(drift: DriftFunction, times: Sequence[float], x: Tensor, first: Tensor, h: float) -> Tensor:
    return drift(times[0], torch.add(x, first, alpha=h)).added_to(first, 1.0) / 2


def _kutta(drift: DriftFunction, times: Sequence[float], x: Tensor, first: Tensor, h: float) -> Tensor:
    """Kutta's method of order 3: ``(k1 + 4 k2 + k3)/6``."""
    middle = drift(times[0], torch.add(x, first, alpha=h / 2))
    total, ahead = middle.added_to(first, 4.0), middle.added_to(torch.add(x, first, alpha=-h), 2 * h)
    return drift(times[1], ahead).added_to(total, 1.0) / 6


_STARTS = {2: ((), _euler), 3: ((1.0,), _heun), 4: ((0.5, 1.0), _kutta)}
"""By order, the times of the evaluations of a starting step after its first, as fractions, and its mean drift."""


def _time(r: float, t: float, fraction: float) -> float:
    return t if fraction == 1.0 else r + fraction * (t - r)


def _weights(times: list[float]) -> list[float]:
    """The integrals ``b_j`` over the last step, of the latest drift first."""
    *nodes, stop = times
    nodes.reverse()
    points, weights, _ = cells()
    h = stop - nodes[0]
    used, found = apart(nodes, h), [0.0] * len(nodes)
    for i, j in enumerate(used):
        found[j] = float((lagrange([nodes[j] for j in used], i, nodes[0] + h * points) * weights).sum()) * h
    return found
