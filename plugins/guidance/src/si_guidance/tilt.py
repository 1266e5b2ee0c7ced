"""Guidance that multiplies the law by ``e^r``, and what its kinds have in common."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from si_core import Fields, Guidance, TiltedFields
from si_guidance.options import checked_fraction, finite

__all__ = ["TiltGuidance"]


class TiltGuidance(Guidance):
    """A log-tilt ``r(t, x)``, and how samples follow it (:class:`si_core.TiltedFields`).

    Args:
        where: who asks, for errors.
        weights: whether samples are weighted to have exactly the law.
        steer: how much the velocity follows the tilt; None to leave it to the process.
        resample_below: with weights: the fraction of effective samples below which they are resampled.

    Raises:
        UsageError: numbers out of range.
    """

    def __init__(self, where: str, weights: bool, steer: float | None, resample_below: float) -> None:
        self.weights = weights
        self.steer = None if steer is None else finite(steer, "steer", where)
        self.resample_below = checked_fraction(resample_below, "resample_below", where)

    @abstractmethod
    def tilt(self, fields: Fields, t: Tensor, x: Tensor) -> Tensor:
        """``r(t, x)``, shape (B,), at times () or (B,) of states (B, *event), by the fields that are tilted."""

    def guided(self, fields: Fields) -> Fields:
        """The tilted fields."""
        return TiltedFields(fields, self.tilt, self.weights, self.steer, self.resample_below)
