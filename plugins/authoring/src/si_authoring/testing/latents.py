"""Conformance of latents: zero at the ends, positive inside, ``gamma gamma_dot`` right and finite, standard noise."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from si_authoring.testing.check import Deviations, Measured, NotApplicable, Violation, check
from si_authoring.testing.differences import central_difference, steep_inside
from si_authoring.testing.doubles import Normal, process_between
from si_authoring.testing.learnable import placed
from si_authoring.testing.near_ends import exponents, near_ends, refuse_infinite
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_core import Clock, Latent

__all__ = ["SUITE"]

_DRAWS = 40_000
_ERRORS = 5.0
_EXPONENT = 0.05
"""How far an exponent may be off: the next term of the expansion is much less."""


def _exercise(latent: Latent, setting: Setting) -> Sequence[Output]:
    t, latent = setting.times(), placed(latent, setting.dtype, setting.device)
    return [
        Output("gamma(t)", latent.gamma(t), (setting.count,)),
        Output("gamma_dot(t)", latent.gamma_dot(t), (setting.count,)),
        Output("gamma_gamma_dot(t)", latent.gamma_gamma_dot(t), (setting.count,)),
        Output("gamma(s) with s of shape ()", latent.gamma(setting.times()[0]), (), rows=False),
    ]


def _inside() -> torch.Tensor:
    u = torch.linspace(0, 1, 257, dtype=torch.float64)
    return u[1:-1]


@check
def vanishes_at_the_ends(latent: Latent) -> Measured | None:
    """``gamma(0) = gamma(1) = 0``, so that x_t has the ends x0 and x1; or ``meets_ends`` is False, and it is not so."""
    if not latent.meets_ends:
        if not bool((placed(latent).gamma(torch.tensor([0.0, 1.0], dtype=torch.float64)) > 0).any()):
            raise Violation("it says that it does not meet the ends, and gamma is 0 at both; leave meets_ends out")
        raise NotApplicable("it says that it does not meet the ends")
    deviations = Deviations("gamma does not vanish at the ends of time")
    for dtype in SUITE.dtypes:
        values = placed(latent, dtype).gamma(torch.tensor([0.0, 1.0], dtype=dtype))
        for end, value in zip((0, 1), values, strict=True):
            deviations.close(value, 0.0, 16 * torch.finfo(dtype).eps, f"t = {end}, {dtype}")
    return deviations.result()


@check
def positive_inside(latent: Latent) -> Measured | None:
    """``gamma > 0`` for 0 < t < 1, or ``vanishes`` is set and gamma is 0 at all times."""
    gamma = placed(latent).gamma(_inside())
    if latent.vanishes:
        if bool((gamma != 0).any()):
            raise Violation("it says that it vanishes, and gamma is not 0")
        return None
    if not bool((gamma > 0).all()):
        t = float(_inside()[(~(gamma > 0)).nonzero()[0]])
        raise Violation(
            f"gamma is {float(gamma.min()):.3g}, not positive, at t = {t:.3g}; set vanishes = True for none"
        )
    return None


@check
def derivative(latent: Latent) -> Measured | None:
    """``gamma_dot`` is the derivative of ``gamma``."""
    latent = placed(latent)
    deviations = Deviations("gamma_dot is not the derivative of gamma")
    t = torch.linspace(0.06, 0.94, 45, dtype=torch.float64)
    for time in t:
        derivative, error = central_difference(latent.gamma, time.reshape(1))
        deviations.close(latent.gamma_dot(time.reshape(1)), derivative, error, f"t = {float(time):.3g}")
    return deviations.result()


@check
def gamma_gamma_dot(latent: Latent) -> Measured | None:
    """``gamma_gamma_dot`` is half the derivative of ``gamma^2``, and finite at both ends."""
    latent = placed(latent)
    deviations = Deviations("gamma_gamma_dot is not half the derivative of gamma^2")
    for time in torch.linspace(0.06, 0.94, 45, dtype=torch.float64):
        derivative, error = central_difference(lambda s: latent.gamma(s).square() / 2, time.reshape(1))
        deviations.close(latent.gamma_gamma_dot(time.reshape(1)), derivative, error, f"t = {float(time):.3g}")
    ends = latent.gamma_gamma_dot(torch.tensor([0.0, 1.0], dtype=torch.float64))
    for end, value in zip((0, 1), ends.tolist(), strict=True):
        if not math.isfinite(value):
            raise Violation(
                f"gamma_gamma_dot is {value} at t = {end}: gamma_dot is infinite there, and the product is not; "
                "write gamma_gamma_dot by hand"
            )
    return deviations.result()


@check
def coefficients(latent: Latent) -> Measured | None:
    """In the clock of its process gamma and its derivative are finite from t = 0 to t = 1, and right."""
    if latent.vanishes:
        raise NotApplicable("it vanishes")
    latent = placed(latent)
    clock = _clock(latent)
    u = torch.linspace(0, 1, 33, dtype=torch.float64)
    found = latent.in_clock(clock, u)
    for name in ("gamma", "gamma_rate", "gamma_gamma_rate"):
        values = getattr(found, name)
        if not bool(torch.isfinite(values).all()):
            bad = float(u[(~torch.isfinite(values)).nonzero()[0]])
            raise Violation(f"{name} is not finite at u = {bad:g} of its clock {clock!r}; declare another `clock`")
    deviations = Deviations("in_clock disagrees with gamma and the chain rule")
    inner = u[steep_inside(u)]
    inside = latent.in_clock(clock, inner)
    deviations.close(inside.gamma, latent.gamma(clock.time(inner)), 1e-12, "gamma")
    derivative, error = central_difference(lambda v: latent.gamma(clock.time(v)), inner)
    deviations.close(inside.gamma_rate, derivative, error, "gamma_rate")
    derivative, error = central_difference(lambda v: latent.gamma(clock.time(v)).square() / 2, inner)
    deviations.close(inside.gamma_gamma_rate, derivative, error, "gamma_gamma_rate")
    deviations.close(inside.rate_over_gamma * inside.gamma, clock.rate(inner), 1e-10, "rate_over_gamma")
    return deviations.result()


@check
def finite_near_the_ends(latent: Latent) -> None:
    """In the clock of its process gamma and its coefficients are finite at 1e-6 to 1e-3 from both ends too."""
    if latent.vanishes:
        raise NotApplicable("it vanishes")
    clock, u = _clock(latent), near_ends()
    refuse_infinite(vars(latent.in_clock(clock, u)), u, clock)


@check
def clock_order(latent: Latent) -> Measured | None:
    """In the clock of its process gamma leaves both ends like a whole power: where ``gamma ~ sqrt(t)``, of order 2."""
    if latent.vanishes:
        raise NotApplicable("it vanishes")
    clock, worst = _clock(latent), Measured(0.0, _EXPONENT)
    for end, power in exponents(latent.gamma, clock):
        order = clock.orders[end]
        # A latent whose derivative is bounded in time itself may be as smooth as it likes.
        off = 1 - power if order == 1 else abs(power - max(1, round(power)))
        measured = Measured(max(off, 0.0), _EXPONENT, f"gamma ~ u^{power:.3g} at t = {end} of {clock!r}")
        if not measured.deviation <= measured.allowed:
            raise Violation(_describe_roughness(latent, power / order, order, end), measured)
        worst = max(worst, measured, key=lambda one: one.deviation)
    return worst


def _describe_roughness(latent: Latent, power: float, order: int, end: int) -> str:
    declares = f"it declares a clock of order {order} there"
    if latent.clock is None:
        declares = "it declares no clock, and its derivative at the end does not tell"
    if abs(2 * power - round(2 * power)) > 2 * _EXPONENT:
        advice = "gamma^2 has to be smooth"
    else:
        advice = "declare one of order 2 there, such as `clock = SineClock()`"
    return f"gamma goes like the power {power:.2g} of the distance to t = {end}, and {declares}; {advice}"


def _clock(latent: Latent) -> Clock:
    """The clock of a process with the latent."""
    return process_between(Normal(mean=-1.0), Normal(mean=2.0), latent).clock


@check
def standard_noise(latent: Latent) -> Measured | None:
    """``sample`` draws standard normal noise of the shape, dtype and place asked for, from the generator given."""
    deviations = Deviations("the noise is not standard normal")
    for dtype in SUITE.dtypes:
        like = torch.zeros(_DRAWS, 2, dtype=dtype)
        state = torch.get_rng_state()
        z = latent.sample(like, torch.Generator().manual_seed(3))
        if not torch.equal(state, torch.get_rng_state()):
            raise Violation("sample draws from torch's global generator; use the generator it is given")
        if z.shape != like.shape or z.dtype != dtype or z.device != like.device:
            raise Violation(f"sample gives {tuple(z.shape)}, {z.dtype} for {tuple(like.shape)}, {dtype}")
        if not torch.equal(z, latent.sample(like, torch.Generator().manual_seed(3))):
            raise Violation("sample gives other noise for an equal generator")
        count = z.numel()
        # Mean, variance and kurtosis of n standard normal numbers have variances 1/n, 2/n and 96/n.
        for power, expected, variance in ((1, 0.0, 1.0), (2, 1.0, 2.0), (4, 3.0, 96.0)):
            allowed = _ERRORS * math.sqrt(variance / count)
            deviations.close(z.double().pow(power).mean(), expected, allowed, f"the mean of z^{power}")
        allowed = _ERRORS / math.sqrt(len(z))
        deviations.close((z[:, 0] * z[:, 1]).double().mean(), 0.0, allowed, "the covariance of two coordinates")
    return deviations.result()


@check
def paths(latent: Latent) -> Measured | None:
    """A whole path, where there is one, has at each time the law of ``gamma(t) z``."""
    if type(latent).path is Latent.path:
        raise NotApplicable("it has no paths")
    latent = placed(latent)
    times = torch.tensor([0.0, 0.1, 0.4, 0.8, 1.0], dtype=torch.float64)
    path = latent.path(times, torch.zeros(_DRAWS, 1, dtype=torch.float64), torch.Generator().manual_seed(4))
    if path.shape != (len(times), _DRAWS, 1):
        raise Violation(f"a path has shape {tuple(path.shape)} instead of {(len(times), _DRAWS, 1)}")
    deviations = Deviations("a path has not the variance gamma(t)^2")
    for index, gamma in enumerate(latent.gamma(times).tolist()):
        allowed = _ERRORS * gamma**2 * math.sqrt(2 / _DRAWS) + 1e-12
        deviations.close(path[index].square().mean(), gamma**2, allowed, f"t = {float(times[index]):g}")
    return deviations.result()


SUITE = Suite(
    kind="latent",
    exercise=_exercise,
    own=(
        vanishes_at_the_ends,
        positive_inside,
        derivative,
        gamma_gamma_dot,
        coefficients,
        finite_near_the_ends,
        clock_order,
        standard_noise,
        paths,
    ),
    events=((),),
    placeable=True,
)
