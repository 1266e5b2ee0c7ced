"""Models given one observation."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from si_core import Model, UsageError

__all__ = ["given_observation", "told_of"]


def told_of(model: Model, where: str) -> str:
    """The name of the condition that is the observation: the only one that a model has.

    Raises:
        UsageError: a model without a condition of values, or with several conditions.
    """
    specs = model.process.conditions
    if len(specs) != 1 or next(iter(specs.values())).classes is not None:
        said = "; ".join(spec.described(name) for name, spec in specs.items()) or "no condition"
        raise UsageError(
            "a posterior is a model with one condition, the observation",
            where=where,
            got=said,
            fix="a target such as `simulations`",
        )
    return next(iter(specs))


def given_observation(model: Model, x: Tensor, where: str) -> Model:
    """The model given one observation x (*observation_shape,): its samples are those of the posterior.

    Raises:
        UsageError: no such condition, or an observation of another shape.
    """
    name = told_of(model, where)
    shape = model.process.conditions[name].shape
    if tuple(x.shape) != tuple(shape):
        raise UsageError("an observation of another shape", where=where, got=tuple(x.shape), allowed=tuple(shape))
    condition = model.conditions_in_precision({name: x[None].to(model.device)})
    return replace(model, fields=model.fields.conditioned(condition))
