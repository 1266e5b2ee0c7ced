"""The time-dependent scalars of a process, computed once per set of times and in the clock asked for.

Everything downstream (targets, coefficients, drifts) reads them from here. They are computed in double precision, for
near an end of time ``1 - t`` loses its digits in single precision and gamma with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from si_core.contract.clock import Clock, UniformClock
from si_core.contract.interpolant import Interpolant, SpatiallyLinear
from si_core.contract.latent import Latent
from si_core.contract.modules import parameters_like
from si_core.errors import UsageError

__all__ = ["Coefficients", "Scalar", "Schedule", "bare_schedule", "compute_schedule", "part_coefficients"]

Scalar = Tensor | float
"""A number for every time, shape (N,), or one number for all of them."""

Coefficients = tuple[Scalar, ...]
"""The coefficients of a field: one number, or one number a time, for every element of the basis."""


@dataclass(frozen=True)
class Schedule:
    """Scalars of a process at clock positions u; ``_rate`` means per unit of clock.

    Args:
        clock: the clock.
        u: clock positions, shape (N,); float64 as the rest, unless :meth:`to` said otherwise.
        t: times, shape (N,).
        rate: ``dt/du``, shape (N,).
        alpha, beta, alpha_rate, beta_rate: of a spatially linear interpolant, else None.
        gamma, gamma_rate, gamma_gamma_rate, rate_over_gamma: of the latent; 0 (and infinity) where it vanishes.
        of_pairs: whether these are the scalars of pairs on intervals of their own, from :meth:`on_intervals`.
    """

    clock: Clock
    u: Tensor
    t: Tensor
    rate: Tensor
    alpha: Tensor | None = None
    beta: Tensor | None = None
    alpha_rate: Tensor | None = None
    beta_rate: Tensor | None = None
    gamma: Scalar = 0.0
    gamma_rate: Scalar = 0.0
    gamma_gamma_rate: Scalar = 0.0
    rate_over_gamma: Scalar = float("inf")
    of_pairs: bool = False

    def on_intervals(self, a: Tensor, b: Tensor) -> Schedule:
        """The scalars of pairs on intervals [a, b], of which t is the part that is past; per unit of time.

        Args:
            a: where they begin, shape (N,).
            b: where they end.

        Raises:
            UsageError: a clock that is not uniform, or no intervals in [0, 1].
        """
        if not isinstance(self.clock, UniformClock):
            raise UsageError(
                "pairs on intervals are drawn in time itself", got=repr(self.clock), allowed="UniformClock()"
            )
        a, b = a.to(self.u), b.to(self.u)
        if a.shape != self.t.shape or b.shape != a.shape or not bool(((a >= 0) & (b <= 1) & (a < b)).all()):
            raise UsageError(
                "intervals of pairs",
                got=f"shapes {tuple(a.shape)}, {tuple(b.shape)}",
                allowed="0 <= a < b <= 1, one a pair",
            )
        length = b - a
        t = a + length * self.t
        changed: dict[str, Scalar | None] = {"u": t, "t": t}
        for name in ("alpha_rate", "beta_rate", "gamma_rate", "gamma_gamma_rate"):
            scalar: Scalar | None = getattr(self, name)
            changed[name] = None if scalar is None else scalar / length
        return replace(self, **changed, of_pairs=True)  # type: ignore[arg-type]

    def to(self, dtype: torch.dtype) -> Schedule:
        """The same numbers in the precision of states, once nothing is to be computed from them that would lose it."""
        return self.mapped(lambda scalar: scalar.to(dtype))

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Schedule:
        """What a function of tensors makes of every scalar that has one number for each time."""
        return replace(self, **{name: change(scalar) for name, scalar in self._tensors()})  # type: ignore[arg-type]

    def split(self, parts: int) -> list[Schedule]:
        """Equal parts, one after another."""
        pieces = {name: scalar.chunk(parts) for name, scalar in self._tensors()}
        return [
            replace(self, **{name: of[i] for name, of in pieces.items()})  # type: ignore[arg-type]
            for i in range(parts)
        ]

    def _tensors(self) -> list[tuple[str, Tensor]]:
        return [(name, scalar) for name, scalar in vars(self).items() if isinstance(scalar, Tensor)]


def bare_schedule(clock: Clock, u: Tensor) -> Schedule:
    """The schedule of a problem without a process: a clock alone."""
    u = u.reshape(-1).double()
    return Schedule(clock, u, clock.time(u), clock.rate(u))


def part_coefficients(part: SpatiallyLinear | Latent, clock: Clock, u: Tensor) -> dict[str, Tensor]:
    """The coefficients of a part of a process by name, at clock positions u, shape (N,), float64.

    A part with parameters computes them where its parameters are; the results are where u is.
    """
    like = parameters_like(part)
    found = vars(part.in_clock(clock, u if like is None else u.to(like.device)))
    return {name: scalar.to(u.device) for name, scalar in found.items()}


def compute_schedule(interpolant: Interpolant, latent: Latent, clock: Clock, u: Tensor) -> Schedule:
    """The scalars at clock positions u, shape (N,) or ()."""
    u = u.reshape(-1).double()
    values: dict[str, Scalar] = {}
    if isinstance(interpolant, SpatiallyLinear):
        values.update(part_coefficients(interpolant, clock, u))
    if not latent.vanishes:
        values.update(part_coefficients(latent, clock, u))
    return Schedule(clock, u, clock.time(u), clock.rate(u), **values)  # type: ignore[arg-type]
