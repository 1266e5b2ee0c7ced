"""Conformance of interpolants: the ends, the derivative, and coefficients that are finite to the very ends of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from si_authoring.testing.check import Deviations, Measured, NotApplicable, Violation, check
from si_authoring.testing.common import accepted, first_accepted
from si_authoring.testing.differences import central_difference, steep_inside
from si_authoring.testing.doubles import Bridge, Normal, Silent, process_between
from si_authoring.testing.learnable import placed
from si_authoring.testing.near_ends import exponents, near_ends, refuse_infinite
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_core import Clock, Interpolant, SpatiallyLinear, UniformClock

__all__ = ["SUITE"]

_EVENT = (2,)
_MISSED = 1e-9
"""How far from its ends a path is that does not meet them: beyond rounding."""
_EXPONENT = 0.05
"""How far an exponent may be off: the next term of the expansion is much less."""


def _context() -> Mapping[str, Any]:
    return {"latent": Bridge(), "shape": _EVENT}


def _exercise(path: Interpolant, setting: Setting) -> Sequence[Output]:
    x0, x1 = setting.states("x0"), setting.states("x1")
    t, one = setting.times(), setting.given("s", torch.full((setting.rows,), 0.3, dtype=torch.float64))[0]
    wide = setting.times(torch.float64)  # times may be more precise than states
    path = placed(path, setting.dtype, setting.device)
    return [
        Output("value(t, x0, x1)", path.at(t, x0, x1), setting.shape),
        Output("value(s, x0, x1) with s of shape ()", path.at(one, x0, x1), setting.shape),
        Output("value(t, x0, x1) with times in float64", path.at(wide, x0, x1), setting.shape),
        Output("velocity(t, x0, x1)", path.velocity_at(t, x0, x1), setting.shape),
        Output("velocity(s, x0, x1) with s of shape ()", path.velocity_at(one, x0, x1), setting.shape),
    ]


def _value(path: Interpolant, x0: Tensor, x1: Tensor, t: Tensor) -> Tensor:
    return path.at(t, x0, x1)


@check
def ends(path: Interpolant) -> Measured | None:
    """``I(0, x0, x1) = x0`` and ``I(1, x0, x1) = x1``; or ``meets_ends`` is False, and it is not so."""
    if not path.meets_ends:
        setting = first_accepted(SUITE, path)
        x0, x1 = setting.states("x0"), setting.states("x1")
        off = [(placed(path).at(t, x0, x1) - x).abs().max() for t, x in ((0.0, x0), (1.0, x1))]
        if max(map(float, off)) < _MISSED:
            raise Violation("it says that it does not meet the ends, and runs from x0 to x1; leave meets_ends out")
        raise NotApplicable("it says that it does not meet the ends")
    deviations = Deviations("it does not run from x0 to x1")
    for base in accepted(SUITE, path):
        for dtype in SUITE.dtypes:
            setting = base.anew(dtype=dtype)
            x0, x1 = setting.states("x0"), setting.states("x1")
            # sin(pi) and the like are off by a rounding of their argument.
            allowed = 16 * torch.finfo(dtype).eps * (1 + float(torch.stack([x0, x1]).abs().max()))
            for time, end, name in ((0.0, x0, "x0"), (1.0, x1, "x1")):
                for t in (torch.tensor(time, dtype=dtype), torch.full((len(x0),), time, dtype=dtype)):
                    deviations.close(
                        placed(path, dtype).at(t, x0, x1), end, allowed, f"t = {time:g}, beside {name}, {dtype}"
                    )
    return deviations.result()


@check
def derivative(path: Interpolant) -> Measured | None:
    """``velocity`` is the derivative of ``value`` with respect to t."""
    path = placed(path)
    deviations = Deviations("velocity is not the derivative of value")
    for setting in accepted(SUITE, path):
        x0, x1 = setting.states("x0"), setting.states("x1")
        for time in torch.linspace(0.06, 0.94, 23, dtype=torch.float64):
            t = time.expand(len(x0)).clone()
            derivative, error = central_difference(partial(_value, path, x0, x1), t)
            got = path.velocity_at(t, x0, x1)
            deviations.close(got, derivative, error, f"t = {float(time):.3g}, event {setting.event}")
    return deviations.result()


@check
def finite_inside(path: Interpolant) -> Measured | None:
    """Value and velocity are finite at all times inside (0, 1), and the value at the ends too."""
    path = placed(path)
    for setting in accepted(SUITE, path):
        x0, x1 = setting.states("x0"), setting.states("x1")
        for time in torch.linspace(0, 1, 65, dtype=torch.float64):
            t = time.expand(len(x0)).clone()
            parts = [("value", path.at(t, x0, x1))]
            if 0 < time < 1:
                parts.append(("velocity", path.velocity_at(t, x0, x1)))
            for name, values in parts:
                if not bool(torch.isfinite(values).all()):
                    raise Violation(f"{name} is not finite at t = {float(time):g}, event {setting.event}")
    return None


@check
def linear_as_claimed(path: Interpolant) -> Measured | None:
    """``spatially_linear`` is set if and only if ``I = alpha(t) x0 + beta(t) x1`` with the author's alpha and beta."""
    if path.spatially_linear != isinstance(path, SpatiallyLinear):
        raise Violation("a spatially linear interpolant inherits from SpatiallyLinear, and no other does")
    if not isinstance(path, SpatiallyLinear):
        raise NotApplicable("it is not spatially linear")
    path = placed(path)
    deviations = Deviations("value is not alpha x0 + beta x1, or velocity not its derivative")
    setting = first_accepted(SUITE, path)
    x0, x1, t = setting.states("x0"), setting.states("x1"), setting.times()

    def combined(a: Tensor | float, b: Tensor | float) -> Tensor:
        weights = (torch.as_tensor(w, dtype=x0.dtype).expand(len(x0)) for w in (a, b))
        first, second = (w.reshape(-1, *(1 for _ in setting.event)) for w in weights)
        return first * x0 + second * x1

    deviations.close(path.at(t, x0, x1), combined(path.alpha(t), path.beta(t)), 1e-12, "value")
    deviations.close(path.velocity_at(t, x0, x1), combined(path.alpha_dot(t), path.beta_dot(t)), 1e-9, "velocity")
    return deviations.result()


@check
def coefficients(path: Interpolant) -> Measured | None:
    """In the clock of its process alpha, beta and their derivatives are finite from t = 0 to t = 1, and right."""
    if not isinstance(path, SpatiallyLinear):
        raise NotApplicable("it is not spatially linear")
    path = placed(path)
    clock = _clock(path)
    u = torch.linspace(0, 1, 33, dtype=torch.float64)
    found = path.in_clock(clock, u)
    for name in ("alpha", "beta", "alpha_rate", "beta_rate"):
        if not bool(torch.isfinite(getattr(found, name)).all()):
            u_bad = float(u[(~torch.isfinite(getattr(found, name))).nonzero()[0]])
            raise Violation(f"{name} is not finite at u = {u_bad:g} of its clock {clock!r}; declare another `clock`")
    deviations = Deviations("in_clock disagrees with alpha, beta and the chain rule")
    inner = u[steep_inside(u)]
    inside = path.in_clock(clock, inner)
    for name, function in (("alpha", path.alpha), ("beta", path.beta)):
        deviations.close(getattr(inside, name), function(clock.time(inner)), 1e-12, name)
        derivative, error = central_difference(
            lambda v, f=function: torch.as_tensor(f(clock.time(v))).expand_as(v), inner
        )  # type: ignore[misc]
        deviations.close(getattr(inside, f"{name}_rate"), derivative, error, f"{name}_rate")
    return deviations.result()


def _clock(path: Interpolant) -> Clock:
    """The clock of a process with the path alone."""
    process = process_between(Normal(mean=-1.0), Normal(mean=2.0), Silent())
    return type(process)(path, Silent(), process.coupling, process.source, process.target).clock


@check
def finite_near_the_ends(path: Interpolant) -> None:
    """In the clock of its process the path and its derivative are finite at 1e-6 to 1e-3 from both ends too."""
    clock, u = _clock(path), near_ends()
    if isinstance(path, SpatiallyLinear):
        refuse_infinite(vars(path.in_clock(clock, u)), u, clock)
        return
    t, rate = clock.time(u), clock.rate(u)
    setting = replace(first_accepted(SUITE, path), rows=len(u))
    x0, x1 = setting.states("x0"), setting.states("x1")
    parts = {"value": path.at(t, x0, x1).flatten(1), "velocity": path.velocity_at(t, x0, x1).flatten(1)}
    parts["velocity"] = parts["velocity"] * rate[:, None]
    refuse_infinite({name: values.abs().sum(1) for name, values in parts.items()}, u, clock)


@check
def clock_order(path: Interpolant) -> Measured | None:
    """In the clock of its process alpha and beta have bounded derivatives at both ends; ``sqrt(t)`` has not."""
    if not isinstance(path, SpatiallyLinear):
        raise NotApplicable("it is not spatially linear")
    clock, worst = _clock(path), Measured(0.0, _EXPONENT)
    for name, function in (("alpha", path.alpha), ("beta", path.beta)):
        for end, power in exponents(function, clock):
            order = clock.orders[end]
            measured = Measured(max(1 - power, 0.0), _EXPONENT, f"{name} ~ u^{power:.3g} at t = {end} of {clock!r}")
            if not measured.deviation <= measured.allowed:
                declared = "no clock" if path.clock is None else f"a clock of order {order} there"
                raise Violation(
                    f"{name} goes like the power {power / order:.2g} of the distance to t = {end}, and it declares "
                    f"{declared}; declare one of order 2, such as `clock = SineClock()`",
                    measured,
                )
            worst = max(worst, measured, key=lambda one: one.deviation)
    return worst


@check
def time_clock(path: Interpolant) -> Measured | None:
    """alpha and beta take a time of any shape, a tensor in either precision, and start at 1 and 0, end at 0 and 1.

    The latter where the path meets its ends.
    """
    if not isinstance(path, SpatiallyLinear):
        raise NotApplicable("it is not spatially linear")
    deviations = Deviations("alpha and beta have other ends than 1 and 0")
    for dtype in SUITE.dtypes:
        at = placed(path, dtype)
        for t in (torch.tensor([0.0, 1.0], dtype=dtype), torch.tensor(0.0, dtype=dtype), torch.tensor([], dtype=dtype)):
            values = [torch.as_tensor(w, dtype=dtype).expand_as(t) for w in (at.alpha(t), at.beta(t))]
            expected = [1 - t, t]
            for value, end, name in zip(values, expected, ("alpha", "beta"), strict=True):
                if path.meets_ends:
                    deviations.close(value, end, 16 * torch.finfo(dtype).eps, f"{name}, {dtype}")
    path = placed(path)
    found = path.in_clock(UniformClock(), torch.tensor([0.5], dtype=torch.float64))
    deviations.close(found.alpha, path.alpha(torch.tensor([0.5], dtype=torch.float64)), 1e-12, "alpha at t = 0.5")
    return deviations.result()


SUITE = Suite(
    kind="interpolant",
    exercise=_exercise,
    own=(
        ends,
        derivative,
        finite_inside,
        linear_as_claimed,
        time_clock,
        coefficients,
        finite_near_the_ends,
        clock_order,
    ),
    context=_context,
    placeable=True,
)
