"""Optimizers with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

import pytest
import torch

import si_core as si


class Descent(torch.optim.Optimizer):
    """``p - lr g``, with a number kept for each parameter."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                self.move(parameter, group["lr"])

    def move(self, parameter, lr):
        parameter.sub_(lr * parameter.grad)


class Plain(si.Optimizer):
    made: type[torch.optim.Optimizer] = Descent

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = lr

    def build(self, parameters):
        return self.made(parameters, lr=self.lr)


class _Ascent(Descent):
    def move(self, parameter, lr):
        parameter.add_(lr * parameter.grad)


class Climbs(Plain):
    made = _Ascent


class _OwnRate(Descent):
    def move(self, parameter, lr):
        parameter.sub_(0.01 * parameter.grad)


class KeepsItsRate(Plain):
    made = _OwnRate


class _Forgets(Descent):
    """The momentum is an attribute, and no part of the state."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, lr)
        self.moments = {}

    def move(self, parameter, lr):
        moment = self.moments.get(parameter, 0.0) * 0.9 + parameter.grad
        self.moments[parameter] = moment
        parameter.sub_(lr * moment)


class ForgetsItsMomentum(Plain):
    made = _Forgets


class _KeepsAFunction(Descent):
    def move(self, parameter, lr):
        self.state[parameter]["rule"] = torch.sub
        super().move(parameter, lr)


class KeepsAFunction(Plain):
    made = _KeepsAFunction


class _NeedsAClosure(Descent):
    def step(self, closure=None):
        closure()
        super().step()


class NeedsAClosure(Plain):
    made = _NeedsAClosure


class _Widens(Descent):
    def move(self, parameter, lr):
        parameter.data = (parameter - lr * parameter.grad).double()


class LosesThePrecision(Plain):
    made = _Widens


class _Noisy(Descent):
    def move(self, parameter, lr):
        parameter.sub_(lr * (parameter.grad + 0.01 * torch.randn_like(parameter)))


class DrawsGlobally(Plain):
    made = _Noisy


class AGroupForEach(Plain):
    def build(self, parameters):
        return Descent([{"params": [parameter]} for parameter in parameters], lr=self.lr)


class AnotherRate(Plain):
    def build(self, parameters):
        return Descent(parameters, lr=10 * self.lr)


class NoRate(Plain):
    def __init__(self, lr: float = 0.01) -> None:
        self.rate = lr

    def build(self, parameters):
        return Descent(parameters, lr=self.rate)


class SharesItsState(Plain):
    steps = 0

    def build(self, parameters):
        owner = self

        class Counting(Descent):
            def move(self, parameter, lr):
                owner.steps += 1
                parameter.sub_(lr / owner.steps**0.5 * parameter.grad)

        return Counting(parameters, lr=self.lr)


class GivesAFunction(Plain):
    def build(self, parameters):
        return lambda: None


class GoesThroughThemTwice(Plain):
    def build(self, parameters):
        if sum(parameter.numel() for parameter in parameters) > 10**9:
            raise si.UsageError("too many parameters")
        return Descent(parameters, lr=self.lr)


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (Climbs(), "descends", "does not lower a convex loss"),
        (KeepsItsRate(), "rate-is-followed", "moves at learning rate 0"),
        (ForgetsItsMomentum(), "resumes", "takes another step"),
        (KeepsAFunction(), "plain-state", "no tensor and no plain value"),
        (NeedsAClosure(), "descends", "raised TypeError"),
        (LosesThePrecision(), "shape-and-dtype", "loses the states' dtype"),
        (DrawsGlobally(), "own-randomness", "global generator of torch"),
        (AGroupForEach(), "learning-rate", "instead of one with its lr, 0.01"),
        (AnotherRate(), "learning-rate", "groups with lr [0.1]"),
        (NoRate(), "learning-rate", "its lr is None"),
        (SharesItsState(), "many-at-once", "takes other steps"),
        (GivesAFunction(), "descends", "instead of a torch.optim.Optimizer"),
        (GoesThroughThemTwice(), "descends", "empty parameter list"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.Optimizer) else "",
)
def test_a_wrong_optimizer(rejected, component: si.Optimizer, check: str, words: str) -> None:
    rejected("optimizer", component, check, words)


def test_a_right_one_is_accepted(accepted) -> None:
    accepted("optimizer", Plain())
