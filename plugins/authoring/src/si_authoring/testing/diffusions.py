"""Conformance of diffusion schedules: a noise level that is finite and not negative from t = 0 to t = 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from si_authoring.testing.check import Deviations, Measured, Violation, check
from si_authoring.testing.doubles import Bridge, Line
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_core import Diffusion

__all__ = ["SUITE"]

_NEAR = (1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)


def _context() -> Mapping[str, Any]:
    return {"interpolant": Line(), "latent": Bridge()}


def _exercise(diffusion: Diffusion, setting: Setting) -> Sequence[Output]:
    t = setting.times()
    inside = torch.linspace(0.02, 0.4, setting.rows, dtype=torch.float64)
    gamma = setting.given("gamma", Bridge().gamma(inside))
    return [Output("epsilon(t, gamma)", diffusion.epsilon(t, gamma), (setting.count,))]


def _levels(diffusion: Diffusion) -> Iterator[tuple[Tensor, Tensor, str]]:
    """Times from 0 to 1, many of them near the ends, with their levels."""
    near = torch.tensor(_NEAR, dtype=torch.float64)
    times = torch.cat([torch.linspace(0, 1, 257, dtype=torch.float64), near, 1 - near])
    for dtype in SUITE.dtypes:
        t = times.to(dtype)
        for name, gamma in (("of a bridge", Bridge().gamma(t)), ("= 1-t, of a source that is noise", 1 - t)):
            yield t, _level(diffusion, t.clone(), gamma), f"gamma {name}, {dtype}"


def _level(diffusion: Diffusion, t: Tensor, gamma: Tensor) -> Tensor:
    level = diffusion.epsilon(t, gamma)
    if not isinstance(level, Tensor) or level.shape != t.shape:
        got = (
            f"shape {tuple(level.shape)}" if isinstance(level, Tensor) else f"no shape: it is a {type(level).__name__}"
        )
        raise Violation(f"epsilon of {len(t)} times has {got} instead of ({len(t)},)")
    return level


@check
def finite_to_the_ends(diffusion: Diffusion) -> None:
    """epsilon is finite at all times from t = 0 to t = 1, both ends included."""
    for t, level, where in _levels(diffusion):
        bad = ~torch.isfinite(level)
        if bool(bad.any()):
            raise Violation(
                f"epsilon is {float(level[bad][0])} at t = {float(t[bad][0]):g} ({where}); give it a limit there"
            )


@check
def non_negative(diffusion: Diffusion) -> Measured | None:
    """``epsilon >= 0`` at all times, for it is half the square of a noise."""
    deviations = Deviations("epsilon is negative")
    for t, level, where in _levels(diffusion):
        lowest = int(level.nan_to_num().argmin())
        deviations.close(level[lowest].clamp(max=0.0), 0.0, 0.0, f"t = {float(t[lowest]):g}, {where}")
    return deviations.result()


@check
def any_number_of_times(diffusion: Diffusion) -> None:
    """epsilon takes one time as well as many, and none: shape (N,) for N = 0, 1, 2."""
    for count in range(3):
        t = torch.linspace(0.3, 0.6, count, dtype=torch.float64)
        _level(diffusion, t, Bridge().gamma(t))


SUITE = Suite(
    kind="diffusion",
    exercise=_exercise,
    own=(finite_to_the_ends, non_negative, any_number_of_times),
    context=_context,
    events=((),),
    placeable=True,
)
