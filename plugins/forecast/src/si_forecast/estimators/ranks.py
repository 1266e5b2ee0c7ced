"""Where what came stands among the members: numbers that are uniform on [0, 1] where the forecast is calibrated.

If y is drawn from the law of the members, its rank r among them is uniform on 0, ..., M, and

    ``u = (r + v) / (M + 1)``,    v uniform on [0, 1]

is uniform on [0, 1], exactly and for every M; ties, as of series that repeat values, are broken at random.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["positions"]


def positions(x: Tensor, truth: Tensor, generator: torch.Generator) -> Tensor:
    """The positions u, entry by entry, shape (*shape,).

    Args:
        x: members, shape (M, *shape).
        truth: what came, shape (*shape,).
        generator: of v and of ties.
    """
    below, equal = (x < truth).sum(0).double(), (x == truth).sum(0).double()
    device = generator.device
    v, w = torch.rand(2, *truth.shape, generator=generator, device=device, dtype=torch.float64).to(truth.device)
    return (below + torch.floor(w * (equal + 1)) + v) / (len(x) + 1)
