"""Points that a user gives: looked at before anything is computed of them."""

from __future__ import annotations

import torch
from torch import Tensor

from si_core.errors import DataError

__all__ = ["checked_points"]


def checked_points(data: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Points in data space, (B, *shape), as floating point.

    Raises:
        DataError: none, of another shape than the model's events, or not finite.
    """
    if tuple(data.shape[1:]) != shape or len(data) == 0:
        raise DataError(
            "points of another shape than the model's",
            got=tuple(data.shape),
            allowed=f"(B, {', '.join(map(str, shape))})",
        )
    if not bool(torch.isfinite(data).all()):
        row = int((~torch.isfinite(data).flatten(1).all(1)).nonzero()[0])
        raise DataError("points that are not finite", where=f"row {row}", fix="drop or repair these rows")
    return data.float() if not data.is_floating_point() else data
