"""How an integrand grows towards the end of a panel, and a rule for one that grows without bound.

Over the distance v from the end, in units of the panel, an integrand is taken for ``A + B v^-p`` near the end. The
differences at three nodes tell p, whatever A:

    ``(f_1 - f_2)/(f_2 - f_3) = (v_1^-p - v_2^-p)/(v_2^-p - v_3^-p)``

An integrand that is bounded has p <= 0, as steep as it may be elsewhere: -1 for a straight line.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["END_NODES", "factors_for_power", "power_of_growth"]

END_NODES = 8
"""Nodes of Gauss-Legendre quadrature on the panel."""

_FLAT = 1e-3
"""Of the value: growth between the nearest nodes that is not told from none."""
# So that p = 0, where the ratio is 0/0, is never tried.
_LEAST, _MOST, _HALVINGS = -1.03, 3.1, 50


def _nodes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights on (0, 1)."""
    x, weights = np.polynomial.legendre.leggauss(END_NODES)
    return (x + 1) / 2, weights / 2


def power_of_growth(values: Sequence[float]) -> float:
    """p, at least 0 and at most 3, of values at the nodes of the panel, the nearest to the end first."""
    (first, second, third), v = values[:3], _nodes()[0][:3]
    if not first - second > _FLAT * abs(first):
        return 0.0
    if not second > third:
        return 3.0
    low, high, ratio = _LEAST, _MOST, (first - second) / (second - third)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        a, b, c = v**-middle
        low, high = (middle, high) if (a - b) / (b - c) < ratio else (low, middle)
    return float(min(max(low, 0.0), 3.0))


def factors_for_power(power: float) -> Tensor:
    """What the weights of the panel are multiplied by for ``q(v) + v^-p r(v)``, p < 1, shape (8,).

    The rule is exact for polynomials q and r of degree below 4, by the moments

        ``int_0^1 v^s P_k(2v - 1) dv = s (s-1) ... (s-k+1) / ((s+1) ... (s+k+1))``,    s = 0, -p
    """
    v, gauss = _nodes()
    half = END_NODES // 2
    legendre = np.polynomial.legendre.legvander(2 * v - 1, half - 1).T
    moments = np.concatenate([_moments(0.0, half), _moments(-power, half)])
    weights = np.linalg.solve(np.concatenate([legendre, legendre * v**-power]), moments)
    return torch.from_numpy(weights / gauss)


def _moments(s: float, count: int) -> NDArray[np.float64]:
    found = [1 / (s + 1)]
    for k in range(count - 1):
        found.append(found[-1] * (s - k) / (s + k + 2))
    return np.array(found)
