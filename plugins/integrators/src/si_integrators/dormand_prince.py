"""The pair of Dormand and Prince: a method of order 5, an error of order 4, and the solution within a step, of order 4.

At the fraction s of a step of length h from x the solution is the polynomial of degree 4 in s

    ``x + h sum_j w_j(s) k_j``,   ``w = s (b + (1-s) (e_1 - b + s (2b - e_1 - e_7 + (1-s) d)))``

with b the weights of the state after the step, e_i the unit vectors, and d what the order conditions ask for: it has
the states and the drifts at both ends.

Dormand and Prince, *A family of embedded Runge-Kutta formulae*, 1980; Hairer, Norsett and Wanner, *Solving Ordinary
Differential Equations I*, 1993, section II.6.
"""

from __future__ import annotations

__all__ = ["ERROR", "NODES", "ROWS", "within"]

NODES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
"""The times of the stages, as fractions of the step."""

ROWS = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
"""The coefficients of each stage after the first; the last ones give the state after the step."""

ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
"""The coefficients of the error."""

_BEND = (
    -12715105075 / 11282082432,
    0.0,
    87487479700 / 32700410799,
    -10690763975 / 1880347072,
    701980252875 / 199316789632,
    -1453857185 / 822651844,
    69997945 / 29380423,
)


def within(fraction: float) -> list[float]:
    """The coefficients of the state at a fraction of the step, in [0, 1]."""
    s, rest, found = fraction, 1 - fraction, []
    for j, (b, d) in enumerate(zip((*ROWS[-1], 0.0), _BEND, strict=True)):
        first, last = float(j == 0), float(j == len(_BEND) - 1)
        found.append(s * (b + rest * (first - b + s * (2 * b - first - last + rest * d))))
    return found
