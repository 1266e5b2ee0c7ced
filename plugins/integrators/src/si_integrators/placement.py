"""Where the steps of a span stand: ``steps + 1`` times from start to stop, both exact, in either direction.

A one-step method keeps its order on every such grid whose longest step goes to 0 like ``1/steps``; the constant of the
error is what a grid changes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["LONGEST", "bounded", "by_density", "ends", "uniform"]

LONGEST = 4.0
"""The longest step of a grid by density, in uniform steps."""


def uniform(start: float, stop: float, steps: int) -> list[float]:
    """Equal steps."""
    return [start + (stop - start) * (k / steps) for k in range(steps)] + [stop]


def ends(start: float, stop: float, steps: int) -> list[float]:
    """Equal steps of v in ``w = sin^2(pi v/2)``, the fraction of the span done: the Chebyshev-Lobatto points.

    Steps are ``pi/2`` uniform steps long in the middle and fall to ``pi^2/(4 steps)`` uniform steps at both ends.
    """
    done = [math.sin(math.pi / 2 * (k / steps)) ** 2 for k in range(steps // 2 + 1)]
    # From the nearer end, where a difference of near numbers would lose digits.
    early = [start + (stop - start) * fraction for fraction in done]
    late = [stop - (stop - start) * fraction for fraction in done[: steps - steps // 2]]
    return early + late[::-1]


def bounded(density: Tensor) -> Tensor | None:
    """A density of mean 1 on equal cells that is nowhere below ``1/LONGEST``, so that no step is longer.

    Args:
        density: at least 0, shape (M,); smoothed here over neighbouring cells.

    Returns:
        shape (M,), float64; None where the density says nothing.
    """
    m = density.double().cpu()
    for _ in range(2):
        m = torch.cat([m[:1], m, m[-1:]])
        m = (m[:-2] + 2 * m[1:-1] + m[2:]) / 4
    mean = m.mean()
    if not (0 < mean < math.inf):
        return None
    return torch.lerp(m / mean, torch.ones_like(m), 1 / LONGEST)


def by_density(density: Tensor, start: float, stop: float, steps: int) -> list[float]:
    """Steps that hold equal parts of a density, but for a fraction of the uniform one that bounds them by ``LONGEST``.

    Args:
        density: at least 0, on equal cells of the span, shape (M,); smoothed here over neighbouring cells.
        start: the first time.
        stop: the last time.
        steps: their number.
    """
    m = bounded(density)
    if m is None:
        return uniform(start, stop, steps)
    total = torch.cat([m.new_zeros(1), m.cumsum(0)])
    wanted = torch.arange(1, steps, dtype=torch.float64) * (total[-1] / steps)
    cell = torch.searchsorted(total, wanted, right=True).sub_(1).clamp_(0, len(m) - 1)
    done = (cell + (wanted - total[cell]) / m[cell]) / len(m)
    return [start, *(start + (stop - start) * fraction for fraction in done.tolist()), stop]
