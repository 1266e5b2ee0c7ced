"""Learning rates with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

import math
import random

import pytest
import torch

import si_core as si


class Falling(si.LearningRate):
    def factor(self, step: int, steps: int) -> float:
        return 1 - step / steps


class BelowZero(si.LearningRate):
    def factor(self, step: int, steps: int) -> float:
        return math.cos(4 * step / steps)


class InfiniteAtFirst(si.LearningRate):
    def factor(self, step: int, steps: int) -> float:
        return 1 / math.sqrt(step) if step else math.inf


class FailsForOneStep(si.LearningRate):
    def factor(self, step: int, steps: int) -> float:
        return 1 - step / (steps - 1)


class NothingAtAll(si.LearningRate):
    def factor(self, step: int, steps: int) -> float:
        return float(step > 10**7)


class CountsItsCalls(si.LearningRate):
    calls = 0

    def factor(self, step: int, steps: int) -> float:
        self.calls += 1
        return 0.999**self.calls


class GivesATensor(si.LearningRate):
    def factor(self, step: int, steps: int):
        return torch.tensor(1.0)


class DrawsGlobally(si.LearningRate):
    def factor(self, step: int, steps: int) -> float:
        return random.random()


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (BelowZero(), "finite-and-not-negative", "its factor is -"),
        (InfiniteAtFirst(), "finite-and-not-negative", "its factor is inf in step 0"),
        (FailsForOneStep(), "finite-and-not-negative", "raised ZeroDivisionError"),
        (NothingAtAll(), "something-is-learned", "nothing is learned"),
        (CountsItsCalls(), "of-the-step-alone", "asked again in another order"),
        (GivesATensor(), "finite-and-not-negative", "a Tensor instead of a number"),
        (DrawsGlobally(), "own-randomness", "global generator of"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.LearningRate) else "",
)
def test_a_wrong_learning_rate(rejected, component: si.LearningRate, check: str, words: str) -> None:
    rejected("learning-rate", component, check, words)


def test_a_right_one_is_accepted(accepted) -> None:
    accepted("learning-rate", Falling())
