"""Interpolants and latents with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

import math
import random

import pytest
import torch
from torch import Tensor

import si_core as si
from si_authoring.testing.doubles import Bridge, Line


class EndsOffByAThousandth(Line):
    def beta(self, t: Tensor) -> Tensor:
        return t * (1 - 1e-3)


class DerivativeByAFactor(Line):
    def velocity(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        return 1.01 * (x1 - x0)


class DerivativeOfAWeight(Line):
    def alpha_dot(self, t: Tensor) -> Tensor:
        return torch.full_like(t, -1.5)


class ChangesItsInputs(si.Interpolant):
    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        return x0.mul_(1 - t).add_(t * x1)

    def velocity(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        return x1 - x0


class LosesThePrecision(si.Interpolant):
    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        return ((1 - t) * x0 + t * x1).float()


class LosesTheDevice(si.Interpolant):
    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        return torch.zeros(x0.shape, dtype=x0.dtype) + ((1 - t) * x0 + t * x1)


class MixesRows(si.Interpolant):
    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        return (1 - t) * x0 + t * x1 + 0.1 * t * (1 - t) * x0.mean(0)


class DrawsGlobally(si.Interpolant):
    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        return (1 - t) * x0 + t * x1 + t * (1 - t) * torch.randn(x0.shape, dtype=x0.dtype)


class DrawsWithPython(Line):
    def alpha(self, t: Tensor) -> Tensor:
        random.random()
        return 1 - t


class SeesOneEntryOfTime(si.Interpolant):
    """Takes the batch's first time for all."""

    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        t = t.flatten()[0] if t.ndim else t
        return (1 - t) * x0 + t * x1


class HasAPole(Line):
    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        return super().value(t, x0, x1) + t * (1 - t) / (t - 0.5)

    def velocity(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        return si.Interpolant.velocity(self, t, x0, x1)


class ClaimsLinearity(si.Interpolant):
    spatially_linear = True

    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        return (1 - t) * x0 + t * x1


class HoldsALambda(Line):
    def __init__(self) -> None:
        self.weight = lambda t: 1 - t

    def alpha(self, t: Tensor) -> Tensor:
        return self.weight(t)


class UntypedOptions(Line):
    def __init__(self, power=1):
        self.power = power


class UntoldSize(Line):
    def __init__(self, terms: int = 1) -> None:
        self.terms = terms


class WrongDefault(Line):
    def __init__(self, power: int = 1.5) -> None:  # type: ignore[assignment]
        self.power = power


class ChangesTheDefaultDtype(Line):
    def beta(self, t: Tensor) -> Tensor:
        torch.set_default_dtype(torch.float64)
        return t


class ForgetsWhatIsLearned(torch.nn.Module, Line):
    """The derivative is that of the first parameters alone."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def alpha(self, t: Tensor) -> Tensor:
        return 1 - t + self.weight * t * (1 - t)

    def alpha_dot(self, t: Tensor) -> Tensor:
        return -torch.ones_like(t)


class LearnsItsEnds(torch.nn.Module, si.Interpolant):
    """Runs from x0 to x1 as long as its network is 0."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Linear(2, 2)
        torch.nn.init.zeros_(self.net.weight)
        torch.nn.init.zeros_(self.net.bias)

    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        if x0.shape[1:] != (2,):
            raise si.UsageError("a path in the plane")
        return (1 - t) * x0 + t * x1 + t * self.net(x0)


class WrongClock(si.SpatiallyLinear):
    clock = si.UniformClock()

    def alpha(self, t: Tensor) -> Tensor:
        return 1 - t

    def beta(self, t: Tensor) -> Tensor:
        return t.sqrt()


class InfiniteNearAnEnd(Line):
    """Right wherever a grid of 33 positions looks."""

    def beta_dot(self, t: Tensor) -> Tensor:
        return torch.where((t > 0) & (t < 1e-3), torch.inf, torch.ones_like(t))


class CurvedInfiniteNearAnEnd(si.Interpolant):
    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        t = t.reshape(t.shape + (1,) * (x0.ndim - t.ndim))
        return (1 - t) * x0 + t * x1

    def velocity(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        t = t.reshape(t.shape + (1,) * (x0.ndim - t.ndim))
        return torch.where((t < 1) & (t > 1 - 1e-5), torch.nan, x1 - x0)


class DerivativeCutOff(Line):
    """``beta = sqrt(t)``, whose derivative is finite at the end itself: the clock is not found by it."""

    def beta(self, t: Tensor) -> Tensor:
        return t.sqrt()

    def beta_dot(self, t: Tensor) -> Tensor:
        return 0.5 / t.clamp(min=1e-12).sqrt()


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (InfiniteNearAnEnd(), "finite-near-the-ends", "beta_rate is inf at 1e-06 from u = 0"),
        (CurvedInfiniteNearAnEnd(), "finite-near-the-ends", "velocity is nan at 1e-06 from u = 1"),
        (
            DerivativeCutOff(),
            "clock-order",
            "power 0.5 of the distance to t = 0, and it declares no clock",
        ),
        (EndsOffByAThousandth(), "ends", "does not run from x0 to x1"),
        (DerivativeByAFactor(), "derivative", "not the derivative of value"),
        (DerivativeOfAWeight(), "coefficients", "chain rule"),
        (ChangesItsInputs(), "inputs-unchanged", "changes its inputs in place: x0"),
        (LosesThePrecision(), "shape-and-dtype", "loses the states' dtype"),
        (LosesTheDevice(), "device", "beside states that are elsewhere"),
        (MixesRows(), "rows-independent", "depends on other rows"),
        (DrawsGlobally(), "own-randomness", "global generator of torch"),
        (DrawsWithPython(), "own-randomness", "global generator of random"),
        (SeesOneEntryOfTime(), "rows-independent", "depends on other rows"),
        (HasAPole(), "finite-inside", "not finite at t = 0.5"),
        (ClaimsLinearity(), "linear-as-claimed", "inherits from SpatiallyLinear"),
        (HoldsALambda(), "pickling", "can't be pickled"),
        (UntypedOptions(), "options", "no type for 'power'"),
        (WrongDefault(), "options", "defaults are not allowed"),
        (UntoldSize(), "bounded-options", "terms may be as large as one likes"),
        (ChangesTheDefaultDtype(), "host-unchanged", "changes the default dtype"),
        (ForgetsWhatIsLearned(), "coefficients", "at other parameters than its first: in_clock disagrees"),
        (LearnsItsEnds(), "ends", "at other parameters than its first: it does not run"),
        (WrongClock(), "coefficients", "declare another `clock`"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.Interpolant) else "",
)
def test_a_wrong_interpolant(rejected, component: si.Interpolant, check: str, words: str) -> None:
    rejected("interpolant", component, check, words)


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    ("component", "check", "relative"),
    [(EndsOffByAThousandth(), "ends", 1e-3), (DerivativeByAFactor(), "derivative", 1e-2)],
    ids=["ends", "derivative"],
)
def test_the_largest_deviation_is_told(rejected, component: si.Interpolant, check: str, relative: float) -> None:
    """It is the part that is off times points or their differences, of order 1."""
    measured = rejected("interpolant", component, check, "").measured
    assert relative < measured.deviation < 20 * relative
    assert measured.allowed < measured.deviation
    assert measured.where


class DoesNotVanish(Bridge):
    def gamma(self, t: Tensor) -> Tensor:
        return (t * (1 - t) + 1e-3).sqrt()


class NegativeInside(Bridge):
    def gamma(self, t: Tensor) -> Tensor:
        return torch.sin(2 * math.pi * torch.minimum(t, 1 - t)) * (1 - 2 * t)


class DerivativeHalf(Bridge):
    def gamma_dot(self, t: Tensor) -> Tensor:
        return 0.5 * (1 - 2 * t) / (t * (1 - t)).sqrt() / 2


class InfiniteProduct(si.Latent):
    """The default product, which reads 0 times infinity at the ends."""

    def gamma(self, t: Tensor) -> Tensor:
        return (t * (1 - t)).sqrt()


class WrongProduct(Bridge):
    def gamma_gamma_dot(self, t: Tensor) -> Tensor:
        return 1 - 2 * t


class WideNoise(Bridge):
    def sample(self, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return 1.1 * torch.empty_like(like).normal_(generator=generator)


class GlobalNoise(Bridge):
    def sample(self, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return torch.randn_like(like)


class WrongPaths(Bridge):
    def path(self, times: Tensor, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        z = torch.empty_like(like).normal_(generator=generator)
        return torch.stack([t * (1 - t) * z for t in times])


class SaysItMissesItsEnds(Bridge):
    meets_ends = False


class SaysItVanishes(Bridge):
    vanishes = True


class DerivativesCutOff(Bridge):
    """Rough at both ends, with derivatives that are finite there: the clock is not found by them."""

    def gamma_dot(self, t: Tensor) -> Tensor:
        return self.gamma_gamma_dot(t) / self.gamma(t).clamp(min=1e-6)


class SmoothByDeclaration(DerivativesCutOff):
    clock = si.UniformClock()


class SlowAtOneEnd(DerivativesCutOff):
    clock = si.SineClock(stop=False)


class ThirdOrder(si.UniformClock):
    """``t = u^3 (10 - 15u + 6u^2)``."""

    orders = (3, 3)

    def time(self, u: Tensor) -> Tensor:
        v = torch.minimum(u, 1 - u)
        early = v**3 * (10 - 15 * v + 6 * v**2)
        return torch.where(u <= 0.5, early, 1 - early)

    def rate(self, u: Tensor) -> Tensor:
        return 30 * (u * (1 - u)).square()


class TooSlow(Bridge):
    """In a clock of order 3 gamma is of order 3/2: its derivative is bounded, and has a root in it."""

    clock = ThirdOrder()

    def gamma(self, t: Tensor) -> Tensor:
        return (t * (1 - t)).sqrt()


class SquareNotSmooth(si.Latent):
    def gamma(self, t: Tensor) -> Tensor:
        return (t * (1 - t)) ** 0.75

    def gamma_dot(self, t: Tensor) -> Tensor:
        return 0.75 * (1 - 2 * t) / (t * (1 - t)).clamp(min=1e-12) ** 0.25


class LosesDigitsNearTheEnds(Bridge):
    """``1 - (1 - 2t)^2`` is 0 in single precision for t below 1e-8: its root and quotients are not."""

    clock = si.SineClock()

    def gamma(self, t: Tensor) -> Tensor:
        single = t.float()
        return ((1 - (1 - 2 * single).square()).sqrt() / 2).to(t.dtype)

    def gamma_dot(self, t: Tensor) -> Tensor:
        return self.gamma_gamma_dot(t) / self.gamma(t)


class Damped(si.Latent):
    """``(1-t) sqrt(t)``, right: rough at t = 0 alone, and smooth at t = 1."""

    clock = si.SineClock(stop=False)

    def gamma(self, t: Tensor) -> Tensor:
        return (1 - t) * t.sqrt()

    def gamma_gamma_dot(self, t: Tensor) -> Tensor:
        return (1 - t) * (1 - 3 * t) / 2


class Smooth(si.Latent):
    """``t(1-t)``, right without a word on its clock."""

    def gamma(self, t: Tensor) -> Tensor:
        return t * (1 - t)


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (DoesNotVanish(), "vanishes-at-the-ends", "does not vanish at the ends"),
        (NegativeInside(), "positive-inside", "not positive"),
        (DerivativeHalf(), "derivative", "gamma_dot is not the derivative"),
        (InfiniteProduct(), "gamma-gamma-dot", "write gamma_gamma_dot by hand"),
        (WrongProduct(), "gamma-gamma-dot", "not half the derivative"),
        (WideNoise(), "standard-noise", "not standard normal"),
        (GlobalNoise(), "standard-noise", "global generator"),
        (WrongPaths(), "paths", "not the variance"),
        (SaysItVanishes(), "positive-inside", "says that it vanishes"),
        (SaysItMissesItsEnds(), "vanishes-at-the-ends", "says that it does not meet the ends"),
        (
            DerivativesCutOff(),
            "clock-order",
            "power 0.5 of the distance to t = 0, and it declares no clock",
        ),
        (SmoothByDeclaration(), "clock-order", "it declares a clock of order 1 there; declare one of order 2"),
        (SlowAtOneEnd(), "clock-order", "of the distance to t = 1, and it declares a clock of order 1 there"),
        (TooSlow(), "clock-order", "it declares a clock of order 3 there; declare one of order 2"),
        (SquareNotSmooth(), "clock-order", "power 0.75 of the distance to t = 0"),
        (SquareNotSmooth(), "clock-order", "gamma^2 has to be smooth"),
        (LosesDigitsNearTheEnds(), "finite-near-the-ends", "gamma_rate is inf at 1e-06 from u = 0"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.Latent) else "",
)
def test_a_wrong_latent(rejected, component: si.Latent, check: str, words: str) -> None:
    rejected("latent", component, check, words)


class DoesNotGrowAsItSays(torch.nn.Module, si.Latent):
    """The product is that of the first scale."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    def gamma(self, t: Tensor) -> Tensor:
        return self.scale * (t * (1 - t)).sqrt()

    def gamma_gamma_dot(self, t: Tensor) -> Tensor:
        return (1 - 2 * t) / 2


def test_a_path_that_says_it_misses_its_ends_and_does_not(rejected) -> None:
    path = Squares()
    path.meets_ends = False
    rejected("interpolant", path, "ends", "says that it does not meet the ends")


def test_a_latent_that_is_wrong_once_it_learns(rejected) -> None:
    rejected("latent", DoesNotGrowAsItSays(), "gamma-gamma-dot", "at other parameters than its first: gamma_gamma_dot")


class Squares(si.SpatiallyLinear):
    """``1-t^2`` and ``t^2``, right."""

    def alpha(self, t: Tensor) -> Tensor:
        return 1 - t**2

    def beta(self, t: Tensor) -> Tensor:
        return t**2


class Bowed(si.Interpolant):
    """The formula as it stands."""

    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        return (1 - t) * x0 + t * x1 + t * (1 - t) * torch.sin(x0 + 2 * x1)


class WithAVelocity(Bowed):
    def velocity(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        return x1 - x0 + (1 - 2 * t) * torch.sin(x0 + 2 * x1)


class LearnedBow(torch.nn.Module, si.Interpolant):
    """A layer of its own, in single precision as torch makes it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Linear(5, 2)

    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        if x0.shape[1:] != (2,):
            raise si.UsageError("a path in the plane", got=tuple(x0.shape))
        inputs = torch.cat([x0, x1, t.expand(len(x0), 1)], -1)
        return (1 - t) * x0 + t * x1 + t * (1 - t) * self.net(inputs).tanh()


class LearnedWeights(torch.nn.Module, si.SpatiallyLinear):
    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))

    def alpha(self, t: Tensor) -> Tensor:
        return 1 - t + t * (1 - t) * self.net(t.unsqueeze(-1))[..., 0]

    def beta(self, t: Tensor) -> Tensor:
        return t + t * (1 - t) * self.net(t.unsqueeze(-1))[..., 1]


class LearnedNoise(torch.nn.Module, si.Latent):
    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Linear(1, 1)

    def gamma(self, t: Tensor) -> Tensor:
        return t * (1 - t) * self.net(t.unsqueeze(-1)).squeeze(-1).exp()


@pytest.mark.parametrize(
    ("kind", "component"),
    [
        ("interpolant", Line()),
        ("interpolant", Bowed()),
        ("interpolant", WithAVelocity()),
        ("interpolant", LearnedBow()),
        pytest.param("interpolant", LearnedWeights(), marks=pytest.mark.slow),
        ("latent", Bridge()),
        ("latent", Damped()),
        ("latent", Smooth()),
        ("latent", LearnedNoise()),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_right_one_is_accepted(accepted, kind: str, component: object) -> None:
    accepted(kind, component)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("event", [(), (2,), (1, 8, 8)])
def test_times_of_any_form_meet_states_of_any_form(event: tuple[int, ...], dtype: torch.dtype) -> None:
    x0, x1 = torch.randn(2, 8, *event, generator=torch.Generator().manual_seed(0), dtype=dtype)
    t = torch.linspace(0, 1, 8, dtype=torch.float64)
    for path in (Bowed(), WithAVelocity()):
        for method in (path.at, path.velocity_at):
            rows = torch.stack([method(float(time), a[None], b[None])[0] for time, a, b in zip(t, x0, x1, strict=True)])
            for times in (t, t.float()):
                found = method(times, x0, x1)
                assert found.dtype == dtype
                torch.testing.assert_close(found, rows)
    assert torch.equal(Bowed().at(0, x0, x1), x0)
