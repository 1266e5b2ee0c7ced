"""Guidance with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

import si_core as si


class Pulled(si.SteeredFields):
    def added(self, name: str, s: si.Schedule, x: Tensor) -> Tensor | None:
        return -x if name in ("velocity", "score") else None


class Guided(si.Guidance):
    """``b - x`` and ``s - x``."""

    made: type[si.Fields] = Pulled

    def guided(self, fields):
        return self.made(fields)


class MakesAFunction(Guided):
    def guided(self, fields):
        return fields.velocity


class _WithoutItsProcess(Pulled):
    def __init__(self, fields):
        super().__init__(fields)
        self.process = None


class LosesTheProcess(Guided):
    made = _WithoutItsProcess


class _Deaf(Pulled):
    def conditioned(self, condition):
        return self


class HearsNoCondition(Guided):
    made = _Deaf


class _FieldsAlone(si.TransformedFields):
    """The flow is that of the fields, without what is added."""

    def field(self, name, s, x):
        value = self.fields.field(name, s, x)
        return value - x if name == "velocity" else value

    def flow(self, clock, level, sign=1.0, span=(0.0, 1.0), freeze=False):
        return self.fields.flow(clock, level, sign, span, freeze)


class ForgetsTheFlow(Guided):
    made = _FieldsAlone


class _PerUnitOfTime(si.DirectFields):
    """Forgets that a velocity is asked for per unit of the clock."""

    def __init__(self, fields):
        self.fields, self.process = fields, fields.process
        self.optional, self.condition = fields.optional, fields.condition

    def conditioned(self, condition):
        return type(self)(self.fields.conditioned(condition))

    def check_conditions(self, rows=None):
        self.fields.check_conditions(rows)

    def field(self, name, s, x):
        value = self.fields.field(name, s, x)
        return value - x if name == "velocity" else value


class ForgetsTheClock(Guided):
    made = _PerUnitOfTime


class ScalesTheWeights(Guided):
    def guided(self, fields):
        for parameter in fields.predictor.parameters():
            parameter.data.mul_(1.1)
        return fields


class _Careless(Pulled):
    def check_conditions(self, rows=None):
        pass


class TakesFieldsThatWereNotTold(Guided):
    made = _Careless


class _Average(Pulled):
    def added(self, name, s, x):
        return x.mean(0, keepdim=True) - x if name == "velocity" else None


class MixesTheStates(Guided):
    made = _Average


class _Single(Pulled):
    def added(self, name, s, x):
        return -x.float() if x.dtype == torch.float64 else -x.double()


class LosesThePrecision(Guided):
    made = _Single


class _Noisy(Pulled):
    def added(self, name, s, x):
        return torch.randn_like(x)


class DrawsGlobally(Guided):
    made = _Noisy


class _InPlace(Pulled):
    def added(self, name, s, x):
        return x.mul_(0.5)


class ChangesTheStates(Guided):
    made = _InPlace


class _EachItsOwn(Pulled):
    """Takes one value of all states for that of the first."""

    def added(self, name, s, x):
        observed = self.condition["observation"]
        padded = torch.cat([observed, observed.new_zeros(len(x) - len(observed))]).to(x)
        return padded.reshape(-1, *(1 for _ in x.shape[1:])) - x


class MistakesOneForTheFirst(Guided):
    made = _EachItsOwn


class _Tilted(si.TiltedFields):
    """``rho exp(-t |x|^2 / 2) / Z``, with weights; each of those below makes one mistake in them."""

    def __init__(self, fields: si.Fields) -> None:
        super().__init__(fields, _less_far)


def _less_far(fields: si.Fields, t: Tensor, x: Tensor) -> Tensor:
    return -0.5 * t * x.square().reshape(len(x), -1).sum(1)


class Tilts(Guided):
    weights = True
    made = _Tilted


class _WithoutTime(_Tilted):
    """Takes the tilt for one that does not change with time."""

    def log_weight_rate(self, s, x):
        return super().log_weight_rate(s, x) - _less_far(self, s.rate, x)


class ForgetsTheTime(Tilts):
    made = _WithoutTime


class _OfNoVelocity(_Tilted):
    """Weights as if the velocity were that of the process."""

    def log_weight_rate(self, s, x):
        free = copy.copy(self)
        free.steer = 0.0
        return si.TiltedFields.log_weight_rate(free, s, x)


class ForgetsItsVelocity(Tilts):
    made = _OfNoVelocity


class _OffByAConstant(_Tilted):
    """A constant less: samples are right, and their normaliser is not."""

    def log_weight_rate(self, s, x):
        return super().log_weight_rate(s, x) - 0.5 * s.rate


class ForgetsAConstant(Tilts):
    made = _OffByAConstant


class _PerTime(_Tilted):
    def log_weight_rate(self, s, x):
        return super().log_weight_rate(s, x) / s.rate


class WeighsPerUnitOfTime(Tilts):
    made = _PerTime


class _OneForAll(_Tilted):
    def log_weight_rate(self, s, x):
        return super().log_weight_rate(s, x).sum()


class WeighsAllAlike(Tilts):
    made = _OneForAll


class OnlySaysSo(Guided):
    weights = True


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (MakesAFunction(), "shape-and-dtype", "instead of Fields"),
        (LosesTheProcess(), "same-process", "another process"),
        (HearsNoCondition(), "conditioned-before-or-after", "do not pass on what they are given"),
        (ForgetsTheFlow(), "flow-of-the-fields", "its `flow` is not that of its `field`"),
        (ForgetsTheClock(), "flow-of-the-fields", "its `flow` is not that of its `field`"),
        (ScalesTheWeights(), "fields-unchanged", "changes the fields"),
        (TakesFieldsThatWereNotTold(), "conditions-checked", "go on without a condition"),
        (MixesTheStates(), "rows-independent", "depends on other rows"),
        (LosesThePrecision(), "shape-and-dtype", "loses the states' dtype"),
        (DrawsGlobally(), "own-randomness", "global generator of torch"),
        (ChangesTheStates(), "inputs-unchanged", "changes its inputs in place: x"),
        (MistakesOneForTheFirst(), "one-value-for-all", "for something else"),
        (ForgetsTheTime(), "weights-of-the-score", "not those of the guided velocity and score"),
        (ForgetsTheTime(), "weighted-samples", "another law than the one that is stated"),
        (ForgetsItsVelocity(), "weights-of-the-score", "not those of the guided velocity and score"),
        (ForgetsAConstant(), "weights-of-the-tilt", "not those of the tilt that it states"),
        (ForgetsAConstant(), "weighted-samples", "another law than the one that is stated"),
        (WeighsPerUnitOfTime(), "weights-in-the-clock", "not per unit of the schedule's clock"),
        (WeighsAllAlike(), "weights-of-the-score", "give a rate for each state"),
        (OnlySaysSo(), "weights-of-the-score", "says that it has weights"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.Guidance) else "",
)
def test_a_wrong_guidance(rejected, component: si.Guidance, check: str, words: str) -> None:
    rejected("guidance", component, check, words)


class TakesTurns(si.Guidance):
    """Three times the fields under one label, less the other two: weights that add up to one."""

    def guided(self, fields):
        def told(condition):
            labels = condition.get("kind", torch.zeros(1, dtype=torch.int64))
            return condition, {**condition, "kind": 1 - labels}

        return si.CombinedFields(fields, (3.0, -2.0), told)


@pytest.mark.parametrize(
    "component",
    [Guided(), pytest.param(TakesTurns(), marks=pytest.mark.slow), Tilts()],
    ids=lambda value: type(value).__name__,
)
def test_a_right_one_is_accepted(accepted, component: si.Guidance) -> None:
    accepted("guidance", component)
