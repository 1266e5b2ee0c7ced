"""Couplings that pair a batch by transport between its own points.

Both ends of a batch are draws of their laws, so the plan between them is one of two empirical laws and differs from the
plan of the laws themselves: the **minibatch bias**. Pairs of one batch keep both marginals over many batches, but are
farther apart, and less correlated, than those of the laws; the difference vanishes as batches grow, slowly in many
dimensions. A pool, larger than the batch, makes it smaller without making the batch larger.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from si_core import Condition, Coupling, Distribution, Pairs, UsageError
from si_distributions.options import whole
from si_distributions.randomness import device_of
from si_schrodinger.costs import refuse_points

__all__ = ["WithinBatch"]


class WithinBatch(Coupling):
    """Each x1 of a batch, in its place, with an x0 that :meth:`partners` chooses from the same batch.

    Where the target has classes and ``within_classes`` is set, the source draws are dealt out to the classes at random
    first, and pairs are made inside of each class. Otherwise transport would give each class the part of the source
    that is nearest to it, p(x0 | class) would not be p(x0), and a model that is told the class, and starts from all of
    the source, would be asked about states that it never saw with that class.

    Args:
        pool: draw at least this many points of each end, pair them, and keep as many pairs as are asked for.
        within_classes: whether pairs of labelled targets are made within each class.
    """

    from_ends = True  # of a larger pool than the batch, an order has parts that overlap

    def __init__(self, pool: int | None, within_classes: bool, where: str) -> None:
        self._pool = 1 if pool is None else whole(pool, "pool", where, 1)
        self._within_classes, self._where = within_classes, where

    @abstractmethod
    def partners(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None) -> Tensor:
        """For each row of x1 the index of its row of x0, (B,) int64 on their device.

        Args:
            x0: shape (B, *event).
            x1: shape (B, *event).
        """

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """The batch paired, whatever its classes; x1 stays as it is.

        Raises:
            UsageError: batches of unequal size or event shape.
            NumericsError: points that are not finite, or a plan that could not be found.
        """
        if len(x0) != len(x1):
            got = f"{len(x0)} rows of x0, {len(x1)} of x1"
            raise UsageError("batches of unequal size", where=self._where, got=got, fix="draw as many of each")
        if x0.shape != x1.shape:
            got = f"{tuple(x0.shape)} and {tuple(x1.shape)}"
            raise UsageError("batches of different event shapes", where=self._where, got=got)
        refuse_points(x0, "x0")
        refuse_points(x1, "x1")
        return x0[self.partners(x0, x1, generator)], x1

    def draw(
        self, source: Distribution, target: Distribution, n: int, generator: torch.Generator | None = None
    ) -> Pairs:
        """n pairs of a pool of at least n, each (n, *shape), with the target's conditions.

        Raises:
            UsageError, NumericsError: as :meth:`pair`.
        """
        count = max(n, self._pool)
        x0 = source.sample(count, generator)
        x1, condition = target.draw(count, generator)
        classes = _classes(target, condition) if self._within_classes else None
        if classes is None:
            paired, _ = self.pair(x0, x1, generator)
        else:
            paired = torch.empty_like(x0)
            dealt = x0[torch.randperm(count, generator=generator, device=device_of(generator)).to(x0.device)]
            begin = 0
            for label in classes.unique(dim=0):
                rows = (classes == label).all(1).nonzero()[:, 0]
                of_class = dealt[begin : begin + len(rows)]
                paired[rows], _ = self.pair(of_class, x1[rows], generator)
                begin += len(rows)
        conditions = condition and {name: values[:n] for name, values in condition.items()}
        return Pairs(paired[:n], x1[:n], conditions)


def _classes(target: Distribution, condition: Condition | None) -> Tensor | None:
    """The labels of each draw, (n, labels); None without."""
    names = [name for name, spec in target.conditions.items() if spec.classes is not None]
    return torch.stack([condition[name] for name in names], 1) if condition and names else None
