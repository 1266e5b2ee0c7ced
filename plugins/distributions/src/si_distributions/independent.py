"""The independent coupling ``nu = rho0 x rho1``."""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import Coupling

__all__ = ["Independent"]


class Independent(Coupling):
    """Draws of source and target as they come."""

    independent = True

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        return x0, x1
