"""Checks of couplings: conditions and given points of the target stay with each other."""

from __future__ import annotations

import torch

from si_authoring.testing.check import NotApplicable, Violation, check
from si_authoring.testing.coupled_laws import CONDITIONS, conditions_of, ends_of
from si_authoring.testing.noise import seeded
from si_core import Coupling, UsageError, check_classes, check_condition

__all__ = ["conditions", "given_points"]


@check
def conditions(coupling: Coupling) -> None:
    """Drawn pairs have the target's conditions and the coupling's own, those of the target each with its own x1."""
    source, target = ends_of(coupling)
    pairs = coupling.draw(source, target, 200, seeded(0))
    due = {**target.conditions, **coupling.conditions_of(target)}
    lost = [name for name in target.conditions if name not in (pairs.condition or {})]
    if lost:
        raise Violation(f"draw loses the conditions of the target: {', '.join(lost)}")
    try:
        check_condition(due, pairs.condition, len(pairs.x1))
        check_classes(due, pairs.condition or {})
    except UsageError as error:
        raise Violation(f"draw: {error.problem}; got {error.got}, due {error.allowed}") from error
    if not due:
        raise NotApplicable("the laws that it pairs have no conditions, and it has none of its own")
    if target.conditions is not CONDITIONS:
        return
    for name, values in conditions_of(pairs.x1).items():
        if not torch.equal((pairs.condition or {})[name].to(values), values):
            raise Violation(
                f"conditions do not belong to their x1: draw or pair changes the order, or the values, of {name!r}"
            )


@check
def given_points(coupling: Coupling) -> None:
    """``pairs_of`` pairs given points of the target: they stay as they are, with their conditions."""
    if not coupling.pairs_points:
        raise NotApplicable("it draws its pairs together, and pairs no given points")
    source, target = ends_of(coupling)
    x1, condition = target.draw(20, seeded(7))
    pairs = coupling.pairs_of(source, target, x1, condition, seeded(8))
    if not torch.equal(pairs.x1, x1) or pairs.x0.shape != x1.shape:
        raise Violation("pairs_of changes the points that it is given, or gives another number of x0")
    due = {**target.conditions, **coupling.conditions_of(target)}
    try:
        check_condition(due, pairs.condition, len(x1))
    except UsageError as error:
        raise Violation(f"pairs_of: {error.problem}; got {error.got}, due {error.allowed}") from error
    if any(not torch.equal((pairs.condition or {})[name], values) for name, values in (condition or {}).items()):
        raise Violation("pairs_of gives points the conditions of others")
