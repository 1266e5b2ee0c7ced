"""What every operator must be: the checks that ``si check`` runs for components of the kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from si_authoring.testing import (
    Conformance,
    Deviations,
    Measured,
    NotApplicable,
    Output,
    Setting,
    Suite,
    Violation,
    check,
)
from si_core import UsageError, check_condition
from si_operators.operator import Operator

__all__ = ["OperatorChecks"]

_EVENTS = ((2,), (), (3,), (8,), (3, 4), (8, 8), (3, 8, 8))
_ROUNDING = 1e-10


def _drawn(operator: Operator, setting: Setting) -> Operator:
    """The operator of a setting's rows: those of all its rows are drawn, and some of them told by their values."""
    whole = operator.drawn(setting.rows, setting.event, setting.generator if operator.random else None)
    values = whole.values()
    if not values:
        return whole
    return operator.of_values({name: setting.given(name, each, each.dtype) for name, each in values.items()})


def _exercise(operator: Operator, setting: Setting) -> Sequence[Output]:
    chosen, x = _drawn(operator, setting), setting.states("x")
    out = operator.out_shape(setting.event)
    y = chosen.apply(x)
    given = torch.ones(setting.count, *out, dtype=setting.dtype, device=setting.device)
    return [
        Output("apply(x)", y, (setting.count, *out)),
        Output("adjoint(y, shape)", chosen.adjoint(given, setting.event), setting.shape),
        Output("fill(y, shape)", chosen.fill(y, setting.event), setting.shape),
    ]


def _cases(operator: Operator) -> Iterator[tuple[Operator, Setting]]:
    """The operator drawn for each event shape that it takes."""
    found = False
    for event in _EVENTS:
        setting = Setting(event=event)
        try:
            chosen = _drawn(operator, setting)
            operator.out_shape(event)
        except UsageError:
            continue
        found = True
        yield chosen, setting
    if not found:
        raise NotApplicable("it takes none of the events at hand")


def _products(one: Tensor, other: Tensor) -> Tensor:
    return (one * other).reshape(len(one), -1).sum(1)


@check
def linearity(operator: Operator) -> Measured | None:
    """It is linear: ``A (a x + b x') = a A x + b A x'``, and ``fill`` is linear in y."""
    deviations = Deviations("it is not linear: a constant, a clip or a product of entries is in it")
    for chosen, setting in _cases(operator):
        x, other, shape = setting.states("x"), setting.states("other"), setting.event
        mixed, first, second = chosen.apply(2.0 * x - 0.5 * other), chosen.apply(x), chosen.apply(other)
        deviations.close(mixed, 2.0 * first - 0.5 * second, _ROUNDING, f"A x, events {shape}")
        filled = 2.0 * chosen.fill(first, shape) - 0.5 * chosen.fill(second, shape)
        deviations.close(chosen.fill(mixed, shape), filled, _ROUNDING, f"fill(y), events {shape}")
    return deviations.result()


@check
def adjoint(operator: Operator) -> Measured | None:
    """``adjoint`` is that of ``apply``: ``<A x, y> = <x, A^T y>`` for every event."""
    deviations = Deviations("`adjoint` is not the transposed of `apply`")
    for chosen, setting in _cases(operator):
        x = setting.states("x")
        y = Setting(event=operator.out_shape(setting.event)).states("y")
        back = chosen.adjoint(y, setting.event)
        deviations.close(_products(chosen.apply(x), y), _products(x, back), _ROUNDING, f"events {setting.event}")
    return deviations.result()


@check
def filling(operator: Operator) -> Measured | None:
    """Where it says ``consistent``, what is filled in has the same measurement: ``A fill(A x) = A x``."""
    if not operator.consistent:
        raise NotApplicable("it does not say that it is consistent")
    deviations = Deviations("`fill` changes what was measured: consistent = False, or another picture")
    for chosen, setting in _cases(operator):
        y = chosen.apply(setting.states("x"))
        deviations.close(chosen.apply(chosen.fill(y, setting.event)), y, _ROUNDING, f"events {setting.event}")
    return deviations.result()


@check
def gradient(operator: Operator) -> Measured | None:
    """``apply`` is differentiable in x: its vector-Jacobian product is the adjoint."""
    deviations = Deviations("the derivative of `apply` in x is not A: something in it is detached")
    for chosen, setting in _cases(operator):
        x = setting.states("x").clone().requires_grad_()
        with torch.enable_grad():
            y = chosen.apply(x)
            given = Setting(event=operator.out_shape(setting.event)).states("y")
            if not y.requires_grad:
                raise Violation("apply(x) does not depend on x for automatic differentiation")
            (found,) = torch.autograd.grad(y, x, given)
        deviations.close(found, chosen.adjoint(given, setting.event), _ROUNDING, f"events {setting.event}")
    return deviations.result()


@check
def draws(operator: Operator) -> None:
    """Drawn operators follow the generator, are random if and only if it says so, and are told by their conditions."""
    for chosen, setting in _cases(operator):
        specs, values = operator.conditions(setting.event), chosen.values()
        check_condition(specs, values, setting.rows if values else None)
        if bool(specs) != operator.random:
            raise Violation(f"random is {operator.random}, and conditions(shape) has {len(specs)} entries")
        if not operator.random:
            continue
        one, again, other = (
            operator.drawn(64, setting.event, torch.Generator().manual_seed(seed)).values() for seed in (0, 0, 1)
        )
        if any(not torch.equal(one[name], again[name]) for name in specs):
            raise Violation("equal generators draw different operators")
        if all(torch.equal(one[name], other[name]) for name in specs):
            raise Violation("64 operators drawn with other generators are the same: random = False")
        x = setting.states("x")
        if not torch.equal(operator.of_values(values).apply(x), chosen.apply(x)):
            raise Violation("of_values(values()) is another operator")


class OperatorChecks(Conformance):
    """The checks of an operator."""

    kind = "operator"
    SUITE = Suite("operator", _exercise, (linearity, adjoint, filling, gradient, draws), events=_EVENTS)
