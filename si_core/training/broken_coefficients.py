"""Which part of a process is to blame for a loss that is not finite: the one whose coefficient is not, at a time drawn.

A coefficient that is infinite at a millionth from an end of time is met once in some thousand steps, and then it looks
like a learning rate that is too large.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from si_core.contract.combine import spread
from si_core.contract.schedule import Schedule
from si_core.process.process import StochasticInterpolant

__all__ = ["broken_coefficient"]

_PARTS = {
    "clock": ("t", "rate"),
    "interpolant": ("alpha", "beta", "alpha_rate", "beta_rate"),
    "latent": ("gamma", "gamma_rate", "gamma_gamma_rate", "rate_over_gamma"),
}
"""The scalars of a schedule by the part that they are of."""


def broken_coefficient(
    process: StochasticInterpolant, schedule: Schedule | None, x0: Tensor, x1: Tensor
) -> tuple[str, str, str] | None:
    """The part whose coefficient is not finite at a time inside (0, 1), in words; None where all are.

    Args:
        process: the process of a step.
        schedule: its scalars at the times of the step.
        x0, x1: the pairs of the step, shape (B, *event), for a path that is not spatially linear.

    Returns:
        The kind and the class of the part, such as ``latent Rough``; the coefficient, its value and where; what to do.
    """
    if schedule is None:
        return None
    inside = (schedule.u > 0) & (schedule.u < 1)
    for kind, name, values in _coefficients(process, schedule, x0, x1):
        broken = inside & ~torch.isfinite(values)
        if bool(broken.any()):
            # The first in time from an end: that is where a formula breaks down.
            row = int(torch.where(broken, torch.minimum(schedule.u, 1 - schedule.u), torch.inf).argmin())
            part = schedule.clock if kind == "clock" else getattr(process, kind)
            u, t = float(schedule.u[row]), float(schedule.t[row])
            return (
                f"{kind} {type(part).__name__}",
                f"{name} is {float(values[row])} at u = {u:.6g} of its clock, t = {t:.6g}",
                f"correct the {kind}, so that {name} is finite at all times inside (0, 1), or its clock; "
                f"`si check` looks near the ends",
            )
    return None


def _coefficients(
    process: StochasticInterpolant, s: Schedule, x0: Tensor, x1: Tensor
) -> Iterator[tuple[str, str, Tensor]]:
    """Kind, name and values (B,) of all that a step is computed from; a clock before what is computed in it."""
    for kind, names in _PARTS.items():
        # Of no latent gamma is 0, and what is divided by it is infinite and not used.
        for name in names if kind != "latent" or not process.latent.vanishes else ():
            values = getattr(s, name)
            if isinstance(values, Tensor):
                yield kind, name, values
    if s.alpha is None:
        path = process.interpolant
        value, derivative = path.at(s.t, x0, x1), path.velocity_at(s.t, x0, x1)
        given = torch.isfinite(x0).flatten(1).all(1) & torch.isfinite(x1).flatten(1).all(1)
        for name, rows in (("value", value), ("velocity", derivative * spread(s.rate, derivative))):
            size = rows.detach().flatten(1).abs().sum(1)
            yield "interpolant", name, torch.where(given, size, 0.0)
