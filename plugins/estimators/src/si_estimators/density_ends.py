"""The two ends of a density estimate: where points lie, and where their paths end in a known density."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor

from si_core import Distribution, Model, NumericsError, StochasticInterpolant, UsageError

__all__ = [
    "DIRECTIONS",
    "UNITS",
    "Bound",
    "Direction",
    "Unit",
    "bound_of_span",
    "density_ends",
    "in_unit",
    "refuse_non_finite",
    "unit_of_nats",
]

Direction = Literal["target", "source"]
Bound = Literal["exact", "unbiased", "consistent", "lower", "upper", "approximate"]
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


def bound_of_span(
    model: Model, direction: str, bound: Bound, epsilon: float | None = None
) -> tuple[Bound, dict[str, str]]:
    """The bound of a density that is exact, or bounded, for a model that samples over all times, and what to add to it.

    What is told is the density of the law in which the model's paths arrive at the end of the points, however early.
    Where they set out from the process at another time than its end, the density of that end only stands in for that of
    the process, and where a denoising step follows, samples have another law than paths: the number is then
    ``approximate``, and the details say why. So it is for guided fields at another noise level than that of sampling:
    they have a law for each, where the fields of a process have one for all.

    Args:
        model: the model.
        direction: the end of the points.
        bound: of the density at this noise level.
        epsilon: of the density: 0 for the ODE's, None for the model's own.
    """
    early, late = sorted((model.start, model.stop))
    base, end = ((early, 0.0), (late, 1.0)) if direction == "target" else ((late, 1.0), (early, 0.0))
    if base[0] != base[1]:
        why = f"paths set out from the process at t = {base[0]:g}, the density at t = {base[1]:g} stands in"
    elif model.denoise and end[0] != end[1]:
        why = f"the density is that of paths at t = {end[0]:g}, before the denoising step that samples get"
    elif model.guidance and epsilon is not None and model.epsilon != epsilon:
        why = f"guided fields have another law at the noise level {epsilon:g} than at that of sampling"
    else:
        return bound, {}
    return "approximate", {"approximate": why}


def in_unit(values: Tensor, end: Distribution, unit: str) -> Tensor:
    """Log-densities of model space in nats as those of data units, in the unit asked for; same shape."""
    return (values - end.frame.log_volume) * unit_of_nats(end, unit)


def unit_of_nats(end: Distribution, unit: str) -> float:
    """One nat of an event in the unit asked for: ``1/(d log 2)`` bits for each of d dimensions."""
    return 1 / (math.prod(end.shape) * math.log(2)) if unit == "bits/dim" else 1.0


def refuse_non_finite(finite: Tensor, problem: str, where: str, first: int = 0) -> None:
    """Raise NumericsError with the first row that is not finite.

    Args:
        finite: which points are, shape (B,).
        problem: what is wrong, in words.
        where: the place that the error names.
        first: the row of the first of these points.
    """
    if not bool(finite.all()):
        row = first + int((~finite).nonzero()[0])
        raise NumericsError(
            problem,
            where=where,
            got=f"{int((~finite).sum())} of {len(finite)} points, the first in row {row}",
            fix="more steps, float64 points, or a span such as start=1e-3",
        )
