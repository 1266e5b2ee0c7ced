"""The law that a model's paths set out from, whose density the density of its samples is carried from.

Sampling from an end draws from the distribution there; from a time s between the ends it draws ``x_s`` from the
process, whose density ``rho(s)`` is known in closed form for some. Where the law is not known, the distribution at the
nearest end stands in for it, and what is told is approximate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from si_core import Distribution, Model, UsageError, exact_fields

__all__ = ["StartLaw", "start_law"]


@dataclass(frozen=True)
class StartLaw:
    """Where paths set out from.

    Args:
        log_prob: the log-density in model space, (B, *event) -> (B,), in nats; minus infinity off its support.
        end: the distribution at the nearest end.
        stand_in: why the density is not that of the states that sampling draws; None where it is.
    """

    log_prob: Callable[[Tensor], Tensor]
    end: Distribution
    stand_in: str | None = None


def start_law(model: Model, direction: str, where: str) -> StartLaw:
    """The law that paths to an end set out from: those of sampling, or of its mirror image for the other end.

    Args:
        model: the model.
        direction: the end that they reach, ``target`` or ``source``.
        where: the place that an error names.

    Raises:
        UsageError: the distribution at the other end has no density.
    """
    process, forward = model.process, direction == "target"
    end = process.source if forward else process.target
    if not end.has_density:
        other = "source" if forward else "target"
        raise UsageError(
            f"the {other} has no density, so the points of the {direction} have none",
            where=where,
            got=type(end).__name__,
            fix=f"a {other} with a density, such as `gaussian`, or direction: {other}",
        )
    early, late = sorted((model.start, model.stop))
    time, at_end = (early, 0.0) if forward else (late, 1.0)
    if time != at_end:
        # With conditions, states between the ends are drawn with those of the data, given which no closed form is.
        known = not process.conditions and exact_fields.known(process)
        density = getattr(exact_fields(process), "log_density", None) if known else None
        if density is not None:
            # Closed forms keep their moments where they were made.
            return StartLaw(lambda x: density(time, x.cpu()).to(x), end)
        why = f"paths set out from the process at t = {time:g}, the density at t = {at_end:g} stands in"
    elif forward and (process.coupling.anchored or process.of_coupling):
        why = "paths set out from x0 given the condition, the density of the whole source stands in"
    elif not forward and process.conditions:
        why = "paths set out from x1 given the condition, the density of the whole target stands in"
    else:
        return StartLaw(end.log_prob, end)
    return StartLaw(end.log_prob, end, why)
