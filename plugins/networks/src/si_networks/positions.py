"""Where the patches of an image lie, told to a transformer, which does not know by itself.

``sine``: a vector for each place, added to its token (Vaswani et al., arXiv 1706.03762; in two dimensions as Peebles
and Xie, arXiv 2212.09748): of column j and row i, each in half of the width D,

    ``p = (sin(j w), cos(j w), sin(i w), cos(i w))``,     ``w_k = 10000^(-k/K)``,   ``k = 0 .. K - 1``,   ``K = D/4``.

``rotary``: queries and keys are turned by angles of their place (Su et al., arXiv 2104.09864; by axes as Heo et al.,
arXiv 2403.13298), so that their products depend on differences of places alone. With d numbers a head, number k of the
first half and number k of the second are the two coordinates that are turned by

    ``j w_k`` for k < K and ``i w_(k - K)`` for k >= K,   ``w_k = 100^(-k/K)``,   ``K = d/4``.

Both are tables of single precision, for states of any.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["rotary_table", "sine_table", "turned"]

_SINE_PERIODS = 10_000.0
_ROTARY_PERIODS = 100.0
"""Rows and columns of patches are tens, where sentences have thousands of words: slower angles would not tell them
apart (arXiv 2403.13298, section 4)."""


def sine_table(rows: int, columns: int, width: int) -> Tensor:
    """The vectors of all places, row by row: shape (rows * columns, width), float32.

    Args:
        rows: of patches.
        columns: of patches.
        width: of a token, a multiple of 4.
    """
    angles = _angles(rows, columns, width // 4, _SINE_PERIODS)
    return torch.cat([part for axis in angles for part in (axis.sin(), axis.cos())], 1).float()


def rotary_table(rows: int, columns: int, head_width: int) -> Tensor:
    """Cosines and sines of the angles of all places, row by row: shape (2, rows * columns, head_width / 2), float32.

    Args:
        rows: of patches.
        columns: of patches.
        head_width: numbers of a head, a multiple of 4.
    """
    angles = torch.cat(_angles(rows, columns, head_width // 4, _ROTARY_PERIODS), 1)
    return torch.stack([angles.cos(), angles.sin()]).float()


def turned(vectors: Tensor, table: Tensor) -> Tensor:
    """Queries or keys, turned by the angles of their places.

    Args:
        vectors: shape (..., places, head_width).
        table: as :func:`rotary_table` gives it.
    """
    (cosines, sines), (first, second) = table.to(vectors).unbind(), vectors.chunk(2, -1)
    return torch.cat([first * cosines - second * sines, first * sines + second * cosines], -1)


def _angles(rows: int, columns: int, count: int, periods: float) -> tuple[Tensor, Tensor]:
    """Angles by column and by row of all places, row by row: each of shape (rows * columns, count), float64."""
    frequencies = periods ** -(torch.arange(count, dtype=torch.float64) / count)
    column = torch.arange(columns, dtype=torch.float64).repeat(rows)
    row = torch.arange(rows, dtype=torch.float64).repeat_interleave(columns)
    return column[:, None] * frequencies, row[:, None] * frequencies
