"""The law of x0 where a coupling makes it of what the target gives."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from si_core.contract.data import Pairs
from si_core.contract.distribution import Distribution
from si_core.contract.frame import Frame

__all__ = ["MadeSource"]


class MadeSource(Distribution):
    """x0 of a coupling's pairs, in the units of the target; see :attr:`si_core.Coupling.source_from_target`.

    Args:
        target: the law of x1.
        pairs: the coupling's :meth:`~si_core.Coupling.draw`.
    """

    def __init__(
        self,
        target: Distribution,
        pairs: Callable[[Distribution, Distribution, int, torch.Generator | None], Pairs],
    ) -> None:
        self._target, self._pairs = target, pairs
        self.shape = tuple(target.shape)

    @property
    def frame(self) -> Frame:
        """That of the target: x0 is a picture of x1."""
        return self._target.frame

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n draws of x0 alone, (n, *event)."""
        return self._pairs(self, self._target, n, generator).x0
