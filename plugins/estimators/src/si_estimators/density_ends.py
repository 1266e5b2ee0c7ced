"""The two ends of a density estimate: where points lie, and where their paths end in a known density."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from si_core import Distribution, Model, NumericsError, StochasticInterpolant
from si_core.public.process import Bound
from si_estimators.start_law import StartLaw

__all__ = [
    "DIRECTIONS",
    "UNITS",
    "Bound",
    "Direction",
    "Unit",
    "bound_of_span",
    "in_unit",
    "measured_end",
    "refuse_non_finite",
    "unit_of_nats",
    "value_of_data_law",
]

Direction = Literal["target", "source"]
Unit = Literal["nats", "bits/dim"]
DIRECTIONS, UNITS = ("target", "source"), ("nats", "bits/dim")


def measured_end(process: StochasticInterpolant, direction: str) -> Distribution:
    """The distribution of the points that are measured on."""
    return process.target if direction == "target" else process.source


def bound_of_span(
    model: Model, direction: str, start: StartLaw, bound: Bound, epsilon: float | None = None
) -> tuple[Bound, dict[str, str]]:
    """The bound of a density that is exact, or bounded, for paths whose start has a known law, and what to add to it.

    What is told is the density of the law in which the model's paths arrive at the end of the points, however early.
    Where another density stands in for that of their start (:mod:`si_estimators.start_law`), and where a denoising
    step follows, for samples have another law than paths then, the number is ``approximate``, and the details say why.
    So it is for guided fields at another noise level than that of sampling: they have a law for each, where the fields
    of a process have one for all. Those with weights have the law that is meant only by these, which densities along
    paths do not have.

    Args:
        model: the model.
        direction: the end of the points.
        start: the law that paths to it set out from.
        bound: of the density at this noise level.
        epsilon: of the density: 0 for the ODE's, None for the model's own.
    """
    early, late = sorted((model.start, model.stop))
    reached, end = (late, 1.0) if direction == "target" else (early, 0.0)
    if start.stand_in is not None:
        why = start.stand_in
    elif model.denoise and reached != end:
        why = f"the density is that of paths at t = {reached:g}, before the denoising step that samples get"
    elif model.fields.weighted:
        why = "the density is that of paths, and samples have the law that is meant by their weights"
    elif model.guidance and epsilon is not None and model.epsilon != epsilon:
        why = f"guided fields have another law at the noise level {epsilon:g} than at that of sampling"
    else:
        return bound, {}
    return "approximate", {"approximate": why}


def value_of_data_law(model: Model, direction: str, unit: str) -> dict[str, float]:
    """``E log p(x)`` of the points under their own law: minus its entropy, the largest mean there is, where known.

    ``E_p log q <= E_p log p = -H`` for every density q. Given conditions, the entropy would be that given them; with
    bounds the volume of the units has no mean in closed form.
    """
    end = measured_end(model.process, direction)
    if end.entropy is None or model.process.conditions or end.frame.bounds is not None:
        return {}
    volume = float(end.frame.log_volume_at(torch.zeros(1, *end.shape))[0])
    return {"value_of_data_law": -(end.entropy + volume) * unit_of_nats(end, unit)}


def in_unit(values: Tensor, x: Tensor, end: Distribution, unit: str) -> Tensor:
    """Log-densities of model space in nats as those of data units, in the unit asked for.

    Args:
        values: shape (B, ...), one or several for each point; the answer has that shape.
        x: the points in model space, shape (B, *event).
        end: the distribution whose units they have.
        unit: nats or bits/dim.
    """
    volume = end.frame.log_volume_at(x).to(values).reshape(-1, *(1,) * (values.ndim - 1))
    return (values - volume) * unit_of_nats(end, unit)


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
