"""Importance sampling of times: more draws where gradients are large, with weights that keep the expected loss.

With a density q on the clock, losses weighted by ``1/q(u)`` have the expectation that uniform times give. The second
moment of the gradient is then ``int E|g_u|^2 / q(u) du``, least for ``q ~ sqrt(E|g_u|^2)`` (Nichol and Dhariwal, arXiv
2102.09672, section 3.3, who take the loss for g; losses here may be negative).
:mod:`si_core.training.gradient_sizes` says
how large the gradients are. q is constant on each of K equal bins,

    q_k = (1 - s) r_k / mean(r) + s,        r_k^2 = the running mean of |g|^2 over the draws of bin k,

so weights are at most 1/s. Running means forget after about 1000 draws a bin.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_core.errors import NumericsError

__all__ = ["ImportanceDensity", "draw_from"]

_MEMORY = 1000
"""Draws a bin after which the running means have forgotten most."""


class ImportanceDensity:
    """A density of times that follows the gradients met; its numbers are float64 on the CPU.

    Args:
        bins: K, the number of equal parts of the clock.
        uniform: the fraction s of the uniform density.
    """

    def __init__(self, bins: int, uniform: float) -> None:
        self.uniform = uniform
        self._squares, self._counts = (torch.zeros(bins, dtype=torch.float64) for _ in range(2))

    def density(self) -> Tensor:
        """q on the bins, shape (K,), with mean 1; uniform until every bin was drawn from."""
        if not bool((self._counts > 0).all()):
            return torch.ones_like(self._counts)
        size = (self._squares / self._counts).sqrt()
        mean = size.mean()
        return torch.lerp(size / mean, torch.ones_like(size), self.uniform) if mean > 0 else torch.ones_like(size)

    def add(self, bins: Tensor, squares: Tensor) -> None:
        """Take in the squared gradients of a step.

        Args:
            bins: the bin of each draw, shape (B,), int64 on the CPU.
            squares: ``|g|^2`` of each draw, shape (B,).

        Raises:
            NumericsError: a square is not finite; nothing is taken in.
        """
        k, squares = len(self._counts), squares.cpu().double()
        sums = torch.bincount(bins, squares, k)
        if not bool(torch.isfinite(sums).all()):
            raise NumericsError(
                "the gradient of a draw is not finite",
                where="train.times",
                fix="a smaller learning rate (train.optimizer.lr), or train.times: uniform",
            )
        kept = math.exp(-len(bins) / (_MEMORY * k))
        self._squares.mul_(kept).add_(sums)
        self._counts.mul_(kept).add_(torch.bincount(bins, minlength=k))

    def state(self) -> dict[str, Tensor]:
        """What the density depends on, each (K,)."""
        return {"squares": self._squares.clone(), "counts": self._counts.clone()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a state of as many bins."""
        self._squares, self._counts = state["squares"].clone(), state["counts"].clone()


def draw_from(density: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Times of a density that is constant on K equal bins: ``u = F^-1(v)``, linear within a bin.

    Args:
        density: q on the bins, shape (K,), with mean 1.
        places: v, uniform on [0, 1), any shape, float64.

    Returns:
        The times and their bins, both of the shape of ``places``.
    """
    probability = density / len(density)
    ends = probability.cumsum(0)
    bins = torch.searchsorted(ends / ends[-1], places, right=True).clamp_(max=len(density) - 1)
    begin = (ends - probability)[bins]
    inside = ((places - begin) / probability[bins]).clamp_(0, 1)
    # Below 1, as uniform times are.
    return ((bins + inside) / len(density)).clamp_(max=1 - 2**-53), bins
