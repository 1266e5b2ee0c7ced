"""A guidance: every sample is drawn towards a point on its way.

``b'(t, x) = b(t, x) + strength (point - x)``
"""

from __future__ import annotations

from torch import Tensor

from si_core import Fields, Guidance, Schedule, SteeredFields

__all__ = ["Nudge"]


class Nudge(Guidance):
    """``b + strength (point - x)``, with the score as it is.

    Args:
        strength: of the nudge, per unit of time.
        point: the value of each coordinate of the point, in the units that the model sees.
    """

    def __init__(self, strength: float = 1.0, point: float = 0.0) -> None:
        self.strength, self.point = strength, point

    def guided(self, fields: Fields) -> Fields:
        """The nudged fields."""
        return _Nudged(fields, self)


class _Nudged(SteeredFields):
    def __init__(self, fields: Fields, nudge: Nudge) -> None:
        super().__init__(fields)
        self.nudge = nudge

    def added(self, name: str, s: Schedule, x: Tensor) -> Tensor | None:
        return self.nudge.strength * (self.nudge.point - x) if name == "velocity" else None
