"""Some rows of a batch: micro-batches of a step, or what one of several processes takes of it.

Rows are counted as the batch size counts them: an antithetic draw holds each twice, with z and -z, and its two halves
are cut alike, so that a part of it is antithetic too. What is computed of each row is then what the whole batch gives.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from torch import Tensor, cat

from si_core.contract.data import Draw

__all__ = ["draw_rows", "equal_parts", "rows_of"]


def equal_parts(n: int, parts: int) -> list[slice]:
    """n rows in order, in parts whose sizes differ by one at most; fewer where there are not as many rows.

    Args:
        n: the number of rows.
        parts: how many parts, at least 1.
    """
    ends = [n * i // parts for i in range(parts + 1)]
    return [slice(begin, end) for begin, end in pairwise(ends) if begin < end]


def rows_of(values: Tensor, rows: slice, antithetic: bool) -> Tensor:
    """Some rows of values, shape (B, ...) or, where each row stands twice, (2B, ...)."""
    return cat([half[rows] for half in values.chunk(2)]) if antithetic else values[rows]


def draw_rows(draw: Draw, rows: slice) -> Draw:
    """Some rows of a draw, as a draw of these pairs at these times.

    Args:
        draw: draws of a process, shape (B, *event), or (2B, *event) where it is antithetic.
        rows: which of the B.
    """

    def some(values: Tensor) -> Tensor:
        return rows_of(values, rows, draw.antithetic)

    tensors: Any = {name: some(value) for name, value in vars(draw).items() if isinstance(value, Tensor)}
    return replace(
        draw,
        **tensors,
        condition=draw.condition and {name: some(values) for name, values in draw.condition.items()},
        schedule=draw.schedule and draw.schedule.mapped(some),
    )
