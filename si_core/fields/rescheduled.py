"""Change of schedule without training again: the fields of a one-sided process, read as those of another.

A one-sided process is ``x_t = sigma n + beta x1`` with n standard normal and ``sigma^2 = alpha^2 + gamma^2``. Up to its
length, x_t depends on ``beta/sigma`` alone. So with the time t that has the ratio of the new process at time t'

    ``beta(t)/sigma(t) = beta'(t')/sigma'(t')``,    ``x = x' r(t)/r'(t')``  with  ``r^2 = sigma^2 + beta^2``,

every ``E[. | x'_{t'} = x']`` of n and x1 is ``E[. | x_t = x]`` (arXiv 2303.08797, section 5.1; arXiv 2206.00364).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from si_core.contract.condition import Condition
from si_core.contract.schedule import Schedule
from si_core.errors import UsageError
from si_core.fields.completed import CompletedFields
from si_core.process.completion import CoefficientFunction
from si_core.process.process import StochasticInterpolant

__all__ = ["RescheduledFields"]

_HALVINGS = 60
"""Of the interval [0, 1], until it is a rounding error."""


class RescheduledFields(CompletedFields):
    """The fields of a one-sided process by those known of another with the same ends.

    Args:
        known: fields of a one-sided process, learned or given.
        process: the process whose fields are wanted: its interpolant and latent are the new schedule.

    Raises:
        UsageError: a process that is not one-sided, or one with other ends.
    """

    process: StochasticInterpolant

    def __init__(self, known: CompletedFields, process: StochasticInterpolant) -> None:
        for which in (known.process, process):
            if not which.structure.one_sided:
                raise UsageError(
                    "a schedule can be changed for one-sided processes only",
                    got=f"{type(which.source).__name__} and {type(which.coupling).__name__} coupling, "
                    f"{type(which.interpolant).__name__}",
                    allowed="a standard normal source, independent of the target, and spatially linear interpolants",
                )
        if known.process.target is not process.target:
            raise UsageError("the schedule changes, the target does not", fix="build both processes with one target")
        self.known, self.process, self.names = known, process, known.names
        self.condition, self.optional = known.condition, known.optional

    @property
    def predictor(self) -> object:
        """The networks behind the known fields, if any."""
        return getattr(self.known, "predictor", None)

    def _matched(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """The positions in the known process's clock, and ``r(t)/r'(t')``, for times t' of this one; both (N,)."""
        old = self.known.process
        angle, length = _polar(self.process, self.process.schedule(self.process.clock, self.process.clock.position(t)))
        low, high = torch.zeros_like(angle), torch.ones_like(angle)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            early = _polar(old, old.schedule(old.clock, middle))[0] < angle
            low, high = torch.where(early, middle, low), torch.where(early, high, middle)
        # Both ends of one process are those of the other, to the last digit.
        u = torch.where(angle <= 0, 0.0, torch.where(angle >= math.pi / 2, 1.0, 0.5 * (low + high)))
        return u, _polar(old, old.schedule(old.clock, u))[1] / length

    def known_coefficients(self, name: str) -> CoefficientFunction:
        inner, old = self.known.known_coefficients(name), self.known.process

        def coefficients(s: Schedule) -> Tensor:
            before = old.schedule(old.clock, self._matched(s.t)[0])
            of_x0, of_x1, of_z = inner(before).unbind(-1)
            # E[x0|x] = (alpha/sigma) E[n|x] and E[z|x] = (gamma/sigma) E[n|x], of either process.
            alpha, gamma = _noise_parts(old, before)
            of_noise = of_x0 * alpha + of_z * gamma
            alpha, gamma = _noise_parts(self.process, s)
            return torch.stack([of_noise * alpha, of_x1, of_noise * gamma], -1)

        return coefficients

    def positions(self, t: Tensor, x: Tensor) -> list[object]:
        u, ratio = self._matched(t.double())
        places = self.known.positions(self.known.process.clock.time(u), x)
        return [torch.stack([torch.as_tensor(place), r]) for place, r in zip(places, ratio.to(x).unbind(), strict=True)]

    def outputs(self, position: object, x: Tensor, indices: Sequence[int] | None = None) -> Sequence[Tensor]:
        place, ratio = torch.as_tensor(position).unbind(-1)
        return self.known.outputs(place, x * _over(ratio, x), indices)

    def divergences(
        self, position: object, x: Tensor, indices: Sequence[int] | None = None, probes: Tensor | None = None
    ) -> tuple[Sequence[Tensor], Sequence[Tensor]] | None:
        place, ratio = torch.as_tensor(position).unbind(-1)
        found = self.known.divergences(place, x * _over(ratio, x), indices, probes)
        return None if found is None else (found[0], [each * _over(ratio, each) for each in found[1]])

    def check_conditions(self, rows: int | None = None) -> None:
        self.known.check_conditions(rows)

    def conditioned(self, condition: Condition | None) -> RescheduledFields:
        known = self.known.conditioned(condition)
        if not isinstance(known, CompletedFields):
            raise UsageError("these fields take no condition")
        return RescheduledFields(known, self.process)


def _polar(process: StochasticInterpolant, s: Schedule) -> tuple[Tensor, Tensor]:
    """``atan(beta/sigma)``, which rises from 0 to pi/2, and ``r = sqrt(sigma^2 + beta^2)``, which is never 0."""
    variance = torch.as_tensor(process.structure.noise_variance(s))
    beta = torch.as_tensor(s.beta)
    return torch.atan2(beta, variance.sqrt()), (variance + beta.square()).sqrt()


def _over(ratio: Tensor, x: Tensor) -> Tensor:
    """A ratio () or (B,) in the shape to multiply x (B, ...) with."""
    return ratio.reshape(ratio.shape + (1,) * (x.ndim - ratio.ndim))


def _noise_parts(process: StochasticInterpolant, s: Schedule) -> tuple[Tensor, Tensor]:
    """``alpha/sigma`` and ``gamma/sigma``; where sigma is 0, the limit of an end without a latent."""
    sigma = torch.as_tensor(process.structure.noise_variance(s)).sqrt()
    alpha, gamma = torch.as_tensor(s.alpha), torch.as_tensor(s.gamma)
    gone = sigma == 0
    return torch.where(gone, 1.0, alpha / sigma), torch.where(gone, 0.0, gamma / sigma)
