"""Objectives with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch import Tensor

import si_core as si


class Velocity(si.Regression):
    field: ClassVar[str] = "velocity"


class Denoiser(si.Regression):
    field: ClassVar[str] = "denoiser"


class Twice(Velocity):
    def target(self, draw: si.Draw) -> Tensor:
        return 2 * super().target(draw)


class OffByAThousandth(Velocity):
    def target(self, draw: si.Draw) -> Tensor:
        return 1.001 * super().target(draw)


class OfAnotherField(Velocity):
    def target(self, draw: si.Draw) -> Tensor:
        return draw.target("interpolant-velocity")


class NoiseOfTheOtherSign(Denoiser):
    def target(self, draw: si.Draw) -> Tensor:
        return -draw.z if draw.structure.latent else -draw.x0


class PerUnitOfTime(Velocity):
    """The velocity in t where the draw is made in another clock."""

    def target(self, draw: si.Draw) -> Tensor:
        return super().target(draw) / draw.schedule.rate.to(draw.xt).reshape(-1, *(1 for _ in draw.xt.shape[1:]))


class ForgetsTheNoise(Velocity):
    """The ends' difference: right for no latent at all, and in time alone."""

    def target(self, draw: si.Draw) -> Tensor:
        return draw.x1 - draw.x0


class AveragesTheBatch(Velocity):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        return super().loss(draw, prediction).mean()


class SubtractsTheMean(Velocity):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        loss = super().loss(draw, prediction)
        return loss - 0.5 * loss.mean()


class AveragesTheEvent(Velocity):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        return super().loss(draw, prediction) / prediction[0].numel()


class ChangesThePrediction(Velocity):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        target = self.target(draw)
        return (prediction.sub_(target).square() - target.square()).flatten(1).sum(1) / 2


class ChangesTheDraw(Denoiser):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        target = draw.z.mul_(-1)
        return (prediction * (0.5 * prediction + target)).flatten(1).sum(1)


class NoGradient(Velocity):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        return super().loss(draw, prediction.detach())


class NoGradientInMostRows(Velocity):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        loss = super().loss(draw, prediction)
        return loss * (loss > 0)


class InfiniteAtTheStart(Denoiser):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        return super().loss(draw, prediction) / draw.t


class OnlyTheFirstCoordinate(Velocity):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        return super().loss(draw, prediction[..., :1] * torch.eye(1, prediction.shape[-1], dtype=prediction.dtype))


class LargestAtTheField(Velocity):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        return -super().loss(draw, prediction)


class WeightOfTheState(Velocity):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        return super().loss(draw, prediction) * (1 + draw.xt.square().flatten(1).sum(1))


class Squared(Velocity):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        return (prediction - self.target(draw)).square().flatten(1).sum(1) / 2


class Misspelt(si.Regression):
    field: ClassVar[str] = "veloctiy"


class Nameless(si.Objective):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        return prediction.square().flatten(1).sum(1)


class LosesThePrecision(Velocity):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        return super().loss(draw, prediction).float()


class AddsNoise(Velocity):
    def target(self, draw: si.Draw) -> Tensor:
        return super().target(draw) + torch.randn_like(draw.xt)


class ForwardDrift(si.Regression):
    """``b + s/2``, a field with a name of its own."""

    field: ClassVar[str] = "forward-drift"

    def coefficients(self, structure, s):
        velocity, score = structure.coefficients("velocity", s), structure.coefficients("score", s)
        return tuple(b + 0.5 * q * s.rate for b, q in zip(velocity, score, strict=True))


class HalfTheScore(ForwardDrift):
    """Its target has the score of another level of noise than its coefficients."""

    def target(self, draw: si.Draw) -> Tensor:
        rate = draw.schedule.rate.to(draw.xt).reshape(-1, *(1 for _ in draw.xt.shape[1:]))
        return super().target(draw) - 0.25 * rate * draw.target("score")


class RefusesEverything(ForwardDrift):
    def coefficients(self, structure, s):
        raise si.UsageError("no process has this field")


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (Twice(), "minimiser", "its minimiser is 2 times the velocity instead"),
        (OffByAThousandth(), "minimiser", "its minimiser is 1.001 times the velocity"),
        (OfAnotherField(), "minimiser", "its minimiser is the interpolant-velocity instead of the velocity"),
        (NoiseOfTheOtherSign(), "minimiser", "its minimiser is minus the denoiser"),
        (PerUnitOfTime(), "minimiser", "its minimiser is the velocity per unit of time"),
        (ForgetsTheNoise(), "minimiser", "its minimiser is the interpolant-velocity per unit of time"),
        (AveragesTheBatch(), "shape-and-dtype", "has shape () instead of (6,)"),
        (AveragesTheBatch(), "unique", "shape () instead of one number for each draw"),
        (SubtractsTheMean(), "rows-independent", "depends on other rows"),
        (AveragesTheEvent(), "excess", "does not sum over the event"),
        (ChangesThePrediction(), "inputs-unchanged", "changes its inputs in place: prediction"),
        (ChangesTheDraw(), "inputs-unchanged", "changes its inputs in place: z"),
        (NoGradient(), "gradient", "no gradient in the prediction"),
        (NoGradientInMostRows(), "gradient", "rows have no gradient"),
        (InfiniteAtTheStart(), "finite-at-the-ends", "not finite at u = 0"),
        (OnlyTheFirstCoordinate(), "unique", "a prediction off by (0.0, -0.5)"),
        (LargestAtTheField(), "unique", "no larger loss"),
        (WeightOfTheState(), "excess", "weight c of time alone"),
        (Squared(), "least", "no square"),
        (Misspelt(), "known-field", "its field is 'veloctiy'"),
        (HalfTheScore(), "minimiser", "the forward-drift is not its minimiser"),
        (RefusesEverything(), "known-field", "refuses them all"),
        (Nameless(), "known-field", "no attribute 'field'"),
        (LosesThePrecision(), "shape-and-dtype", "loses the states' dtype"),
        (AddsNoise(), "own-randomness", "global generator of torch"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.Objective) else "",
)
def test_a_wrong_objective(rejected, component: si.Objective, check: str, words: str) -> None:
    rejected("objective", component, check, words)


class Huber(si.Objective):
    """``sqrt(1 + |f - target|^2) - 1`` by coordinate: no regression, but the same minimiser between Gaussians."""

    field: ClassVar[str] = "target-denoiser"

    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        return ((1 + (prediction - draw.x1).square()).sqrt() - 1).flatten(1).sum(1)


class WeightedInTime(Velocity):
    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        return super().loss(draw, prediction) * (1 + draw.t)


class Bregman(si.Objective):
    """The divergence of ``cosh``: any of that form is least at the conditional mean (Banerjee et al., 2005)."""

    field: ClassVar[str] = "target-denoiser"

    def loss(self, draw: si.Draw, prediction: Tensor) -> Tensor:
        return (-prediction.cosh() - prediction.sinh() * (draw.x1 - prediction)).flatten(1).sum(1)


@pytest.mark.parametrize(
    "component",
    [Velocity(), Denoiser(), WeightedInTime(), Huber(), Bregman(), ForwardDrift()],
    ids=lambda c: type(c).__name__,
)
def test_a_right_one_is_accepted(accepted, component: si.Objective) -> None:
    accepted("objective", component)
