"""Parameters and observations in arrays as the target of a conditional model: theta given x."""

from __future__ import annotations

import hashlib
import itertools
import math
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core import Bounds, Condition, DataError
from si_distributions.datasets.tabular import Tabular
from si_distributions.files.contents import Contents
from si_distributions.options import Precision

__all__ = ["OBSERVATION", "ArraySimulations", "orders"]

OBSERVATION = "observation"
"""The name of the condition."""

_ORDERS = 720


class ArraySimulations(Tabular):
    """Pairs of parameters and observations.

    Draws and rows are pairs of the training set. The parameters are the events, standardised column by column, those
    with bounds by the numbers without bounds that stand for them; the observation is the condition ``observation``, in
    its own units, with the mean and scale of the training rows, which networks take off.

    Args:
        parameters: shape (N, d), or (N,) for one.
        observations: of each, shape (N, *observation_shape).
        names: of the parameters.
        bounds: of the prior's parameters.
        exchangeable: into how many points an observation falls, in equal parts one after the other, that are as good in
            any order: the rows are then each pair with its points in every order (of 720 orders, where there are more),
            so that networks learn that it says nothing. 0 for none.
        standardise: whether each parameter gets mean 0 and variance 1.
        held_out: the fraction of the pairs kept from training, for estimators.
        split_seed: which pairs are held out.
        dtype: of the draws.
        where: for errors.

    Raises:
        DataError: arrays of unequal length, numbers that are not finite, parameters outside their bounds, observations
            that don't fall into so many points.
    """

    def __init__(
        self,
        parameters: NDArray[np.generic],
        observations: NDArray[np.generic],
        names: tuple[str, ...] | None = None,
        bounds: Bounds | None = None,
        exchangeable: int = 0,
        standardise: bool = True,
        held_out: float = 0.05,
        split_seed: int = 0,
        dtype: Precision = "float32",
        where: str = "simulations",
    ) -> None:
        theta, x = np.asarray(parameters, dtype=np.float64), np.asarray(observations, dtype=np.float64)
        theta = theta[:, None] if theta.ndim == 1 else theta
        if theta.ndim != 2 or x.ndim == 0 or len(theta) != len(x):
            got = f"parameters {np.shape(parameters)}, observations {np.shape(observations)}"
            raise DataError(
                "an observation for each of the parameters is due", where=where, got=got, allowed="(N, d), (N, ...)"
            )
        self.exchangeable = exchangeable
        if exchangeable and x[0].size % exchangeable:
            raise DataError(
                "observations do not fall into equal points",
                where=f"{where}: exchangeable",
                got=f"{exchangeable} points of {x[0].size} numbers",
                allowed=f"a divisor of {x[0].size}, or 0 for none",
            )
        contents = Contents(theta, names=names, conditions={OBSERVATION: x})
        super().__init__(contents, standardise, held_out, split_seed, "refuse", dtype, where, bounds=bounds)

        self._orders = orders(exchangeable)
        self.size = len(self._orders) * (self.size or 0)

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Condition | None]:
        """n training pairs with replacement, each in any order of its points."""
        return self.rows(self.index(n, generator))

    def rows(self, index: Tensor) -> tuple[Tensor, Condition | None]:
        """Pairs by index (n,): of each pair its K orders, one after the other."""
        orders = self._orders.to(index.device)
        theta, condition = super().rows(index // len(orders))
        if len(orders) == 1 or condition is None:
            return theta, condition
        x = condition[OBSERVATION]
        points = x.reshape(len(x), self.exchangeable, -1)
        chosen = orders[index % len(orders)]
        shuffled = points.gather(1, chosen[:, :, None].expand_as(points))
        return theta, {**condition, OBSERVATION: shuffled.reshape(x.shape)}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that can be drawn."""
        own = super().fingerprint
        return hashlib.sha256(f"{own} {self.exchangeable}".encode()).hexdigest() if self.exchangeable else own


def orders(points: int) -> Tensor:
    """Orders of points, shape (K, points): all of them, or 720 drawn at random where there are more."""
    if points < 2:
        return torch.zeros(1, max(points, 1), dtype=torch.int64)
    if math.factorial(points) <= _ORDERS:
        return torch.tensor(list(itertools.permutations(range(points))))
    generator = torch.Generator().manual_seed(0)
    return torch.stack([torch.randperm(points, generator=generator) for _ in range(_ORDERS)])
