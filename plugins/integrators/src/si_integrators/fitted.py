"""The fitted clock: a smooth map of a process's own clock in which equal steps make equal errors.

    ``v(u) = int_0^u w / int_0^1 w``,    ``log w(u) = sum_{k>=1} c_k P_k(2u-1)``,    ``t(u) = t_own(v(u))``

with P_k the Legendre polynomials: v is analytic with ``dv/du > 0``, so that a method keeps its order, and t leaves 0
and reaches 1 as it does in the process's own clock. A step of u is ``w / int w`` equal steps of v long.

The c_k are fitted when a model has been trained. A pilot (:mod:`si_integrators.pilot`) measures the local error along
the model's own problem, with its noise level, direction and span, and from it the density of steps by which errors are
equal. ``log w`` is the least-squares fit, over u, of minus its logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from si_core import Clock, Model, Problem, UsageError
from si_integrators.pilot import CELLS, ROWS, density
from si_integrators.placement import LONGEST, bounded
from si_integrators.smooth_map import SmoothMap, legendre

__all__ = ["Fitted", "fit"]

_DEGREE = 4
"""Higher degrees follow the wiggles of the measured error, which costs methods of high order more than it gives."""

_DECIMALS = 9
_ROUNDED = 1e-6
_HALVINGS = 40

Order = Annotated[int, Field(ge=1, le=64)]
"""How a clock starts at an end: as that power of its own time."""


class Fitted(Clock):
    """The clock in which the error of sampling is the same at each step, as measured on the trained model.

    A smooth map of the process's own clock: ``log dv/du`` is a polynomial of degree 4. It is measured once, by about
    257 evaluations (an SDE: 513) of the drift on 256 states, for the sampler of the recipe: its noise level, direction,
    span and order of the method. It is kept with the model, and any other sampler may use it as well. No step is longer
    than 4 equal ones of the process's own clock, which it is until it has been measured.

    Args:
        own: the process's own clock; supplied by the builder.
        coefficients: those of the Legendre polynomials of degree 1, 2, ... in ``log dv/du``; None to measure them.
        orders: of the clock they were measured in; refused in another.

    Raises:
        UsageError: coefficients that are too large or not finite, or measured in a clock of other orders.
    """

    def __init__(self, own: Clock, coefficients: list[float] | None = None, orders: list[Order] | None = None) -> None:
        if orders is not None and tuple(orders) != tuple(own.orders):
            raise UsageError(
                "fitted in another clock than the process's own",
                got=f"orders {orders}",
                allowed=f"{list(own.orders)}, those of {own!r}",
                fix="fit it again: {use: fitted}, without options",
            )
        self.own, self.orders = own, own.orders
        self._map = None if coefficients is None else SmoothMap(coefficients)

    def time(self, u: Tensor) -> Tensor:
        if self._map is None:
            return self.own.time(u)
        return self.own.time(self._map.value(u.double())).to(u.dtype)

    def rate(self, u: Tensor) -> Tensor:
        if self._map is None:
            return self.own.rate(u)
        position = u.double()
        return (self.own.rate(self._map.value(position)) * self._map.derivative(position)).to(u.dtype)

    def position(self, t: Tensor) -> Tensor:
        if self._map is None:
            return self.own.position(t)
        return self._map.inverse(self.own.position(t.double())).to(t.dtype)

    def fitted(self, model: Model, seed: int) -> dict[str, Any] | None:
        if self._map is not None:
            return None
        stream = torch.Generator(model.device).manual_seed(seed)
        together = None if model.recipe is None else model.recipe.sample.batch
        x, condition = model.initial(min(ROWS, together or ROWS), stream)
        transport = replace(model, clock=self.own).transport(condition=condition)
        return {
            "coefficients": fit(transport, x, model.integrator.order, stream),
            "orders": [int(order) for order in self.own.orders],
        }

    def __repr__(self) -> str:
        coefficients = None if self._map is None else list(self._map.coefficients)
        return f"Fitted({self.own!r}, coefficients={coefficients})"


def fit(problem: Problem, x: Tensor, order: float, generator: torch.Generator | None = None) -> list[float]:
    """The coefficients of the map in which equal steps make equal errors.

    Args:
        problem: the problem, in the clock that is to be mapped; outside of its span the error is taken to be constant.
        x: its initial states, shape (B, *event), B > 0.
        order: of the method.
        generator: the source of the noise of an SDE.

    Returns:
        ``c_1, c_2, ...``; zeros where the pilot finds no error.
    """
    m = bounded(density(problem, x, CELLS, order, generator)[0])
    if m is None:
        return [0.0] * _DEGREE
    fractions, widths = _over_everything(m, problem.start, problem.stop)
    middles = fractions.cumsum(0) - fractions / 2
    wanted = torch.log(widths / fractions)
    columns = torch.stack([torch.ones_like(middles), *legendre(middles, _DEGREE)], -1)
    # Sums of products, for what a library does with a matrix may depend on where it lies in memory.
    weighted = columns * fractions.unsqueeze(-1)
    gram = (weighted.unsqueeze(-1) * columns.unsqueeze(-2)).sum(0)
    found = torch.linalg.solve(gram, (weighted * wanted.unsqueeze(-1)).sum(0))
    return _tamed([round(c, _DECIMALS) for c in found[1:].tolist()])


def _over_everything(m: Tensor, start: float, stop: float) -> tuple[Tensor, Tensor]:
    """The fractions of u and of v that cells of [0, 1] have, for densities m on equal cells from start to stop."""
    low, high = min(start, stop), max(start, stop)
    if stop < start:
        m = m.flip(0)
    width = (high - low) / len(m)
    before, after = (math.ceil(outside / width) for outside in (low, 1 - high))
    m = torch.cat([m[:1].expand(before), m, m[-1:].expand(after)])
    widths = torch.full_like(m, width)
    widths[:before], widths[len(m) - after :] = low / max(before, 1), (1 - high) / max(after, 1)
    return m * widths / (m * widths).sum(), widths


def _tamed(coefficients: Sequence[float]) -> list[float]:
    """The coefficients times the largest factor at which no step is longer than ``LONGEST``."""
    u = torch.linspace(0, 1, 2 * CELLS + 1, dtype=torch.float64)

    def allowed(factor: float) -> list[float] | None:
        scaled = [factor * c for c in coefficients]
        fits = sum(map(abs, scaled)) < SmoothMap.LARGEST - _ROUNDED
        return scaled if fits and float(SmoothMap(scaled).derivative(u).max()) <= LONGEST else None

    # The longest step grows with the factor, from 1 at factor 0.
    low, high = 0.0, 1.0
    if allowed(high) is not None:
        return list(coefficients)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if allowed(middle) is None else (middle, high)
    return [round(low * c, _DECIMALS) for c in coefficients]
