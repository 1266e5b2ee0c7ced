"""Couplings that pair a batch by transport between its own points.

Both ends of a batch are draws of their laws, so the plan between them is one of two empirical laws and differs from the
plan of the laws themselves: the **minibatch bias**. Pairs of one batch keep both marginals over many batches, but are
farther apart, and less correlated, than those of the laws; the difference vanishes as batches grow, slowly in many
dimensions. A pool, larger than the batch, makes it smaller without making the batch larger.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from si_core import Condition, Coupling, Distribution, Pairs, UsageError
from si_distributions.options import whole
from si_distributions.randomness import device_of
from si_schrodinger.condition_costs import condition_distances, named_weights
from si_schrodinger.costs import refuse_points

__all__ = ["Match", "WithinBatch"]


class Match(NamedTuple):
    """Who is paired with the rows of x1.

    Args:
        rows: of x0, (B,) int64 on their device.
        mass: of each x1 in the plan, (B,), up to a factor; None where all have the same.
    """

    rows: Tensor
    mass: Tensor | None = None


class WithinBatch(Coupling):
    """Each x1 of a batch, in its place, with an x0 that :meth:`matched` chooses from the same batch.

    Transport of x alone would give each condition y the part of the source that is nearest to its x1: p(x0 | y) would
    not be p(x0), and a model that is told y, and starts from all of the source, would be asked about states that it
    never saw with that y. So the source draws are dealt out at random first, each with the conditions of a row of the
    target, and only states whose conditions agree are paired: in their labels exactly, where ``within_classes`` is set,
    and by a cost where conditions have a weight (:mod:`si_schrodinger.condition_costs`).

    For weights that grow without bound at a fixed batch, x0 keeps the conditions that it was dealt, p(x0 | y) is p(x0):
    for labels these are pairs within classes, for values that are all different the pairs as dealt, which are
    independent. For weight 0 it is transport of x alone. Between them p(x0 | y) is the law of x0 that was dealt nearby
    values, which is p(x0) in the limit of large batches first and large weights then: conditional optimal transport.
    A source that has conditions of these names is meant to keep its own: nothing is dealt, and p(x0 | y) tends to that
    of the source.

    Args:
        pool: draw at least this many points of each end, pair them, and keep as many pairs as are asked for.
        within_classes: whether pairs of labelled targets are made within each class.
        condition_weight: of conditions that differ in the cost of a pair, for all or by name; None for 0.
        where: how errors name the coupling.
    """

    from_ends = True  # of a larger pool than the batch, an order has parts that overlap

    def __init__(
        self,
        pool: int | None,
        within_classes: bool,
        where: str,
        condition_weight: float | Mapping[str, float] | None = None,
    ) -> None:
        self._pool = 1 if pool is None else whole(pool, "pool", where, 1)
        self._within_classes, self._where = within_classes, where
        self._weight = None if condition_weight is None else _checked(condition_weight, where)

    @abstractmethod
    def matched(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None, beside: Tensor | None = None) -> Match:
        """For each row of x1 its row of x0.

        Args:
            x0: shape (B, *event).
            x1: shape (B, *event).
            generator: the source of randomness.
            beside: what is added to the cost, (x1, x0), float64; None for nothing.
        """

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """The batch paired, whatever its conditions; x1 stays as it is.

        Raises:
            UsageError: batches of unequal size or event shape, or a plan whose pairs have weights.
            NumericsError: points that are not finite, or a plan that could not be found.
        """
        match = self._match(x0, x1, generator)
        if match.mass is not None:
            fix = "draw(source, target, n), whose pairs have weights"
            raise UsageError("these pairs have weights", where=self._where, got="pair(x0, x1)", fix=fix)
        return x0[match.rows], x1

    def _match(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None, beside: Tensor | None = None) -> Match:
        if len(x0) != len(x1):
            got = f"{len(x0)} rows of x0, {len(x1)} of x1"
            raise UsageError("batches of unequal size", where=self._where, got=got, fix="draw as many of each")
        if x0.shape != x1.shape:
            got = f"{tuple(x0.shape)} and {tuple(x1.shape)}"
            raise UsageError("batches of different event shapes", where=self._where, got=got)
        refuse_points(x0, "x0")
        refuse_points(x1, "x1")
        return self.matched(x0, x1, generator, beside)

    def draw(
        self, source: Distribution, target: Distribution, n: int, generator: torch.Generator | None = None
    ) -> Pairs:
        """n pairs of a pool of at least n, each (n, *shape), with the target's conditions.

        Raises:
            UsageError, NumericsError: as :meth:`pair`; weights of conditions that the target has not.
        """
        count = max(n, self._pool)
        weights = self._weights(target)
        # The source's own conditions of these names, if it has them all.
        has_own = bool(weights) and all(source.conditions.get(name) == target.conditions[name] for name in weights)
        x0, own = source.draw(count, generator) if has_own else (source.sample(count, generator), None)
        x1, condition = target.draw(count, generator)
        classes = _classes(target, condition) if self._within_classes else None
        if classes is not None or (weights and not has_own):
            order = torch.randperm(count, generator=generator, device=device_of(generator))
            x0 = x0[order.to(x0.device)]
            own = own and {name: values[order.to(values.device)] for name, values in own.items()}
        paired, mass, begin = torch.empty_like(x0), x0.new_ones(count, dtype=torch.float64), 0
        for rows in _groups(classes, count, x1.device):
            dealt = slice(begin, begin + len(rows))
            beside = None
            if weights and condition is not None:
                of_x1 = {name: condition[name][rows] for name in weights}
                of_x0 = {name: own[name][dealt] for name in weights} if own else of_x1
                beside = condition_distances(of_x1, of_x0, target.conditions, weights)
            match = self._match(x0[dealt], x1[rows], generator, beside)
            paired[rows] = x0[dealt][match.rows]
            if match.mass is not None:  # of mean 1 in each group, so that classes are as frequent as they were
                mass[rows] = match.mass / match.mass.mean()
            begin += len(rows)
        conditions = condition and {name: values[:n] for name, values in condition.items()}
        weight = mass[:n].to(x1) if self.weighted else None
        return Pairs(paired[:n], x1[:n], conditions, weight)

    @property
    def weighted(self) -> bool:
        """Whether pairs have weights."""
        return False

    def _weights(self, target: Distribution) -> dict[str, float]:
        if self._weight is None:
            return {}
        labels = {name for name, spec in target.conditions.items() if spec.classes is not None}
        apart = frozenset(labels if self._within_classes else ())
        return named_weights(self._weight, target.conditions, apart, self._where)


def _checked(weight: float | Mapping[str, float], where: str) -> float | dict[str, float]:
    each = weight.values() if isinstance(weight, Mapping) else [weight]
    for value in each:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            got = repr(value)
            raise UsageError("a weight is positive", where=f"{where}: condition_weight", got=got, allowed="numbers > 0")
    return dict(weight) if isinstance(weight, Mapping) else float(weight)


def _groups(classes: Tensor | None, count: int, device: torch.device) -> list[Tensor]:
    """The rows of each class; all of them where there are none."""
    if classes is None:
        return [torch.arange(count, device=device)]
    return [(classes == label).all(1).nonzero()[:, 0] for label in classes.unique(dim=0)]


def _classes(target: Distribution, condition: Condition | None) -> Tensor | None:
    """The labels of each draw, (n, labels); None without."""
    names = [name for name, spec in target.conditions.items() if spec.classes is not None]
    return torch.stack([condition[name] for name in names], 1) if condition and names else None
