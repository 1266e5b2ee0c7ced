"""The cheapest pairing of a batch: exact optimal transport between equally many points.

For n equally weighted points on either side an optimal plan of ``min_nu E |x0 - x1|^2`` is a permutation, found by the
assignment problem. Flows learned on it have straighter paths (Pooladian et al., arXiv 2304.14772; Tong et al., arXiv
2302.00482). It is the limit of :class:`~si_schrodinger.entropic.Entropic` as epsilon goes to zero.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_schrodinger.costs import half_squared_distances
from si_schrodinger.within_batch import WithinBatch

__all__ = ["OptimalTransport"]

_WHERE = "coupling optimal-transport"


class OptimalTransport(WithinBatch):
    """A permutation of the x0 of a batch, that of the least sum of squared distances to their x1.

    The plan is that of the batch, with the bias that :mod:`si_schrodinger.within_batch` tells of: between Gaussians in
    the plane pairs lack 14% of the cross-covariance at batches of 32, 3% at 256 and 1% at 1024. Time is cubic in the
    size of the batch or pool at worst, on the CPU.

    Args:
        pool: the permutation is that of at least this many draws of each end, not only of the batch.
        within_classes: pair labelled targets class by class, so that x0 stays independent of the class.

    Raises:
        UsageError: options out of range.
    """

    def __init__(self, pool: Annotated[int, Field(ge=1)] | None = None, within_classes: bool = True) -> None:
        super().__init__(pool, within_classes, _WHERE)

    def partners(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None) -> Tensor:
        """The optimal permutation, (B,); nothing is drawn."""
        from scipy.optimize import linear_sum_assignment

        cost = half_squared_distances(x0, x1)
        _, rows = linear_sum_assignment(cost.T.cpu().numpy())
        return torch.from_numpy(rows).to(x0.device)
