"""The noise level ``epsilon(t) >= 0`` of a transport, as people give it and as flows use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.diffusion import Diffusion
from si_core.contract.schedule import Schedule
from si_core.errors import UsageError
from si_core.process.process import StochasticInterpolant

__all__ = ["Constant", "Epsilon", "NoiseLevel", "noise_level"]

Epsilon = float | Callable[[Tensor], Tensor] | Diffusion
"""A noise level: a number, a function of t (N,) -> (N,), or a diffusion schedule."""

NoiseLevel = Callable[[Schedule], Tensor]
"""``epsilon`` at the times of a schedule, shape (N,)."""

_ROUNDING = 1e-12
"""How far below 0, beside its largest value, a level may be that vanishes."""


@dataclass(frozen=True)
class Constant:
    """The same level at all times; such levels are equal where their numbers are."""

    number: float

    def __call__(self, s: Schedule) -> Tensor:
        return torch.full_like(s.u, self.number)


def noise_level(epsilon: Epsilon, process: StochasticInterpolant | None) -> NoiseLevel | None:
    """``epsilon`` as a function of a schedule; None where it is 0.

    Raises:
        UsageError: a negative or non-finite number, or a diffusion schedule without a process. The function raises it
            for a level that is negative at one of the times, or has another shape than these.
    """
    if isinstance(epsilon, Diffusion):
        if process is None:
            raise UsageError(
                "a diffusion schedule needs the process's gamma",
                fix="give the fields their process, or epsilon a number",
            )
        return lambda s: _checked(epsilon.epsilon(s.t, process.noise_size(s)), s, epsilon)
    if callable(epsilon):
        return lambda s: _checked(epsilon(s.t), s, epsilon)
    try:
        number = float(epsilon)
    except (TypeError, ValueError):
        number = float("nan")
    if not 0 <= number < float("inf"):
        raise UsageError(
            "epsilon is a noise level",
            got=repr(epsilon),
            allowed="a finite number >= 0, a function of t, or a diffusion",
        )
    return Constant(number) if number else None


def _checked(level: Tensor | float, s: Schedule, epsilon: object) -> Tensor:
    """The level, shape (N,); where it is no number, at an end of time, its limit is taken elsewhere."""
    values = torch.as_tensor(level, dtype=s.u.dtype, device=s.u.device)
    if values.shape not in (s.u.shape, (1,), ()):
        raise UsageError(
            "epsilon(t) is one number for each time",
            got=f"{epsilon!r}: shape {tuple(values.shape)} for times of shape {tuple(s.t.shape)}",
            allowed=f"shape {tuple(s.t.shape)}, or ()",
        )
    values = values.expand_as(s.u)
    negative = values < -_ROUNDING * values.detach().abs().nan_to_num(0.0, 0.0).max()
    if bool(negative.any()):
        first = int(negative.nonzero()[0])
        raise UsageError(
            "epsilon is a noise level, and this function goes below 0",
            got=f"{epsilon!r}: {float(values[first]):g} at t = {float(s.t[first]):g}",
            allowed="epsilon(t) >= 0 for all t in [0, 1]",
            fix="such as lambda t: 0.5 * (1 - t), or clamp it: .clamp_min(0)",
        )
    return values
