"""How far a model's fields are from those of the process, at nodes of time along its own draws.

With d the error of a field at ``(t, x_t)``, x_t a draw of the process, per unit of time: ``|db|^2``, ``|ds|^2``,
``<db, ds>`` and so on. The errors are ``f_hat - f`` where the exact fields are known. Elsewhere they are the residuals
``f_hat - target`` of the regression targets at draws kept from training. As f is the conditional expectation of its
target,

    ``E|f_hat - target|^2 = E|f_hat - f|^2 + E|f - target|^2  >=  E|f_hat - f|^2``:

half of it bounds from above what the loss is above its minimum (since ``min L = -1/2 E|f|^2 >= -1/2 E|target|^2``),
and likewise for sums of fields such as a drift. The bound is loose: the scatter of the target is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Literal

import torch
from torch import Tensor

from si_core import Draw, Fields, Model, UsageError, exact_fields
from si_estimators.draws import draw_at, draw_through, pairs_given_points
from si_estimators.options import choice, flat, interval, needs_generator, points, whole
from si_estimators.quadrature import SpanNodes

__all__ = ["REFERENCES", "ErrorSampling", "FieldErrors", "Reference", "exact_fields_of", "known_fields"]

Reference = Literal["exact", "none"]
REFERENCES = ("exact", "none")


@dataclass(frozen=True)
class FieldErrors:
    """Products of the errors of fields at M nodes of time for n draws, float64, per unit of time.

    Args:
        nodes: the nodes of time.
        products: ``<d_first, d_second>`` by the names of two fields, each (M, n).
        exact: whether they are errors; residuals otherwise.
        draws: what the draws are, in words.
        seen: whether the draws were trained on, so that residuals are no bound of the errors.
    """

    nodes: SpanNodes
    products: dict[tuple[str, str], Tensor]
    exact: bool
    draws: str
    seen: bool = False

    def of(self, first: str, second: str | None = None) -> Tensor:
        """``<d_first, d_second>``, or ``|d_first|^2``; shape (M, n).

        Raises:
            UsageError: it was not asked for.
        """
        pair = (first, second or first)
        found = self.products.get(pair, self.products.get(pair[::-1]))
        if found is None:
            raise UsageError("no such errors were taken", got=", ".join(pair))
        return found

    @property
    def reference(self) -> str:
        """What the fields were compared with, in words."""
        return "exact fields" if self.exact else "held-out residuals of the targets: upper bounds of the errors"


@dataclass(frozen=True)
class ErrorSampling:
    """How the errors are taken: options that several estimators share.

    Args:
        where: the estimator's name.
        reference: ``exact`` for the exact fields, ``none`` for held-out residuals; None for exact where known.
        span: times of start and stop; None for those of sampling.
        n: the number of draws of the process, where the exact fields are known.
        times: nodes of Gauss-Legendre quadrature between the ends.
        batch: how many draws are looked at at once.

    Raises:
        UsageError: an option out of range.
    """

    where: str
    reference: Reference | None
    span: tuple[float, float] | None
    n: int
    times: int
    batch: int

    def __post_init__(self) -> None:
        if self.reference is not None:
            choice(self.reference, REFERENCES, "reference", self.where)
        if self.span is not None:
            interval(self.span, "span", self.where)
        for name, least in (("n", 2), ("times", 2), ("batch", 1)):
            whole(getattr(self, name), name, self.where, least)

    def check(self, model: Model) -> None:
        """Refuse a model whose exact fields were asked for and are not known.

        Raises:
            UsageError: as for :func:`known_fields`.
        """
        known_fields(model, self.reference, self.where)

    def nodes(self, model: Model) -> SpanNodes:
        """The nodes of time, in the clock of the model's process."""
        start, stop = self.span or sorted((model.start, model.stop))
        return SpanNodes(model.process.clock, (start, stop), self.times)

    def errors(
        self, model: Model, x: Tensor, generator: torch.Generator | None, names: Sequence[str] = ("velocity", "score")
    ) -> FieldErrors:
        """The products of the errors of these fields, for each two of them.

        Args:
            model: the model.
            x: points of the target kept from training, shape (B, *event): used without exact fields, where the coupling
                can pair them.
            generator: the source of randomness.
            names: the fields.

        Raises:
            UsageError: the model has neither learned these fields nor the means to complete them; or exact fields were
                asked for and are not known.
        """
        generator = needs_generator(generator, self.where)
        x = points(x, model.process.shape, self.where)
        exact = known_fields(model, self.reference, self.where)
        held_out = exact is None and pairs_given_points(model.process.coupling)
        if held_out:
            model.fields.check_conditions(len(x))
        count, nodes, parts = len(x) if held_out else self.n, self.nodes(model), []
        with torch.no_grad():
            for first in range(0, count, self.batch):
                rows = slice(first, min(first + self.batch, count))
                if held_out:
                    draw = draw_through(model.process, x[rows], generator)
                    fields = model.fields.of_rows(rows)
                else:
                    draw = model.process.draw(rows.stop - rows.start, generator)
                    fields = model.fields if draw.condition is None else model.fields.conditioned(draw.condition)
                at_nodes = (draw_at(model.process, draw, nodes.clock, u) for u in nodes.u)
                parts.append(torch.stack([_products(names, fields, exact, at_node) for at_node in at_nodes]).cpu())
        found = torch.cat(parts, -1).unbind(1)
        words = f"{count} held-out points" if held_out else f"{count} fresh draws of the process"
        seen = exact is None and not held_out and model.process.target.size is not None
        if seen:
            words += ", of rows that were trained on: no upper bound for a model that has learned them by heart"
        pairs = combinations_with_replacement(names, 2)
        return FieldErrors(nodes, dict(zip(pairs, found, strict=True)), exact is not None, words, seen)


def known_fields(model: Model, reference: Reference | None, where: str) -> Fields | None:
    """The exact fields to compare with; None for residuals.

    Args:
        model: the model.
        reference: ``exact``, ``none``, or None for exact where they are known.
        where: the place that an error names.

    Raises:
        UsageError: they are asked for and not known, or the model is conditional, which closed forms are not.
    """
    conditional = bool(model.process.conditions)
    if reference == "none" or (reference is None and (conditional or not exact_fields.known(model.process))):
        return None
    return exact_fields_of(model, where)


def exact_fields_of(model: Model, where: str) -> Fields:
    """The exact fields of a model's process.

    Args:
        model: the model.
        where: the place that an error names.

    Raises:
        UsageError: they are not known, or the model is conditional, which closed forms are not.
    """
    if model.process.conditions:
        raise UsageError(
            "closed forms are those of the whole target, and this model is given conditions",
            where=where,
            got="; ".join(spec.described(name) for name, spec in model.process.conditions.items()),
        )
    return exact_fields(model.process)


def _products(names: Sequence[str], fields: Fields, exact: Fields | None, draw: Draw) -> Tensor:
    """``<d_f, d_g>`` for each two fields, shape (pairs, B), float64."""
    s = draw.schedule
    if s is None:
        raise UsageError("a draw without a schedule has no clock")
    errors = []
    for name in names:
        reference = draw.target(name) if exact is None else exact.field(name, s, draw.xt)
        error = flat(fields.field(name, s, draw.xt).double() - reference.double())
        errors.append(error / s.rate[:, None] if name.endswith("velocity") else error)
    return torch.stack([(a * b).sum(1) for a, b in combinations_with_replacement(errors, 2)])
