"""Integrators with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import pytest
import torch
from pydantic import Field
from torch import Tensor

import si_core as si
from si_authoring.testing import check_component
from si_authoring.testing.doubles import Heun

Steps = Annotated[int, Field(ge=1, le=si.Largest.STEPS)]


class Euler(si.Integrator):
    """Euler-Maruyama with equal steps; each mistake is in a method of its own."""

    stochastic = True
    order = 1.0
    evaluations_a_step = 1

    def __init__(self, steps: Steps = 20) -> None:
        self.steps = steps

    def times(self, transport: si.Problem) -> list[float]:
        h = (transport.stop - transport.start) / self.steps
        return [transport.start + h * k for k in range(self.steps)] + [transport.stop]

    def solve(self, transport: si.Problem, x: Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        times, first = self.times(transport), x
        for r, t in pairwise(times):
            w = self.draw(x, generator) if transport.stochastic else None
            x = self.step(transport, x, r, t, w)
        ends = torch.tensor([times[0], times[-1]], dtype=x.dtype)
        return si.Trajectory(ends, torch.stack([first, x]), self.count())

    def count(self) -> int:
        return self.evaluations_a_step * self.steps

    def part(self, fraction: float) -> si.Integrator:
        part = copy.copy(self)
        part.steps = max(1, round(fraction * self.steps))
        return part

    def draw(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        return torch.empty_like(x).normal_(generator=generator)

    def size(self, transport: si.Problem, r: float, t: float) -> float:
        return math.sqrt(abs(t - r)) * transport.noise(r)

    def step(self, transport: si.Problem, x: Tensor, r: float, t: float, w: Tensor | None) -> Tensor:
        x = x + (t - r) * transport.drift(r, x)
        return x if w is None else x + self.size(transport, r, t) * w


class SoldAsOrderTwo(Euler):
    order = 2.0


class NoOrder(Euler):
    order = 0.0


class IgnoresDirection(Euler):
    def step(self, transport: si.Problem, x: Tensor, r: float, t: float, w: Tensor | None) -> Tensor:
        x = x + abs(t - r) * transport.drift(r, x)
        return x if w is None else x + self.size(transport, r, t) * w


class StopsShort(Euler):
    def times(self, transport: si.Problem) -> list[float]:
        h = (transport.stop - transport.start) / (self.steps + 1)
        return [transport.start + h * k for k in range(self.steps + 1)]


class StepsPastTheEnd(Euler):
    """Evaluates the drift at the end of the step after the last."""

    evaluations_a_step = 2

    def step(self, transport: si.Problem, x: Tensor, r: float, t: float, w: Tensor | None) -> Tensor:
        transport.drift(t + (t - r), x)
        return super().step(transport, x, r, t, w)


class OnlyTheEnd(Euler):
    def solve(self, transport: si.Problem, x: Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        found = super().solve(transport, x, generator)
        return si.Trajectory(found.t[1:], found.x[1:], found.evaluations)


class ForgetsTheFirstState(Euler):
    def solve(self, transport: si.Problem, x: Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        found = super().solve(transport, x, generator)
        return si.Trajectory(found.t, found.x[[1, 1]], found.evaluations)


class CountsSteps(Heun):
    def solve(self, transport: si.Problem, x: Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        found = super().solve(transport, x, generator)
        return si.Trajectory(found.t, found.x, self.steps)


class CountsInATensor(Euler):
    def count(self) -> int:
        return torch.tensor(self.steps)  # type: ignore[return-value]


class ChangesTheState(Euler):
    def step(self, transport: si.Problem, x: Tensor, r: float, t: float, w: Tensor | None) -> Tensor:
        x.add_(transport.drift(r, x), alpha=t - r)
        return x if w is None else x.add_(w, alpha=self.size(transport, r, t))


class ScalesTheDrift(Euler):
    def step(self, transport: si.Problem, x: Tensor, r: float, t: float, w: Tensor | None) -> Tensor:
        x = transport.drift(r, x).mul_(t - r).add_(x)
        return x if w is None else x + self.size(transport, r, t) * w


class OnlyTables(Euler):
    def step(self, transport: si.Problem, x: Tensor, r: float, t: float, w: Tensor | None) -> Tensor:
        rows, columns = x.shape
        return super().step(transport, x, r, t, w).reshape(rows, columns)


class RefusesImages(Euler):
    def solve(self, transport: si.Problem, x: Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        if x.ndim > 2:
            raise si.UsageError("tables only")
        return super().solve(transport, x, generator)


class MixesRows(Euler):
    def step(self, transport: si.Problem, x: Tensor, r: float, t: float, w: Tensor | None) -> Tensor:
        return super().step(transport, x, r, t, w) + 1e-3 * (t - r) * x.mean(0)


class PartChangesTheWhole(Euler):
    def part(self, fraction: float) -> si.Integrator:
        self.steps = max(1, round(fraction * self.steps))
        return self


class PartIsTheWhole(Euler):
    part = si.Integrator.part


class PartsOverlap(Euler):
    def part(self, fraction: float) -> si.Integrator:
        return super().part(min(1.0, 2 * fraction))


class LeavesTheNoiseOut(Euler):
    stochastic = True

    def step(self, transport: si.Problem, x: Tensor, r: float, t: float, w: Tensor | None) -> Tensor:
        return super().step(transport, x, r, t, None)


class HalfTheVariance(Euler):
    """``sqrt(epsilon) dW`` in place of ``sqrt(2 epsilon) dW``."""

    def size(self, transport: si.Problem, r: float, t: float) -> float:
        return super().size(transport, r, t) / math.sqrt(2)


class NoiseBySignedSteps(Euler):
    def size(self, transport: si.Problem, r: float, t: float) -> float:
        return math.sqrt(t - r) * transport.noise(r) if t > r else math.nan


class NoiseByLength(Euler):
    def size(self, transport: si.Problem, r: float, t: float) -> float:
        return abs(t - r) * transport.noise(r)


class SameNoiseEveryStep(Euler):
    def solve(self, transport: si.Problem, x: Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        self._kept = self.draw(x, generator) if transport.stochastic else None
        times, first = self.times(transport), x
        for r, t in pairwise(times):
            x = self.step(transport, x, r, t, self._kept)
        return si.Trajectory(torch.tensor([times[0], times[-1]], dtype=x.dtype), torch.stack([first, x]), self.steps)


class NoiseOfRowsShared(Euler):
    def draw(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        return torch.empty_like(x[:1]).normal_(generator=generator).expand_as(x)


class NoiseOfPairsShared(Euler):
    """Each second row gets the noise of the one before, as antithetic pairs with a lost sign do."""

    def draw(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        w = super().draw(x, generator)
        w[1::2] = w[: 2 * (len(w) // 2) : 2]
        return w


class NoiseOfCoordinatesShared(Euler):
    def draw(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        w = torch.empty(len(x), dtype=x.dtype).normal_(generator=generator)
        return w.reshape(-1, *(1 for _ in x.shape[1:])).expand_as(x)


class SeedsItsOwnNoise(Euler):
    def solve(self, transport: si.Problem, x: Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        return super().solve(transport, x, torch.Generator().manual_seed(0))


class SeedsFromTheGenerator(Euler):
    """The first seed of the generator, which does not move on."""

    def solve(self, transport: si.Problem, x: Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        seed = 0 if generator is None else generator.initial_seed()
        return super().solve(transport, x, torch.Generator().manual_seed(seed))


class GlobalNoise(Euler):
    def draw(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        return torch.randn_like(x)


class FreshNoiseInTheCorrector(Euler):
    """Heun's predictor has noise of its own, so the noise of a step misses its part in the drift."""

    order = 2.0
    evaluations_a_step = 2

    def solve(self, transport: si.Problem, x: Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        self._generator = generator
        return super().solve(transport, x, generator)

    def step(self, transport: si.Problem, x: Tensor, r: float, t: float, w: Tensor | None) -> Tensor:
        drift, h, size = transport.drift(r, x), t - r, self.size(transport, r, t)
        fresh = 0.0 if w is None else self.draw(x, self._generator)
        ahead = x + h * drift + size * fresh
        return x + h / 2 * (drift + transport.drift(t, ahead)) + (0.0 if w is None else size * w)

    def __getstate__(self) -> dict[str, object]:
        return {"steps": self.steps}


class NoiseOfTheStart(FreshNoiseInTheCorrector):
    """The same noise in both stages, but of the size at the start of the step: order 1 where the noise varies."""

    def step(self, transport: si.Problem, x: Tensor, r: float, t: float, w: Tensor | None) -> Tensor:
        drift, h = transport.drift(r, x), t - r
        noise = 0.0 if w is None else self.size(transport, r, t) * w
        return x + h / 2 * (drift + transport.drift(t, x + h * drift + noise)) + noise


class ForgetsTheDriftBesideNoise(Euler):
    def step(self, transport: si.Problem, x: Tensor, r: float, t: float, w: Tensor | None) -> Tensor:
        weight = 1.0 if w is None else 0.5
        moved = x + weight * (t - r) * transport.drift(r, x)
        return moved if w is None else moved + self.size(transport, r, t) * w


class MixesRowsOfAnSDE(Euler):
    def step(self, transport: si.Problem, x: Tensor, r: float, t: float, w: Tensor | None) -> Tensor:
        moved = super().step(transport, x, r, t, w)
        return moved if w is None else moved + 1e-3 * (t - r) * x.mean(0)


class SRA1(Euler):
    """Rößler's method for additive noise, of weak order 2."""

    order = 2.0
    evaluations_a_step = 2

    def draw(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        return x.new_empty((2, *x.shape)).normal_(generator=generator)

    def integral(self, w: Tensor) -> Tensor:
        """``J/h``, for the noise w[0] of the step and other numbers w[1]."""
        return (w[0] + w[1] / math.sqrt(3)) / 2

    def step(self, transport: si.Problem, x: Tensor, r: float, t: float, w: Tensor | None) -> Tensor:
        h, middle = t - r, r + 0.75 * (t - r)
        early, late = abs(transport.noise(r)) ** 2, abs(transport.noise(middle)) ** 2
        size = math.sqrt(abs(h) * (early + 2 * late) / 3)
        drift = transport.drift(r, x)
        ahead = x + 0.75 * h * drift + (0.0 if w is None else 1.5 * size * self.integral(w))
        return x + h / 3 * drift + 2 * h / 3 * transport.drift(middle, ahead) + (0.0 if w is None else size * w[0])


class ForgetsTheRootOfThree(SRA1):
    """Right where the drift is linear: only how much its second stage scatters is wrong."""

    def integral(self, w: Tensor) -> Tensor:
        return (w[0] + w[1]) / 2


class ForgetsTheSecondNoise(SRA1):
    def integral(self, w: Tensor) -> Tensor:
        return w[0] / 2


class SharesTheSecondNoise(SRA1):
    """One number for all coordinates of a row, right on a line."""

    def integral(self, w: Tensor) -> Tensor:
        one = w[1].reshape(len(w[1]), -1)[:, 0]
        return (w[0] + one.reshape(-1, *(1 for _ in w.shape[2:])) / math.sqrt(3)) / 2


class RefusesODEs(Euler):
    def solve(self, transport: si.Problem, x: Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        if not transport.stochastic:
            raise si.UsageError("SDEs only")
        return super().solve(transport, x, generator)


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (SoldAsOrderTwo(), "ode-order", "claimed 2"),
        (SoldAsOrderTwo(), "ode-order", "observed order 1.0"),
        (NoOrder(), "ode-order", "no number > 0"),
        (IgnoresDirection(), "ode-order", "does not fall with the step (steps are signed"),
        (StopsShort(), "trajectory", "it stops at t = 0.666"),
        (StepsPastTheEnd(), "trajectory", "outside of the span"),
        (OnlyTheEnd(), "trajectory", "K >= 2"),
        (ForgetsTheFirstState(), "trajectory", "first state of its trajectory is not the initial one"),
        (CountsSteps(), "trajectory", "says 3 evaluations, and the drift was evaluated 6 times"),
        (CountsInATensor(), "trajectory", "no whole number"),
        (ChangesTheState(), "inputs-unchanged", "changes its inputs in place: x"),
        (ScalesTheDrift(), "drift-left-alone", "it writes to the drift it is given"),
        (OnlyTables(), "shape-and-dtype", "not enough values to unpack"),
        (RefusesImages(), "trajectory", "any event shape must do: tables only"),
        (MixesRows(), "rows-independent", "depends on other rows"),
        (PartChangesTheWhole(), "further-times", "part changes the method itself"),
        (PartIsTheWhole(), "parts-share-the-steps", "part gives back the method itself: the whole span takes 20"),
        (PartsOverlap(), "parts-share-the-steps", "part does not share out its steps"),
        (LeavesTheNoiseOut(), "noise-size", "there is no noise"),
        (HalfTheVariance(), "noise-size", "half the variance"),
        (NoiseBySignedSteps(), "noise-size", "backward the noise is not finite"),
        (NoiseByLength(), "noise-size", "not with |h|"),
        (SameNoiseEveryStep(), "noise-size", "draw it anew at each step"),
        (NoiseOfRowsShared(), "noise-drawn-anew", "all rows get the same noise"),
        (NoiseOfPairsShared(), "noise-drawn-anew", "rows share their noise"),
        (NoiseOfCoordinatesShared(), "noise-drawn-anew", "coordinates share their noise"),
        (SeedsItsOwnNoise(), "noise-drawn-anew", "the same noise"),
        (SeedsFromTheGenerator(), "noise-drawn-anew", "two solutions from one generator"),
        (GlobalNoise(), "own-randomness", "global generator of torch"),
        (FreshNoiseInTheCorrector(), "weak-order", "claimed 2"),
        (FreshNoiseInTheCorrector(), "weak-order", "of the variance"),
        (NoiseOfTheStart(), "weak-order", "of the variance of an SDE of steep noise forward, claimed 2"),
        (ForgetsTheDriftBesideNoise(), "weak-order", "does not fall with the step"),
        (ForgetsTheRootOfThree(), "bent-drift", "of the mean of an SDE whose drift bends on a line forward, claimed 2"),
        (ForgetsTheSecondNoise(), "bent-drift", "of the mean of an SDE whose drift bends"),
        (SharesTheSecondNoise(), "bent-drift", "of the mean of an SDE whose drift bends in space backward, claimed 2"),
        (MixesRowsOfAnSDE(), "noise-without-mixing", "a change of one row changes the others"),
        (RefusesODEs(), "shape-and-dtype", "SDEs only"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.Integrator) else "",
)
def test_a_wrong_integrator(rejected, component: si.Integrator, check: str, words: str) -> None:
    rejected("integrator", component, check, words)


class Adaptive(Heun):
    """Halves its steps until two solutions agree."""

    stochastic, adaptive = False, True

    def __init__(self, tolerance: float = 1e-4) -> None:
        super().__init__(steps=4)
        self.tolerance = tolerance

    def solve(self, transport: si.Problem, x: Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        steps, count, found = 4, 0, None
        while True:
            finer = Heun(steps).solve(transport, x)
            count += finer.evaluations
            if found is not None and float((finer.final - found.final).abs().max()) < self.tolerance:
                return si.Trajectory(finer.t, finer.x, count)
            steps, found = 2 * steps, finer


class AdaptiveInName(Adaptive):
    def solve(self, transport: si.Problem, x: Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        return Heun(1).solve(transport, x)


class AdaptiveNoise(Heun):
    """Takes one step for all there is, noise included."""

    adaptive = True

    def __init__(self) -> None:
        super().__init__(steps=1)


class StraightBetween(Heun):
    """Takes its states at further times from the chord of the whole span."""

    def solve_at(
        self,
        transport: si.Problem,
        x: Tensor,
        times: Sequence[float],
        generator: torch.Generator | None = None,
    ) -> si.Trajectory:
        found = self.solve(transport, x, generator)
        fractions = [(time - transport.start) / (transport.stop - transport.start) for time in times]
        states = [x, *(torch.lerp(x, found.final, fraction) for fraction in fractions), found.final]
        t = torch.tensor([transport.start, *times, transport.stop], dtype=x.dtype)
        return si.Trajectory(t, torch.stack(states), found.evaluations)


class AdamsBashforth(si.Integrator):
    """Two steps, of order 2; the first step is Euler's, so that each new start costs a local error of order 2."""

    order = 2.0

    def __init__(self, steps: Steps = 40) -> None:
        self.steps = steps

    def solve(self, transport: si.Problem, x: Tensor, generator: torch.Generator | None = None) -> si.Trajectory:
        first, last, h = x, None, (transport.stop - transport.start) / self.steps
        for k in range(self.steps):
            drift = transport.drift(transport.start + h * k, x)
            x = x + h * (drift if last is None else 1.5 * drift - 0.5 * last)
            last = drift
        ends = torch.tensor([transport.start, transport.stop], dtype=x.dtype)
        return si.Trajectory(ends, torch.stack([first, x]), self.steps)

    def part(self, fraction: float) -> si.Integrator:
        return AdamsBashforth(max(1, round(fraction * self.steps)))


def test_linear_drifts_do_not_see_what_a_bent_one_does() -> None:
    """Without the bent drift the kit would take it for a method of order 2."""
    states = {result.check: result.state for result in check_component("integrator", ForgetsTheRootOfThree())}
    assert [name for name, state in states.items() if state == "violated"] == ["bent-drift"]


def test_a_wrong_adaptive_integrator(rejected) -> None:
    rejected("integrator", AdaptiveInName(), "adaptive-error", "misses a known solution")
    rejected("integrator", AdaptiveNoise(), "adaptive-moments", "misses known moments")


def test_wrong_states_at_further_times(rejected) -> None:
    rejected("integrator", StraightBetween(20), "inner-states", "at a further time")


@pytest.mark.parametrize(
    "component",
    [
        Euler(),
        pytest.param(Euler(3), marks=pytest.mark.slow),
        pytest.param(SRA1(), marks=pytest.mark.slow),
        pytest.param(Heun(), marks=pytest.mark.slow),
        # A step of its own for every check is a matter of a quarter of a minute.
        pytest.param(Heun(1), marks=pytest.mark.slow, id="Heun1"),
        Adaptive(),
        AdamsBashforth(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_right_one_is_accepted(accepted, component: si.Integrator) -> None:
    accepted("integrator", component)
