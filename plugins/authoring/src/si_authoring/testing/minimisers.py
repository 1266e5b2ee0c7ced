"""What a loss is minimised by: the gradient of the expected loss, and words for a minimiser that is another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from si_authoring.testing.check import Violation
from si_authoring.testing.gaussian_cases import GaussianCase
from si_core import FIELDS, Objective, UsageError

__all__ = ["Closed", "describe_minimiser", "gradient_at"]

Closed = Callable[[GaussianCase], Tensor]
"""A field in closed form, at the draws of a case."""

_EXPLAINED = 1e-6
_VELOCITIES = ("velocity", "interpolant-velocity")


def gradient_at(objective: Objective, case: GaussianCase, prediction: Tensor) -> Tensor:
    """``E[g | x_t] / E[|g| | x_t]`` with g the gradient of the loss in the prediction, shape (T, P, *event).

    Raises:
        Violation: the loss has no gradient.
    """
    gradient = _gradient(objective, case, prediction)
    size = case.draws.given(gradient.abs())
    return case.draws.given(gradient) / size.clamp_min(torch.finfo(size.dtype).tiny)


def _gradient(objective: Objective, case: GaussianCase, prediction: Tensor) -> Tensor:
    prediction = prediction.detach().requires_grad_()
    loss = objective.loss(case.draws.draw, prediction.clone())
    if not loss.requires_grad:
        raise Violation("the loss has no gradient in the prediction")
    return torch.autograd.grad(loss.sum(), prediction)[0]


def describe_minimiser(objective: Objective, missed: Sequence[GaussianCase], field: Closed) -> str:
    """What minimises the loss instead of its field, where that is a multiple of it or of another field.

    Args:
        objective: the objective.
        missed: the cases in which the field is not the minimiser.
        field: the closed form of the field it should learn.
    """
    own = objective.field
    for words, candidate in _candidates(own, field):
        multiple = _multiple(objective, missed, candidate)
        if multiple is not None and (words, round(multiple, 6)) != (own, 1.0):
            times = {1.0: "", -1.0: "minus "}.get(round(multiple, 6), f"{multiple:.6g} times ")
            return f"its minimiser is {times}the {words} instead of the {own}"
    return f"the {own} is not its minimiser"


def _candidates(own: str, field: Closed) -> Iterator[tuple[str, Closed]]:
    yield own, field
    for name in FIELDS:
        yield name, lambda case, name=name: case.exact(name)  # type: ignore[misc]
    for name in _VELOCITIES:
        yield f"{name} per unit of time", lambda case, name=name: case.exact(name) / _rate(case)  # type: ignore[misc]


def _rate(case: GaussianCase) -> Tensor:
    return case.schedule.rate.reshape(-1, *(1 for _ in case.process.shape))


def _multiple(objective: Objective, missed: Sequence[GaussianCase], candidate: Closed) -> float | None:
    """The k for which k times a field is stationary in all cases; None if there is none, or no such field."""
    try:
        fields = [candidate(case) for case in missed]
    except UsageError:
        return None
    # In the direction of the field the gradient is linear in k for a loss that is quadratic, and k its zero.
    at_0, at_1 = (
        sum(
            float(case.draws.given(_gradient(objective, case, k * f) * f).sum())
            for case, f in zip(missed, fields, strict=True)
        )
        for k in (0.0, 1.0)
    )
    if at_0 == at_1:
        return None
    multiple = at_0 / (at_0 - at_1)
    stationary = (gradient_at(objective, case, multiple * f) for case, f in zip(missed, fields, strict=True))
    return multiple if all(bool((gradient.abs() <= _EXPLAINED).all()) for gradient in stationary) else None
