"""Power-function averages of weights, and one of any length from those of others after training.

Of weights w(tau) after tau = 1 ... t steps the average of exponent g is, with a profile that grows as a power of time,

    ``w_g(t) = int p_{g,t}(tau) w(tau) dtau``,    ``p_{g,t}(tau) = (g + 1) tau^g / t^(g + 1)`` on [0, t],

which a running average follows by ``w_g(t) = b w_g(t - 1) + (1 - b) w(t)``, ``b = (1 - 1/t)^(g + 1)``, exactly: each
step has the integral of the profile over its unit of time. Its relative length is the standard deviation of the profile
over t, ``sigma^2 = (g + 1) / ((g + 2)^2 (g + 3))`` (Karras et al., arXiv 2312.02696, section 3.1 and appendix C).

Averages are linear in their profiles, so a profile that is nearly a combination of some gives the average that is the
same combination of theirs: that of least squares, ``int (p - sum_i c_i p_i)^2 dtau``, solves ``A c = b`` with

    ``A_ij = int p_i p_j = (g_i + 1)(g_j + 1) / (g_i + g_j + 1)  (m/t_i)^g_i (m/t_j)^g_j  m / (t_i t_j)``,

``m = min(t_i, t_j)``, and b likewise of the p_i with p (there, section 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["LONGEST", "SHORTEST", "combination", "exponent"]

SHORTEST, LONGEST = 1e-3, 0.28
"""Relative lengths; that of the plain mean, of exponent 0, is ``1/sqrt(12) = 0.289``."""

_RANK = 1e-12
"""Relative to the largest, singular values below this say nothing in double precision."""


def exponent(length: float) -> float:
    """g of a relative length: the one real root above -1 of ``(g + 2)^2 (g + 3) = (g + 1) / length^2``."""
    square = length**-2
    roots = np.roots([1.0, 7.0, 16.0 - square, 12.0 - square])
    return float(max(root.real for root in roots if abs(root.imag) <= 1e-6 * abs(root)))


def combination(averages: Sequence[tuple[float, float]], length: float, steps: float) -> tuple[list[float], float]:
    """The weights c by which averages add up to one of another length, and what is missing.

    Args:
        averages: the relative length of each, and the steps after which it was taken.
        length: the relative length that is wanted.
        steps: the steps after which it is wanted.

    Returns:
        The weights, and ``|p - sum_i c_i p_i| / |p|`` in the norm of least squares.
    """
    g = np.array([exponent(own) for own, _ in averages])
    t = np.array([at for _, at in averages], dtype=np.float64)
    wanted, last = np.array([exponent(length)]), np.array([float(steps)])
    products = _products(g[:, None], t[:, None], g, t)
    size = np.sqrt(np.diag(products))
    # Scaled to unit length, so that what is nearly dependent is seen as such.
    unit = products / size[:, None] / size
    across = _products(g, t, wanted, last) / size
    c = np.linalg.lstsq(unit, across, rcond=_RANK)[0]
    whole = float(_products(wanted, last, wanted, last)[0])
    missing = max(whole - 2 * float(c @ across) + float(c @ unit @ c), 0.0)
    return [float(value) for value in c / size], (missing / whole) ** 0.5


def _products(
    g: NDArray[np.float64], t: NDArray[np.float64], h: NDArray[np.float64], s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``int p_{g,t} p_{h,s} dtau``, elementwise."""
    m = np.minimum(t, s)
    result: NDArray[np.float64] = (g + 1) * (h + 1) / (g + h + 1) * (m / t) ** g * (m / s) ** h * m / (t * s)
    return result
