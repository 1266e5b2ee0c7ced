"""A check that what a distribution tells of its size is the size of its draws."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_authoring.testing.check import Measured, NotApplicable, Violation, check
from si_authoring.testing.densities import drawn
from si_core import Distribution, Moments

__all__ = ["moments"]

_DRAWS, _NUMBERS, _ERRORS = 4000, 2**22, 5.0
_NOTHING = 1e-6
"""Rounding of draws in single precision, in units of their size."""


@check
def moments(law: Distribution) -> Measured | None:
    """``moments`` are those of the draws, to 5 standard errors, and what is narrowest is not wider than the whole."""
    told = law.moments
    if told is None:
        raise NotApplicable("it tells no moments")
    if not isinstance(told, Moments):
        raise Violation(f"moments is {told!r}, not Moments or None")
    if not law.has_samples:
        raise NotApplicable("it has no draws to hold its moments against")
    if told.narrowest is not None and told.narrowest > told.variance * (1 + _NOTHING):
        raise Violation(f"the least variance {told.narrowest:.6g} is larger than the mean one, {told.variance:.6g}")
    rows = drawn(law, max(64, min(_DRAWS, _NUMBERS // math.prod(law.shape))))
    deviations = (rows - rows.mean(0)).square().mean(1)
    worst = [
        _held("variance", told.variance, deviations, len(rows) / (len(rows) - 1), told.mean_size),
        _held("mean_square + variance", told.mean_size, rows.square().mean(1), 1.0, told.mean_size),
    ]
    if told.mean is not None:
        if tuple(told.mean.shape) != tuple(law.shape):
            raise Violation(f"the mean has shape {tuple(told.mean.shape)}, and events have {tuple(law.shape)}")
        off = float((told.mean.double().square().mean() - told.mean_square).abs())
        if off > _NOTHING * told.mean_size:
            raise Violation("mean and mean_square disagree")
        if told.narrowest != told.variance:
            raise Violation("a law with a mean is N(m, C I): narrowest is its variance")
    return max(worst, key=lambda measured: measured.deviation / max(measured.allowed, 1e-300))


def _held(name: str, told: float, found: Tensor, factor: float, size: float) -> Measured:
    """One moment, held to the mean of its values at draws."""
    mean = factor * float(found.mean())
    error = _ERRORS * float(found.std()) / math.sqrt(len(found)) + _NOTHING * (size + torch.finfo(torch.float64).tiny)
    measured = Measured(abs(told - mean), error, f"{name} {mean:.6g} at draws")
    if not measured.deviation <= measured.allowed:
        raise Violation(f"{name} is {told:.6g}, and that of draws is {mean:.6g}", measured)
    return measured
