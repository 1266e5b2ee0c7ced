"""Conformance of clocks: a smooth increasing map of [0, 1] onto itself, its rate and its inverse, its orders."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from si_authoring.testing.check import Deviations, Measured, NotApplicable, Violation, check
from si_authoring.testing.differences import central_difference, steep_inside
from si_authoring.testing.doubles import Bridge, Line
from si_authoring.testing.known_models import known_models
from si_authoring.testing.near_ends import near_ends, refuse_infinite
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_core import Clock, Model, SineClock, UniformClock
from si_core.public.discovery import constructor_names
from si_core.public.storage import format_json, parse_json

__all__ = ["SUITE"]

_SHAPES = ((), (0,), (1,), (2, 3))
_NEAR_END = 1e-9
"""How far from an end of time its order is looked at: ``1-t`` has seven digits there."""

_ORDER_ALLOWED = 0.05
_NEWTON = 4.0


def _context() -> Mapping[str, Any]:
    return {"interpolant": Line(), "latent": Bridge(), "own": SineClock()}


def _exercise(clock: Clock, setting: Setting) -> Sequence[Output]:
    u = setting.times()
    t = setting.given("times", torch.linspace(0.1, 0.9, setting.rows, dtype=torch.float64))
    return [
        Output("time(u)", clock.time(u), (setting.count,)),
        Output("rate(u)", clock.rate(u), (setting.count,)),
        Output("position(t)", clock.position(t), (setting.count,)),
    ]


def _grid(count: int = 257) -> Tensor:
    return torch.linspace(0, 1, count, dtype=torch.float64)


def _functions(clock: Clock) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    yield from (("time", clock.time), ("rate", clock.rate), ("position", clock.position))


@check
def exact_ends(clock: Clock) -> None:
    """``time`` and ``position`` are exactly 0 at 0 and exactly 1 at 1, so that a path ends where it should."""
    for dtype in SUITE.dtypes:
        ends = torch.tensor([0.0, 1.0], dtype=dtype)
        for name, function in (("time", clock.time), ("position", clock.position)):
            for end, got in zip((0.0, 1.0), function(ends.clone()).tolist(), strict=True):
                if got != end:
                    raise Violation(f"{name}({end:g}) is {got!r} in {dtype}, not {end:g}; write it from the nearer end")


@check
def increasing(clock: Clock) -> None:
    """``time`` increases strictly, and ``rate`` is positive inside and finite and not negative at the ends."""
    for dtype in SUITE.dtypes:
        u = _grid().to(dtype)
        steps, rate = clock.time(u).diff(), clock.rate(u)
        if not bool((steps > 0).all()):
            where = float(u[int((~(steps > 0)).nonzero()[0])])
            raise Violation(f"time does not increase at u = {where:.3g}, {dtype}")
        good = torch.isfinite(rate) & (rate >= 0)
        good[1:-1] &= rate[1:-1] > 0
        if not bool(good.all()):
            first = int((~good).nonzero()[0])
            raise Violation(f"rate is {float(rate[first]):.3g} at u = {float(u[first]):.3g}, {dtype}")


@check
def finite_near_the_ends(clock: Clock) -> None:
    """Time and rate are finite, and the rate positive, at 1e-6 to 1e-3 from both ends too."""
    u = near_ends()
    # 1/rate is infinite where the clock stands still.
    refuse_infinite({"time": clock.time(u), "rate": clock.rate(u), "1/rate": 1 / clock.rate(u)}, u, clock)


@check
def rate(clock: Clock) -> Measured | None:
    """``rate`` is the derivative of ``time``."""
    deviations = Deviations("rate is not the derivative of time")
    u = _grid()
    for position in u[steep_inside(u)]:
        derivative, error = central_difference(clock.time, position.reshape(1))
        deviations.close(clock.rate(position.reshape(1)), derivative, error, f"u = {float(position):.3g}")
    return deviations.result()


@check
def inverse(clock: Clock) -> Measured | None:
    """``position`` is the inverse of ``time``."""
    deviations = Deviations("position is not the inverse of time")
    for dtype in SUITE.dtypes:
        eps = torch.finfo(dtype).eps
        grid = _grid().to(dtype)
        deviations.close(clock.time(clock.position(grid)), grid, 16 * eps, f"time of position, {dtype}")
        # Where t is flat a rounding of t moves u by its root, and by more the higher the order.
        t, rates = clock.time(grid), clock.rate(grid)
        found = clock.position(t)
        for u, back, derivative in zip(grid[1:-1].tolist(), found[1:-1].tolist(), rates[1:-1].tolist(), strict=True):
            deviations.close(back, u, 16 * eps * (1 + _NEWTON / derivative), f"u = {u:.3g}, {dtype}")
    return deviations.result()


@check
def orders(clock: Clock) -> Measured | None:
    """``t ~ u^p`` near 0 and ``1-t ~ (1-u)^q`` near 1 for the orders (p, q) that it declares."""
    declared = clock.orders
    if len(declared) != 2 or any(isinstance(p, bool) or not isinstance(p, int) or p < 1 for p in declared):
        raise Violation(f"orders is {declared!r}, and not two whole numbers >= 1")
    deviations = Deviations("orders are not the exponents at the ends")
    for end, order in enumerate(declared):
        near = _NEAR_END ** (1 / order) * torch.tensor([1.0, 2.0], dtype=torch.float64)
        gone = clock.time(near) if end == 0 else 1 - clock.time(1 - near)
        exponent = float((gone[1] / gone[0]).log()) / math.log(2)
        deviations.close(exponent, order, _ORDER_ALLOWED, f"t = {end}, where it is {exponent:.3g}")
    return deviations.result()


@check
def any_shape(clock: Clock) -> None:
    """``time``, ``rate`` and ``position`` take positions of any shape and give that shape."""
    for shape in _SHAPES:
        given = torch.linspace(0.2, 0.7, math.prod(shape), dtype=torch.float64).reshape(shape)
        for name, function in _functions(clock):
            got = function(given.clone())
            if not isinstance(got, Tensor) or got.shape != given.shape:
                shown = tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__
                raise Violation(f"{name} of positions of shape {shape} gives {shown}")


@check
def equality(clock: Clock) -> None:
    """A clock is equal to its pickled copy, with the same hash, and to nothing that tells another time."""
    copy = pickle.loads(pickle.dumps(clock))
    if not (clock == copy and copy == clock):
        raise Violation("it is not equal to a pickled copy: compare clocks by value")
    if hash(clock) != hash(copy):
        raise Violation("its pickled copy has another hash: make it of what is compared")
    inside = _grid()[1:-1]
    for other in (UniformClock(), SineClock(), SineClock(start=False), "uniform"):
        same = isinstance(other, Clock) and torch.equal(other.time(inside), clock.time(inside))
        if clock == other and not same:
            raise Violation(f"it is equal to {other!r}, which tells another time")


@check
def fit(clock: Clock) -> None:
    """What is fitted to a model is plain data; the clock made of it is right as well, and is not fitted again."""
    if type(clock).fitted is Clock.fitted:
        raise NotApplicable("it does not depend on the model")
    for known in known_models((2,)):
        _fits(clock, known.model, known.name)


def _fits(clock: Clock, model: Model, name: str) -> None:
    where = f"the options fitted to {name}"
    model = replace(model, clock=clock)
    options = clock.fitted(model, 0)
    if options is None:
        raise NotApplicable("it has been fitted")
    if options != clock.fitted(model, 0):
        raise Violation(f"{where} differ at an equal seed; draw from a generator of that seed alone")
    stored = parse_json(format_json(options, where), where)
    again = type(clock)(**stored, **_taken(clock, {**_context(), "own": model.process.clock}))
    if again.fitted(replace(model, clock=again), 0) is not None:
        raise Violation(f"made of {where} it would be fitted again")
    for each in (exact_ends, increasing, rate, inverse, orders, equality):
        each.run(again)


def _taken(clock: Clock, context: Mapping[str, Any]) -> dict[str, Any]:
    names = constructor_names(type(clock))
    return {name: value for name, value in context.items() if name in names}


SUITE = Suite(
    kind="clock",
    exercise=_exercise,
    own=(exact_ends, increasing, finite_near_the_ends, rate, inverse, orders, any_shape, equality, fit),
    context=_context,
    events=((),),
    placeable=True,
)
