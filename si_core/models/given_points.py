"""Points that somebody gives to a model: of its shape, and finite."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from si_core.errors import DataError

__all__ = ["check_points"]


def check_points(points: Tensor, shape: Sequence[int], what: str = "points") -> None:
    """Refuse points, shape (n, *event), of another event shape, none at all, or such as are not finite.

    Args:
        points: in data space.
        shape: of an event of the model.
        what: what they are, for the error.

    Raises:
        DataError: with the shape that is due, or the first row that is not finite.
    """
    if tuple(points.shape[1:]) != tuple(shape) or not len(points):
        allowed = f"(B, {', '.join(map(str, shape))}), at least one"
        raise DataError(f"{what} of another shape than the model's", got=tuple(points.shape), allowed=allowed)
    finite = torch.isfinite(points).flatten(1).all(1)
    if not bool(finite.all()):
        row, bad = int((~finite).nonzero()[0]), int((~finite).sum())
        raise DataError(
            f"{what} that are not finite",
            where=f"row {row}",
            got=f"{bad} of {len(points)} rows",
            fix="drop or repair these rows",
        )
