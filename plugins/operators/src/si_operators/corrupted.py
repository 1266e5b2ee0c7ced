"""Data-dependent couplings: from a corrupted event back to it (Albergo et al., arXiv 2310.03725).

    nu(x0, x1) = rho1(x1) rho0(x0 | x1),        x0 = f(A x1) + sigma z,        z ~ N(0, I),

with an operator A, such as a mask or means over squares, and f the picture of the shape of an event that is made of
what is left of it: pixels that are hidden are at the middle of the range, or repeated. Networks are given y = A x1 as a
condition, so the process goes from what is known to the law of x1 given y.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from si_core import Condition, ConditionSpec, Coupling, Distribution, Frame, Nested, Pairs, UsageError
from si_operators.corruption import NAME, Corruption, corruption_of
from si_operators.operator import Operator

__all__ = ["Corrupted"]

_WHERE = "coupling corrupted"
_NOISE = ("everywhere", "unseen")


class Corrupted(Coupling):
    """x0 is made of x1: what the operator leaves of it, plus noise.

    Conditions are ``corrupted``, y = A x1 in the units of the data, and those of an operator that is another one for
    each event (``mask``). Of given ones initial states are made anew: what stands where nothing is seen does not
    matter. The law of x0 given x1 is Gaussian, of mean ``f(A x1)`` and covariance ``sigma^2``; with ``noise: unseen``
    it has noise only where y says nothing, ``(1 - P) sigma^2`` with ``P = fill A``: what is seen then stays as it is
    all along the path, and there is no density, so no score.

    Args:
        operator: a component of the kind ``operator``.
        sigma: the size of the noise in model space, above 0.
        noise: everywhere, or only where y says nothing (for a mask the hidden pixels), which needs an operator whose
            ``fill`` keeps y.

    Raises:
        UsageError: options out of range, or noise that is unseen by an operator that keeps something of all.
    """

    source_from_target, from_ends = True, True

    def __init__(
        self,
        operator: Annotated[Operator, Nested("operator")],
        sigma: Annotated[float, Field(gt=0)] = 1.0,
        noise: Literal["everywhere", "unseen"] = "everywhere",
    ) -> None:
        if isinstance(sigma, bool) or not isinstance(sigma, int | float) or not 0 < sigma < math.inf:
            fix = "sigma > 0 makes the law of x0 given x1 a density; small ones need short steps at t = 0"
            raise UsageError("noise has a size", where=f"{_WHERE}: sigma", got=repr(sigma), allowed="> 0", fix=fix)
        if noise not in _NOISE:
            allowed = ", ".join(_NOISE)
            raise UsageError("unknown place", where=f"{_WHERE}: noise", got=repr(noise), allowed=allowed)
        if noise == "unseen" and not operator.consistent:
            raise UsageError(
                "what this operator does not see is not known",
                where=f"{_WHERE}: noise",
                got=f"{noise}, {type(operator).__name__}",
                fix="noise: everywhere, or an operator with `consistent`, such as mask or downsample",
            )
        self.operator, self.sigma, self.noise = operator, float(sigma), noise
        self.fingerprint = operator.fingerprint

    def conditions_of(self, target: Distribution) -> Mapping[str, ConditionSpec]:
        return Corruption.specs(self.operator, target)

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """x1 with its own corrupted x0, where data space is model space; the x0 that is given is not used."""
        corruption = corruption_of(self.operator, Frame(tuple(x1.shape[1:])), len(x1), generator)
        return self._start(corruption, corruption.observed(x1), x1, generator), x1

    def draw(
        self, source: Distribution | None, target: Distribution, n: int, generator: torch.Generator | None = None
    ) -> Pairs:
        """n draws of the target, each with its own x0; the source is not used."""
        return self.pairs_of(source, target, *target.draw(n, generator), generator)

    def pairs_of(
        self,
        source: Distribution | None,
        target: Distribution,
        x1: Tensor,
        condition: Condition | None,
        generator: torch.Generator | None = None,
    ) -> Pairs:
        """Pairs of given points of the target; the source is not used."""
        corruption = corruption_of(self.operator, target.frame, len(x1), generator)
        y = corruption.observed(x1)
        return Pairs(self._start(corruption, y, x1, generator), x1, {**(condition or {}), **corruption.conditions(y)})

    def start_from(
        self, target: Distribution, condition: Condition, generator: torch.Generator
    ) -> tuple[Tensor, Condition]:
        """x0 of given y, with y as events have it."""
        corruption = Corruption(self.operator.of_values(condition), target.frame)
        y = corruption.consistent(condition[NAME])
        x0 = self._start(corruption, y, y.new_empty(len(y), *target.shape), generator)
        return x0, {**condition, **corruption.conditions(y)}

    def _start(self, corruption: Corruption, y: Tensor, like: Tensor, generator: torch.Generator | None) -> Tensor:
        """``f(y) + sigma z``, in the precision of ``like`` and of its shape."""
        z = torch.randn(like.shape, dtype=like.dtype, device=like.device, generator=generator)
        added = z if self.noise == "everywhere" else corruption.unseen(z)
        return corruption.picture(y).to(like.dtype) + self.sigma * added
