"""The two ends of a density estimate: where points lie, and where their paths end in a known density."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor

from si_core import Distribution, NumericsError, StochasticInterpolant, UsageError

__all__ = ["DIRECTIONS", "UNITS", "Direction", "Unit", "density_ends", "in_unit", "refuse_non_finite"]

Direction = Literal["target", "source"]
Unit = Literal["nats", "bits/dim"]
DIRECTIONS, UNITS = ("target", "source"), ("nats", "bits/dim")


def density_ends(process: StochasticInterpolant, direction: str, where: str) -> tuple[Distribution, Distribution]:
    """``(base, end)``: the distribution with the known density, and that of the points.

    Raises:
        UsageError: the base has no density.
    """
    base, end = (process.source, process.target) if direction == "target" else (process.target, process.source)
    if not base.has_density:
        other = "source" if direction == "target" else "target"
        raise UsageError(
            f"the {other} has no density, so the points of the {direction} have none",
            where=where,
            got=type(base).__name__,
            fix=f"a {other} with a density, such as `gaussian`, or direction: {other}",
        )
    return base, end


def in_unit(values: Tensor, end: Distribution, unit: str) -> Tensor:
    """Log-densities of model space in nats as those of data units, in the unit asked for; same shape."""
    values = values - end.log_volume
    return values / (math.prod(end.shape) * math.log(2)) if unit == "bits/dim" else values


def refuse_non_finite(finite: Tensor, problem: str, where: str, first: int = 0) -> None:
    """Raise NumericsError with the first row that is not finite; ``finite`` has shape (B,), and ``first`` is its row."""
    if not bool(finite.all()):
        row = first + int((~finite).nonzero()[0])
        raise NumericsError(
            problem,
            where=where,
            got=f"{int((~finite).sum())} of {len(finite)} points, the first in row {row}",
            fix="more steps, float64 points, or a span such as start=1e-3",
        )
