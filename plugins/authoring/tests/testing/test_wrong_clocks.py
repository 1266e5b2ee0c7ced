"""Clocks with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import si_core as si


class Cubic(si.Clock):
    """``t = 3u^2 - 2u^3``, right in everything."""

    orders = (2, 2)

    def time(self, u: Tensor) -> Tensor:
        return u.square() * (3 - 2 * u)

    def rate(self, u: Tensor) -> Tensor:
        return 6 * u * (1 - u)

    def position(self, t: Tensor) -> Tensor:
        angle = 2 * torch.asin(torch.minimum(t, 1 - t).sqrt()) / 3
        u = torch.sin(angle / 2).square() + math.sqrt(0.75) * torch.sin(angle)
        return torch.where(t <= 0.5, u, 1 - u)


class MissesTheEnd(si.SineClock):
    """``sin(pi u/2)`` by a constant that is rounded."""

    def time(self, u: Tensor) -> Tensor:
        return torch.sin(u * 1.5708).square()


class TurnsBack(Cubic):
    def time(self, u: Tensor) -> Tensor:
        return u + 0.2 * torch.sin(2 * math.pi * u)


class StandsStill(Cubic):
    def rate(self, u: Tensor) -> Tensor:
        return (6 * u * (1 - u) - 0.1).clamp(min=0)


class HasAPole(Cubic):
    """``sqrt(u)``: steep where it should be slow."""

    def time(self, u: Tensor) -> Tensor:
        return u.sqrt()

    def rate(self, u: Tensor) -> Tensor:
        return 0.5 / u.sqrt()


class StandsStillNearTheEnd(Cubic):
    """By a rounding to what a grid of 257 positions tells apart."""

    def rate(self, u: Tensor) -> Tensor:
        return torch.where(u < 1e-4, 0.0, super().rate(u))


class ForgetsAFactor(Cubic):
    def rate(self, u: Tensor) -> Tensor:
        return 5.9 * u * (1 - u)


class InvertsRoughly(Cubic):
    def position(self, t: Tensor) -> Tensor:
        return super().position(t) + 1e-6 * t * (1 - t)


class ClaimsMore(Cubic):
    orders = (3, 2)


class ClaimsLess(Cubic):
    orders = (2, 1)


class ClaimsAFraction(Cubic):
    orders = (1.5, 2)  # type: ignore[assignment]


class NeedsALine(Cubic):
    def time(self, u: Tensor) -> Tensor:
        return super().time(u.reshape(-1))


class IsItself(Cubic):
    """Compared by identity, as a plain object is."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__


class EqualsEverything(Cubic):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = si.Clock.__hash__


class OwnHash(Cubic):
    def __hash__(self) -> int:
        return id(self)


class LosesThePrecision(Cubic):
    def time(self, u: Tensor) -> Tensor:
        return super().time(u.double())


class LosesTheDevice(Cubic):
    def time(self, u: Tensor) -> Tensor:
        return super().time(u) + torch.zeros(len(u), dtype=u.dtype)


class ChangesPositions(Cubic):
    def rate(self, u: Tensor) -> Tensor:
        return u.mul_(6 * (1 - u))


class MixesPositions(Cubic):
    def rate(self, u: Tensor) -> Tensor:
        return super().rate(u) + 1e-3 * u.mean()


class DrawsGlobally(Cubic):
    def time(self, u: Tensor) -> Tensor:
        return super().time(u) + 0 * torch.rand_like(u)


class WrongDefault(Cubic):
    def __init__(self, start: bool = "yes") -> None:  # type: ignore[assignment]
        self.start = start


class Fits(Cubic):
    """Fitted to nothing in particular, in the right form."""

    def __init__(self, given: list[float] | None = None) -> None:
        self.given = given

    def fitted(self, model: si.Model, seed: int) -> dict[str, Any] | None:
        return {"given": [float(seed)]} if self.given is None else None


class FitsATensor(Fits):
    def fitted(self, model: si.Model, seed: int) -> dict[str, Any] | None:
        return {"given": (1.0,)} if self.given is None else None


class FitsForEver(Fits):
    def fitted(self, model: si.Model, seed: int) -> dict[str, Any] | None:
        return {"given": [1.0]}


class FitsByChance(Fits):
    def fitted(self, model: si.Model, seed: int) -> dict[str, Any] | None:
        return {"given": [float(torch.rand(()))]} if self.given is None else None


class FitsAWrongClock(Fits):
    """The clock that is made of what was fitted does not reach the end."""

    def time(self, u: Tensor) -> Tensor:
        return super().time(u) if self.given is None else 0.99 * super().time(u)


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (MissesTheEnd(), "exact-ends", "time(1) is 0.99999"),
        (TurnsBack(), "increasing", "time does not increase at u = "),
        (StandsStill(), "increasing", "rate is 0 at u = "),
        (HasAPole(), "increasing", "rate is inf at u = 0"),
        (StandsStillNearTheEnd(), "finite-near-the-ends", "1/rate is inf at 1e-06 from u = 0"),
        (ForgetsAFactor(), "rate", "rate is not the derivative of time"),
        (InvertsRoughly(), "inverse", "position is not the inverse of time"),
        (ClaimsMore(), "orders", "orders are not the exponents"),
        (ClaimsLess(), "orders", "orders are not the exponents"),
        (ClaimsAFraction(), "orders", "not two whole numbers"),
        (NeedsALine(), "any-shape", "time of positions of shape () gives (1,)"),
        (IsItself(), "equality", "not equal to a pickled copy"),
        (EqualsEverything(), "equality", "tells another time"),
        (OwnHash(), "equality", "another hash"),
        (LosesThePrecision(), "shape-and-dtype", "loses the states' dtype"),
        (LosesTheDevice(), "device", "elsewhere"),
        (ChangesPositions(), "inputs-unchanged", "changes its inputs in place: t"),
        (MixesPositions(), "rows-independent", "depends on other rows"),
        (DrawsGlobally(), "own-randomness", "global generator of torch"),
        (WrongDefault(), "options", "defaults are not allowed"),
        (FitsATensor(), "fit", "can't be stored as JSON"),
        (FitsForEver(), "fit", "would be fitted again"),
        (FitsByChance(), "fit", "differ at an equal seed"),
        (FitsAWrongClock(), "fit", "time(1) is 0.99"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.Clock) else "",
)
def test_a_wrong_clock(rejected, component: si.Clock, check: str, words: str) -> None:
    rejected("clock", component, check, words)


@pytest.mark.parametrize("component", [Cubic(), Fits()], ids=lambda value: type(value).__name__)
def test_a_right_one_is_accepted(accepted, component: si.Clock) -> None:
    accepted("clock", component)
