"""Pairs that the data bring along: row i of the source belongs to row i of the target."""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import Coupling, DataError, Distribution, Pairs
from si_distributions.datasets.order import Ordered
from si_distributions.datasets.rows import Rows
from si_distributions.randomness import indices

__all__ = ["Paired"]

_WHERE = "coupling paired"


class Paired(Coupling):
    """Rows of two data sets with the same index, drawn as the target draws its rows: with replacement, or in its order.

    Args:
        forecast: whether networks are given x0: the process then goes from each x0 to the law of x1 given x0, and
            samples are forecasts from the rows of the source (arXiv 2403.13724).

    Raises:
        DataError: an end that is no finite data set, ends of unequal size, or data sets that were split differently.
    """

    from_ends = True

    def __init__(self, forecast: bool = False) -> None:
        self.anchored = forecast

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Rows drawn with the same index are paired as they are."""
        return x0, x1

    def draw(
        self, source: Distribution, target: Distribution, n: int, generator: torch.Generator | None = None
    ) -> Pairs:
        """n pairs of rows with the target's conditions."""
        size = _size(source, target)
        index = target.index(n, generator) if isinstance(target, Ordered) else indices(n, size, generator)
        x1, condition = target.rows(index)
        return Pairs(source.rows(index)[0], x1, condition)


def _size(source: Distribution, target: Distribution) -> int:
    """The number of pairs."""
    for end, law in (("source", source), ("target", target)):
        if law.size is None:
            got = f"{type(law).__name__}, which has no rows"
            raise DataError(
                f"the {end} must be a finite data set", where=_WHERE, got=got, fix="use array for both ends"
            )
    if source.size != target.size or source.size is None:
        got = f"{source.size} rows in the source, {target.size} in the target"
        raise DataError("source and target must have the same number of rows", where=_WHERE, got=got)
    if isinstance(source, Rows) and isinstance(target, Rows) and source.row_key != target.row_key:
        raise DataError(
            "source and target draw different rows of their files",
            where=_WHERE,
            fix="give both the same held_out and split_seed, and files whose missing values are in the same rows",
        )
    return source.size
