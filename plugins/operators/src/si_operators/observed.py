"""A corrupted event as condition, and a start that knows nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from torch import Tensor

from si_core import Condition, ConditionSpec, Coupling, Distribution, Nested, Pairs
from si_operators.corruption import Corruption, corruption_of
from si_operators.operator import Operator

__all__ = ["Observed"]


class Observed(Coupling):
    """``nu = rho0 x rho1``: x0 is a draw of the source, independent of x1, and networks are given y = A x1.

    Conditions are those of :class:`si_operators.corrupted.Corrupted`; with a normal source this is conditional
    diffusion (Saharia et al., arXiv 2111.05826), beside which couplings that start from y are measured.

    Args:
        operator: a component of the kind ``operator``.
    """

    independent, from_ends = True, True

    def __init__(self, operator: Annotated[Operator, Nested("operator")]) -> None:
        self.operator, self.fingerprint = operator, operator.fingerprint

    def conditions_of(self, target: Distribution) -> Mapping[str, ConditionSpec]:
        return Corruption.specs(self.operator, target)

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        return x0, x1

    def draw(
        self, source: Distribution, target: Distribution, n: int, generator: torch.Generator | None = None
    ) -> Pairs:
        """n independent draws of both ends, with what the operator leaves of x1."""
        return self.pairs_of(source, target, *target.draw(n, generator), generator)

    def pairs_of(
        self,
        source: Distribution,
        target: Distribution,
        x1: Tensor,
        condition: Condition | None,
        generator: torch.Generator | None = None,
    ) -> Pairs:
        """Draws of the source for given points of the target, with what the operator leaves of these."""
        x0 = source.sample(len(x1), generator)
        corruption = corruption_of(self.operator, target.frame, len(x1), generator)
        return Pairs(x0, x1, {**(condition or {}), **corruption.conditions(corruption.observed(x1))})
