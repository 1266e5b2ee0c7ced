"""How far a model's fields are from those of the process, at nodes of time along its own draws.

With d the error of a field at ``(t, x_t)``, x_t a draw of the process, per unit of time:

    ``|db|^2``,  ``|ds|^2``,  ``<db, ds>``,  ``|dv|^2``

The errors are ``f_hat - f`` where the exact fields are known. Elsewhere they are the residuals ``f_hat - target`` of
the regression targets at draws kept from training. As f is the conditional expectation of its target,

    ``E|f_hat - target|^2 = E|f_hat - f|^2 + E|f - target|^2  >=  E|f_hat - f|^2``:

half of it bounds from above what the loss is above its minimum (since ``min L = -1/2 E|f|^2 >= -1/2 E|target|^2``),
and likewise for sums of fields such as a drift. The bound is loose: the scatter of the target is in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from si_core import Coupling, Draw, Fields, Model, StochasticInterpolant, UsageError, exact_fields
from si_estimators.conditions import conditioned_rows
from si_estimators.quadrature import SpanNodes

__all__ = ["REFERENCES", "FieldErrors", "Reference", "field_errors", "known_fields"]

Reference = Literal["exact", "none"]
REFERENCES = ("exact", "none")


@dataclass(frozen=True)
class FieldErrors:
    """Products of the errors at M nodes for n draws, each (M, n), float64, per unit of time.

    Args:
        nodes: the nodes of time.
        velocity: ``|db|^2``.
        score: ``|ds|^2``.
        cross: ``<db, ds>``.
        interpolant: ``|dv|^2``; None where it was not asked for.
        reference: ``exact`` for errors, ``none`` for residuals.
        draws: what the draws are, in words.
    """

    nodes: SpanNodes
    velocity: Tensor
    score: Tensor
    cross: Tensor
    interpolant: Tensor | None = None
    reference: Reference = "exact"
    draws: str = "of the process"


def known_fields(model: Model, reference: Reference | None, where: str) -> Fields | None:
    """The exact fields to compare with; None for residuals.

    Args:
        model: the model.
        reference: ``exact``, ``none``, or None for exact where they are known.
        where: the place that an error names.

    Raises:
        UsageError: they are asked for and not known, or the model is conditional, which closed forms are not.
    """
    conditional = model.process.target.classes is not None
    if reference == "none" or (reference is None and (conditional or not exact_fields.known(model.process))):
        return None
    if conditional:
        raise UsageError(
            "closed forms are those of the whole target, and this model is told its classes",
            where=where,
            got=f"{model.process.target.classes} classes",
        )
    return exact_fields(model.process)


def field_errors(
    model: Model,
    exact: Fields | None,
    x: Tensor,
    nodes: SpanNodes,
    n: int,
    generator: torch.Generator,
    batch: int,
    interpolant: bool = False,
) -> FieldErrors:
    """The errors of a model's velocity and score.

    Args:
        model: the model.
        exact: the exact fields, compared at n fresh draws of the process; None for the residuals at x.
        x: points of the target kept from training, shape (B, *event): used without exact fields, where the coupling
            can pair them.
        nodes: the nodes of time.
        n: the number of fresh draws.
        generator: the source of randomness.
        batch: how many draws are looked at at once.
        interpolant: whether the error of the interpolant velocity is wanted, too.

    Raises:
        UsageError: the model has neither learned these fields nor the means to complete them.
    """
    held_out = exact is None and _pairs_points(model.process.coupling)
    count = len(x) if held_out else n
    names = ("velocity", "score", *(("interpolant-velocity",) if interpolant else ()))
    parts: list[Tensor] = []
    with torch.no_grad():
        for first in range(0, count, batch):
            rows = slice(first, min(first + batch, count))
            if held_out:
                fields, draw = conditioned_rows(model.fields, rows, count), _paired(model.process, x[rows], generator)
            else:
                draw = model.process.draw(rows.stop - rows.start, generator)
                fields = model.fields if draw.condition is None else model.fields.conditioned(draw.condition)
            parts.append(torch.stack([_products(names, fields, exact, _at(draw, nodes, u)) for u in nodes.u]))
    products = torch.cat(parts, -1)
    size = model.process.target.size
    words = f"{count} held-out points" if held_out else f"{count} fresh draws of the process"
    if exact is None and not held_out and size is not None:
        words += ", of rows that were trained on: no upper bound for a model that has learned them by heart"
    return FieldErrors(
        nodes,
        products[:, 0],
        products[:, 1],
        products[:, 2],
        products[:, 3] if interpolant else None,
        "none" if exact is None else "exact",
        words,
    )


def _pairs_points(coupling: Coupling) -> bool:
    """Whether given points of the target can be paired: not where pairs are drawn together."""
    return coupling.source_is_target or type(coupling).draw is Coupling.draw


def _paired(process: StochasticInterpolant, x: Tensor, generator: torch.Generator) -> Draw:
    """A draw with the ends x at t = 1, its time yet to come."""
    x0 = x if process.coupling.source_is_target else process.source.sample(len(x), generator).to(x)
    x0, x1 = process.coupling.pair(x0, x, generator)
    z = x1.new_zeros(()).expand_as(x1) if process.latent.vanishes else process.latent.sample(x1, generator)
    return Draw(x.new_zeros(len(x)), x0, x1, z, x1, process=process)


def _at(draw: Draw, nodes: SpanNodes, u: Tensor) -> Draw:
    """The same ends and noise at a clock position."""
    process = draw.process
    if process is None:
        raise UsageError("a draw without a process has no path")
    # A spatially linear path takes one time for all rows, and the fields then evaluate their scalars once.
    linear = process.structure.spatially_linear
    s = process.schedule(nodes.clock, u.to(draw.x1.device).expand(1 if linear else len(draw.x1)))
    return replace(draw, xt=process.position(s, draw.x0, draw.x1, draw.z), schedule=s, t=s.t.to(draw.x1.dtype))


def _products(names: tuple[str, ...], fields: Fields, exact: Fields | None, draw: Draw) -> Tensor:
    """``|db|^2, |ds|^2, <db, ds>`` and, if named, ``|dv|^2`` of each draw, shape (3 or 4, B), float64."""
    s = draw.schedule
    if s is None:
        raise UsageError("a draw without a schedule has no clock")
    errors = []
    for name in names:
        reference = draw.target(name) if exact is None else exact.field(name, s, draw.xt)
        error = (fields.field(name, s, draw.xt).double() - reference.double()).flatten(1)
        errors.append(error if name == "score" else error / s.rate[:, None])
    velocity, score = errors[:2]
    products = [velocity.square(), score.square(), velocity * score, *(error.square() for error in errors[2:])]
    return torch.stack([product.sum(1) for product in products])
