"""Conditions of single points: fields conditioned on one label a row, for a part of the rows."""

from __future__ import annotations

from torch import Tensor

from si_core import Fields, UsageError

__all__ = ["conditioned_rows"]


def conditioned_rows(fields: Fields, rows: slice | Tensor, n: int) -> Fields:
    """The fields for some of n points, with the conditions of these points.

    Args:
        fields: fields with a condition for each of n points, one for all, or none.
        rows: the points, as a slice or by index.
        n: the number of all points.

    Raises:
        UsageError: there are neither one nor n conditions.
    """
    condition = getattr(fields, "condition", None)
    if condition is None or condition.ndim == 0 or len(condition) == 1:
        return fields
    if len(condition) != n:
        raise UsageError(
            "conditions and points are of different number",
            got=f"{len(condition)} conditions, {n} points",
            allowed="1, or n",
        )
    return fields.conditioned(condition[rows if isinstance(rows, slice) else rows.to(condition.device)])
