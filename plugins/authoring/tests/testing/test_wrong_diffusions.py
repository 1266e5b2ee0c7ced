"""Diffusion schedules with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import si_core as si


class Parabola(si.Diffusion):
    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return t * (1 - t) + gamma


class Negative(si.Diffusion):
    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return gamma - 0.01


class OneNumber(si.Diffusion):
    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return torch.ones((), dtype=t.dtype, device=t.device)


class PlainNumber(si.Diffusion):
    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return 1.0  # type: ignore[return-value]


class NeedsTwoTimes(si.Diffusion):
    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return (t + gamma).squeeze()


class HasAPole(si.Diffusion):
    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return (1 - t) / t


class InfiniteNearAnEnd(si.Diffusion):
    """Where two times 1e-6 from the end are one number in single precision."""

    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return torch.where((t > 5e-7) & (t < 5e-6), torch.inf, gamma)


class ZeroOverZero(si.Diffusion):
    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return gamma**2 / (1 - t)


class ChangesTheTimes(si.Diffusion):
    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return t.mul_(-1).add_(1)


class ChangesGamma(si.Diffusion):
    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return gamma.mul_(2)


class LosesThePrecision(si.Diffusion):
    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return torch.ones(t.shape)


class LosesTheDevice(si.Diffusion):
    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return torch.linspace(1, 0, len(t), dtype=t.dtype) + t


class MixesTimes(si.Diffusion):
    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return gamma / gamma.mean()


class DrawsGlobally(si.Diffusion):
    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return torch.rand_like(t)


class WrongDefault(Parabola):
    def __init__(self, level: float = "high") -> None:  # type: ignore[assignment]
        self.level = level


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (Negative(), "non-negative", "epsilon is negative"),
        (OneNumber(), "shape-and-dtype", "has shape () instead of (6,)"),
        (OneNumber(), "any-number-of-times", "of 0 times has shape () instead of (0,)"),
        (PlainNumber(), "shape-and-dtype", "no tensor but float"),
        (NeedsTwoTimes(), "any-number-of-times", "epsilon of 1 times has shape ()"),
        (HasAPole(), "finite-to-the-ends", "epsilon is inf at t = 0"),
        (InfiniteNearAnEnd(), "finite-to-the-ends", "epsilon is inf at t = 1e-06"),
        (ZeroOverZero(), "finite-to-the-ends", "epsilon is nan at t = 1"),
        (ChangesTheTimes(), "inputs-unchanged", "changes its inputs in place: t"),
        (ChangesGamma(), "inputs-unchanged", "changes its inputs in place: gamma"),
        (LosesThePrecision(), "shape-and-dtype", "loses the states' dtype"),
        (LosesTheDevice(), "device", "elsewhere"),
        (MixesTimes(), "rows-independent", "depends on other rows"),
        (DrawsGlobally(), "own-randomness", "global generator of torch"),
        (WrongDefault(), "options", "defaults are not allowed"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.Diffusion) else "",
)
def test_a_wrong_diffusion(rejected, component: si.Diffusion, check: str, words: str) -> None:
    rejected("diffusion", component, check, words)


def test_a_right_one_is_accepted(accepted) -> None:
    accepted("diffusion", Parabola())
