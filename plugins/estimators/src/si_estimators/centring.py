"""Samples as rows about a common centre: distances don't change, and are not lost beside a large offset.

A distance by ``|a|^2 + |b|^2 - 2 a.b``, as products of matrices give it, has an error of the order of the rounding of
``|a|^2``: 1 at an offset of 1e8 in double precision.
"""

from __future__ import annotations

from torch import Tensor

from si_estimators.options import flat

__all__ = ["centred"]


def centred(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Samples (n, *event) and (m, *event) as float64 rows, less the mean over both: shapes (n, d) and (m, d)."""
    x, y = flat(x).double(), flat(y).double()
    centre = (x.sum(0) + y.sum(0)) / (len(x) + len(y))
    return x - centre, y - centre
