"""The excess loss: how far learned fields are from the exact ones, where these are known.

    ``L[f] - min L = E[(1/2 |f|^2 - <target, f>) - (1/2 |f*|^2 - <target, f*>)] = 1/2 E |f - f*|^2``

with f* the exact field and u uniform in the process's own clock (arXiv 2303.08797, section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from si_core import FIELDS, Draw, Estimate, Estimator, Fields, Largest, Model, UsageError
from si_estimators.field_errors import exact_fields_of
from si_estimators.options import choice, flat, needs_generator, whole

__all__ = ["ExcessLoss"]

_WHERE = "excess-loss"


class ExcessLoss(Estimator):
    """The regression loss of fields above its minimum, for processes with closed-form fields.

    Measured in two ways on the same draws of the process: the value is the difference of the losses,
    ``E[(1/2 |f|^2 - <target, f>) - (1/2 |f*|^2 - <target, f*>)]``, summed over the fields; the details have it for each
    field, and beside it ``direct``, ``1/2 E |f - f*|^2``, which is the same number with less scatter. Both are
    *unbiased*, with the standard error of the mean over the draws.

    Losses are per unit of the process's own clock: times are uniform in it, and velocities are ``dx/du``. The points
    handed in are not used.

    Args:
        n: the number of draws of the process.
        fields: the fields measured; None for those that the model learned (the velocity, for a model that tells none).
        batch: how many draws are made at once.

    Raises:
        UsageError: an option out of range.
    """

    needs = frozenset({"fields", "exact"})

    def __init__(
        self,
        n: Annotated[int, Field(ge=2, le=Largest.POINTS)] = 20000,
        fields: list[str] | None = None,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 4096,
    ) -> None:
        self.n, self.batch = whole(n, "n", _WHERE, 2), whole(batch, "batch", _WHERE)
        self.quantity = "excess-loss" if fields is None else ""
        self.fields = None if fields is None else [choice(name, FIELDS, "fields", _WHERE) for name in fields]

    def check(self, model: Model) -> None:
        """Refuse a conditional model: closed forms are those of the whole target."""
        exact_fields_of(model, _WHERE)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model.
            x: not used: the process is drawn afresh.
            generator: the source of the draws.

        Raises:
            UsageError: no closed form is known, the process has conditions, or a field is out of reach of the model.
        """
        process, exact = model.process, exact_fields_of(model, _WHERE)
        generator = needs_generator(generator, _WHERE)
        learned: Sequence[str] = getattr(model.fields, "names", ("velocity",))
        names = self.fields or learned
        parts: list[Tensor] = []
        with torch.no_grad():
            for first in range(0, self.n, self.batch):
                draw = process.draw(min(self.batch, self.n - first), generator)
                parts.append(torch.stack([torch.stack(_excess(name, model.fields, exact, draw)) for name in names]))
        excess, direct = torch.cat(parts, -1).unbind(1)
        return self.mean(_WHERE, excess.sum(0), "unbiased", "1", {"fields": _table(names, excess, direct)})


def _excess(name: str, fields: Fields, exact: Fields, draw: Draw) -> tuple[Tensor, Tensor]:
    """The difference of the losses and ``1/2 |f - f*|^2`` of each draw, each (B,), float64."""
    s = draw.schedule
    if s is None:
        raise UsageError("a draw without a schedule has no clock", where=_WHERE)
    f, best, target = (
        flat(field.double())
        for field in (fields.field(name, s, draw.xt), exact.field(name, s, draw.xt), draw.target(name))
    )
    error = f - best
    # The difference of the two losses, factored so that large terms cancel before they are rounded.
    return (error * (0.5 * (f + best) - target)).sum(1), 0.5 * error.square().sum(1)


def _table(names: Sequence[str], excess: Tensor, direct: Tensor) -> dict[str, dict[str, Any]]:
    table = {}
    for name, first, second in zip(names, excess, direct, strict=True):
        ways = {"excess": first, "direct": second}
        table[name] = {way: float(values.mean()) for way, values in ways.items()}
        table[name] |= {f"{way}_error": float(values.std()) / len(values) ** 0.5 for way, values in ways.items()}
    return table
