"""Conformance of optimizers: they lower a convex loss, by steps that are kept and gone on with bit for bit."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from si_authoring.testing.check import Measured, Violation, check
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_core import Optimizer

__all__ = ["SUITE"]

_STEPS = 6
_DESCENT = 200
_RATE = 1e-2
"""The largest learning rate at which descent is looked at: the loss is no steeper than 2."""


def _parameters(setting: Setting) -> list[nn.Parameter]:
    """Two parameters with copies of the states of a setting."""
    return [nn.Parameter(setting.states(name).clone()) for name in ("first", "second")]


def _built(optimizer: Optimizer, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    # As a module gives its parameters: they can be gone through once.
    built = optimizer.build(iter(parameters))
    if not isinstance(built, torch.optim.Optimizer):
        raise Violation(f"build gives {type(built).__name__} instead of a torch.optim.Optimizer")
    return built


def _loss(parameters: Sequence[nn.Parameter]) -> Tensor:
    """``1/2 sum_k c_k |p_k - 3|^2``, convex, with curvatures 1/2 and 2."""
    first, second = (0.5 * (parameter - 3.0).square().sum() for parameter in parameters)
    return 0.5 * first + 2.0 * second


def _step(built: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], lr: float | None = None) -> None:
    """One step as training takes it: the learning rate set in the groups, no closure."""
    for group in built.param_groups if lr is not None else ():
        group["lr"] = lr
    gradients = torch.autograd.grad(_loss(parameters), list(parameters))
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    built.step()


def _exercise(optimizer: Optimizer, setting: Setting) -> Sequence[Output]:
    parameters = _parameters(setting)
    built = _built(optimizer, parameters)
    for _ in range(_STEPS):
        _step(built, parameters)
    shape = setting.shape
    return [Output(f"parameter {i} after steps", p.detach(), shape, rows=False) for i, p in enumerate(parameters)]


@check
def learning_rate(optimizer: Optimizer) -> None:
    """``lr`` is a finite number > 0, the learning rate of the one group that it builds."""
    lr = getattr(optimizer, "lr", None)
    if isinstance(lr, bool) or not isinstance(lr, int | float) or not 0 < lr < math.inf:
        raise Violation(f"its lr is {lr!r} instead of a finite number > 0: training multiplies it by the schedule")
    groups = _built(optimizer, _parameters(Setting())).param_groups
    if len(groups) != 1 or groups[0]["lr"] != lr:
        raise Violation(
            f"it builds groups with lr {[group['lr'] for group in groups]} instead of one with its lr, {lr}"
        )


@check
def rate_is_followed(optimizer: Optimizer) -> Measured | None:
    """A step at learning rate 0, as a schedule may set it in the group, moves nothing."""
    parameters = _parameters(Setting())
    built = _built(optimizer, parameters)
    before = [parameter.detach().clone() for parameter in parameters]
    _step(built, parameters, 0.0)
    moved = max(float((p.detach() - b).abs().max()) for p, b in zip(parameters, before, strict=True))
    if moved:
        measured = Measured(moved, 0.0)
        raise Violation("it moves at learning rate 0: it keeps a rate of its own instead of the group's", measured)
    return Measured(moved, 0.0)


@check
def descends(optimizer: Optimizer) -> None:
    """A convex loss is lower after two hundred steps, at its own learning rate or 0.01 if that is smaller."""
    parameters = _parameters(Setting())
    built, lr, before = (
        _built(optimizer, parameters),
        min(float(optimizer.lr), _RATE),
        float(_loss(parameters).detach()),
    )
    for _ in range(_DESCENT):
        _step(built, parameters, lr)
    after = float(_loss(parameters).detach())
    if not after < before:
        raise Violation(f"it does not lower a convex loss: {before:.6g} before, {after:.6g} after {_DESCENT} steps")


@check
def resumes(optimizer: Optimizer) -> None:
    """All that its next step depends on is in ``state_dict()``: one that loads it takes the same steps, bit for bit."""
    for dtype in SUITE.dtypes:
        parameters = _parameters(Setting(dtype=dtype))
        built = _built(optimizer, parameters)
        for _ in range(_STEPS):
            _step(built, parameters)
        others = [nn.Parameter(parameter.detach().clone()) for parameter in parameters]
        again = _built(optimizer, others)
        again.load_state_dict(copy.deepcopy(built.state_dict()))
        for number in range(_STEPS):
            _step(built, parameters)
            _step(again, others)
            if not all(torch.equal(a, b) for a, b in zip(parameters, others, strict=True)):
                raise Violation(f"one that goes on from its state_dict takes another step ({number + 1} after it)")


@check
def plain_state(optimizer: Optimizer) -> None:
    """``state_dict()`` holds tensors and plain values, which a checkpoint can keep."""
    parameters = _parameters(Setting())
    built = _built(optimizer, parameters)
    _step(built, parameters)
    _refuse_others(built.state_dict(), "state_dict()")


def _refuse_others(value: Any, where: str) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _refuse_others(item, f"{where}[{key!r}]")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _refuse_others(item, f"{where}[{index}]")
    elif not (value is None or isinstance(value, Tensor | bool | int | float | str)):
        raise Violation(f"{where} holds a {type(value).__name__}: no tensor and no plain value")


@check
def many_at_once(optimizer: Optimizer) -> None:
    """Two that it builds have nothing in common: steps of one leave the other as it was."""
    first, second = _parameters(Setting()), _parameters(Setting())
    one, other = _built(optimizer, first), _built(optimizer, second)
    for _ in range(_STEPS):
        _step(one, first)
    for _ in range(_STEPS):
        _step(other, second)
    if not all(torch.equal(a, b) for a, b in zip(first, second, strict=True)):
        raise Violation("a second one that it builds takes other steps: what changes belongs to what is built")


SUITE = Suite(
    kind="optimizer",
    exercise=_exercise,
    own=(learning_rate, rate_is_followed, descends, resumes, plain_state, many_at_once),
    events=((2,), (), (3, 4)),
)
