"""The scale of losses in half precision, whose numbers end at 65504 and are 0 below 6e-8.

Gradients of small losses would round to 0 there, so losses are multiplied by a scale before the backward pass and
gradients divided by it after (Micikevicius et al., arXiv 1710.03740, section 3.2). Where a gradient overflows the scale
is halved and the step left out; after 2000 steps in a row without one it is doubled. At a scale of 1 an overflow is no
fault of the scale, and the step is one that is not finite like any other.
"""

from __future__ import annotations

import logging
import math
from typing import Any

__all__ = ["LossScale"]

_log = logging.getLogger(__name__)
_FIRST, _LARGEST, _GROWS_AFTER = 2.0**16, 2.0**24, 2000
_TOLD, _ROW = 5, 3
"""Overflows that are told one by one; so many in a row are told in any case."""


class LossScale:
    """A scale that follows the gradients, and the steps that were left out for it."""

    def __init__(self) -> None:
        self.value = _FIRST
        """The scale, a power of 2."""
        self._good, self._row, self._total, self._since = 0, 0, 0, 0

    def overflowed(self, step: int) -> bool:
        """A gradient is not finite behind losses that are; whether a smaller scale may help.

        Args:
            step: the steps done before it.
        """
        if self.value <= 1:
            return False
        self.value, self._good, self._row = self.value / 2, 0, self._row + 1
        self._total, self._since = self._total + 1, self._since + 1
        if self._total <= _TOLD or self._row >= _ROW:
            _log.warning(
                "step %d is left out: its gradient overflows in half precision; losses are scaled by %g from now on "
                "(%d steps left out for it, %d in a row)",
                *(step + 1, self.value, self._total, self._row),
            )
        return True

    def held(self) -> None:
        """A step was taken."""
        self._good, self._row = self._good + 1, 0
        if self._good == _GROWS_AFTER:
            self.value, self._good = min(2 * self.value, _LARGEST), 0

    def record(self) -> dict[str, float]:
        """The scale, and the overflows since this was asked last."""
        since, self._since = self._since, 0
        return {"value": self.value, "overflows": since}

    def state(self) -> dict[str, Any]:
        """What the next steps depend on, and what records have yet to tell, as plain data."""
        counts = {"good": self._good, "row": self._row, "total": self._total, "since": self._since}
        return {"value": self.value, **counts}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        value, counts = state["value"], [state[name] for name in ("good", "row", "total", "since")]
        if type(value) is not float or not 1 <= value <= _LARGEST or math.frexp(value)[0] != 0.5:
            raise ValueError(f"a scale of losses {value!r}")
        if not all(type(count) is int and count >= 0 for count in counts) or counts[0] >= _GROWS_AFTER:
            raise ValueError(f"steps of a scale of losses: {state!r}")
        self.value = value
        self._good, self._row, self._total, self._since = counts
