"""The law of x0 where a coupling makes it of x1."""

from __future__ import annotations

import torch
from torch import Tensor

from si_core.contract.coupling import Coupling
from si_core.contract.distribution import Distribution
from si_core.contract.frame import Frame

__all__ = ["MadeSource"]


class MadeSource(Distribution):
    """x0 of a coupling's pairs, in the units of the target; see :attr:`si_core.Coupling.source_from_target`.

    Args:
        coupling: which makes x0 of x1.
        target: the law of x1.
    """

    def __init__(self, coupling: Coupling, target: Distribution) -> None:
        self._coupling, self._target = coupling, target
        self.shape = tuple(target.shape)

    @property
    def frame(self) -> Frame:
        """That of the target: x0 is a picture of x1."""
        return self._target.frame

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n draws of x0 alone, (n, *event)."""
        return self._coupling.draw(self, self._target, n, generator).x0
