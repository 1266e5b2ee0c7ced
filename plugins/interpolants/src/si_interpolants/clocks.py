"""Clocks to choose by name: the maps that processes use by themselves (:mod:`si_core.contract.clock`)."""

from si_core import SineClock, UniformClock

__all__ = ["SineClock", "UniformClock"]
