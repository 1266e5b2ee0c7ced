"""Step control of adaptive methods: how long the first step is, and the next one.

    PI control        ``h' = h min(10, max(1/5, 0.9 e_k^-(1/p - 3b/4) e_{k-1}^b))``,  ``b = 0.04``
    after a rejection ``h' = h max(1/5, 0.9 e_k^-1/p)``, and the step after it is not longer

with e the error estimate of a step in units of the tolerance, and p the order of the method.

Hairer, Norsett and Wanner, *Solving Ordinary Differential Equations I*, 1993, section II.4; Gustafsson, *Control
theoretic techniques for stepsize selection in explicit Runge-Kutta methods*, 1991.
"""

from __future__ import annotations

import math

__all__ = ["StepControl", "first_step", "trial_step"]

_SAFETY, _BETA = 0.9, 0.04
_SHORTEST, _LONGEST = 0.2, 10.0
_SMALL_ERROR = 1e-4
_TINY, _TRIAL, _AIM = 1e-5, 1e-2, 0.01


class StepControl:
    """The memory of PI control.

    Args:
        order: p, of the method.
    """

    def __init__(self, order: float) -> None:
        self._order = order
        self._previous = _SMALL_ERROR
        self._rejected = False

    def next(self, length: float, error: float) -> float:
        """The length of the next step, after one whose error was at most 1 (accepted) or above (rejected).

        Args:
            length: of the step just tried.
            error: in units of the tolerance; one that is no number counts as large.
        """
        if not error <= 1:
            self._rejected = True
            factor = _SAFETY * error ** (-1 / self._order) if math.isfinite(error) else 0.0
            return length * max(_SHORTEST, factor)
        longest = 1.0 if self._rejected else _LONGEST
        factor = longest
        if error > 0:
            factor = _SAFETY * error ** (0.75 * _BETA - 1 / self._order) * self._previous**_BETA
        self._previous, self._rejected = max(error, _SMALL_ERROR), False
        return length * min(longest, max(_SHORTEST, factor))


def first_step(drift: float, bend: float, trial: float, order: float) -> float:
    """The first step: the largest whose error, by the size of drift and bend, is a small part of the tolerance.

    Args:
        drift: the size of the drift, in units of the tolerance.
        bend: that of the change of the drift over a trial step, by its length.
        trial: the length of this step, of :func:`trial_step`.
        order: of the method.
    """
    largest = max(drift, bend)
    if not math.isfinite(largest):
        return trial
    if largest <= 1e-15:
        return 100 * trial
    return float(min(100 * trial, (_AIM / largest) ** (1 / order)))


def trial_step(state: float, drift: float, span: float) -> float:
    """The length of an Euler step that changes the state by a hundredth, within a hundredth of the span.

    Args:
        state: the size of the state, in units of the tolerance.
        drift: that of the drift.
        span: the length of the span.
    """
    longest = _TRIAL * span
    if not (_TINY <= state < math.inf and _TINY <= drift < math.inf):
        # The drift vanishes, as at the ends of some clocks, or says nothing.
        return longest
    return min(longest, 0.01 * state / drift)
