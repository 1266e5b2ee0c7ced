"""Schedules and clocks of processes whose components say no more than they must."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

import si_core as si

U = torch.linspace(0, 1, 33, dtype=torch.float64)


def assert_chain_rule(s: si.Schedule, of_time: dict[str, torch.Tensor]) -> None:
    """The schedule's numbers inside are those of the formulas in t, rates times dt/du."""
    inside = slice(1, -1)
    for name, value in of_time.items():
        expected = value * s.rate if name.endswith("_rate") else value
        torch.testing.assert_close(getattr(s, name)[inside], expected[inside], rtol=1e-10, atol=1e-11, msg=name)


def test_a_path_of_weights_alone(strangers) -> None:
    process = strangers.process(strangers.LinearByWeights(), strangers.NoNoise())
    assert process.clock == si.UniformClock()
    for clock in (si.UniformClock(), si.SineClock()):
        s = process.schedule(clock, U)
        t = s.t
        assert_chain_rule(s, {"alpha": (1 - t) ** 2, "beta": t**3, "alpha_rate": 2 * t - 2, "beta_rate": 3 * t * t})
        assert all(bool(torch.isfinite(v).all()) for v in (s.alpha, s.beta, s.alpha_rate, s.beta_rate))
        assert (s.gamma, s.gamma_rate, s.gamma_gamma_rate, s.rate_over_gamma) == (0, 0, 0, math.inf)


def test_a_path_by_its_value_alone(strangers) -> None:
    process = strangers.process(strangers.LinearByValue(), strangers.NoNoise())
    s = process.schedule(process.clock, U)
    assert process.clock == si.UniformClock()
    assert (s.alpha, s.beta, s.alpha_rate, s.beta_rate) == (None, None, None, None)
    torch.testing.assert_close(s.t, U)


def test_a_latent_with_infinite_derivatives_gets_its_clock_unasked(strangers) -> None:
    """``gamma = sqrt(t(1-t))``: the (2, 2) clock, in which it is ``sin(pi u)/2`` and ``(dt/du)/gamma`` is pi."""
    for path in (strangers.LinearByWeights(), strangers.LinearByValue()):
        process = strangers.process(path, strangers.Root())
        assert process.clock == si.SineClock()
        s = process.schedule(process.clock, U)
        torch.testing.assert_close(s.gamma, torch.sin(math.pi * U) / 2, rtol=0, atol=1e-12)
        torch.testing.assert_close(s.gamma_rate, math.pi / 2 * torch.cos(math.pi * U), rtol=0, atol=1e-8)
        torch.testing.assert_close(s.gamma_gamma_rate, math.pi / 8 * torch.sin(2 * math.pi * U), rtol=0, atol=1e-8)
        torch.testing.assert_close(s.rate_over_gamma, torch.full_like(U, math.pi), rtol=0, atol=1e-7)


def test_every_combination_of_steep_ends_gets_the_gentlest_clock(strangers) -> None:
    paths = {strangers.LinearByWeights: (1, 1), strangers.RootOfTime: (2, 1), strangers.LinearByValue: (1, 1)}
    latents = {strangers.NoNoise: (1, 1), strangers.Bump: (1, 1), strangers.RootAtStart: (2, 1), strangers.Root: (2, 2)}
    for (path, first), (latent, second) in itertools.product(paths.items(), latents.items()):
        process = strangers.process(path(), latent())
        assert process.clock.orders == tuple(map(max, zip(first, second, strict=True))), (path, latent)


def test_a_smooth_latent_keeps_uniform_time(strangers) -> None:
    process = strangers.process(strangers.LinearByWeights(), strangers.Bump())
    s = process.schedule(process.clock, U)
    t = s.t
    assert_chain_rule(
        s,
        {
            "gamma": torch.sin(math.pi * t),
            "gamma_rate": math.pi * torch.cos(math.pi * t),
            "gamma_gamma_rate": math.pi / 2 * torch.sin(2 * math.pi * t),
            "rate_over_gamma": 1 / torch.sin(math.pi * t),
        },
    )
    assert torch.isinf(s.rate_over_gamma[[0, -1]]).all()
    assert bool(torch.isfinite(s.gamma_rate).all())


def test_a_declared_clock_is_believed(strangers) -> None:
    latent = strangers.Bump()
    latent.clock = si.SineClock(start=False)
    assert strangers.process(strangers.LinearByWeights(), latent).clock == si.SineClock(start=False)


@pytest.mark.parametrize("clock", [si.UniformClock(), si.SineClock()], ids=repr)
def test_the_built_in_latent_and_a_strangers_agree(strangers, clock: si.Clock) -> None:
    pytest.importorskip("si_interpolants")
    path = strangers.LinearByWeights()
    ours = strangers.process(path, si.build("latent", "brownian")).schedule(clock, U)
    theirs = strangers.process(path, strangers.Root()).schedule(clock, U)
    for part in ("gamma", "gamma_rate", "gamma_gamma_rate", "rate_over_gamma"):
        torch.testing.assert_close(getattr(ours, part), getattr(theirs, part), rtol=1e-8, atol=1e-8, msg=part)


def test_schedules_are_double_and_flat(strangers) -> None:
    process = strangers.process(strangers.LinearByWeights(), strangers.Root())
    for u in (torch.tensor(0.3), torch.tensor([0.3]), torch.tensor([0.3], dtype=torch.float64)):
        s = process.schedule(process.clock, u)
        for part in (s.u, s.t, s.rate, s.alpha, s.gamma_rate):
            assert part.shape == (1,)
            assert part.dtype == torch.float64


def test_schedules_keep_the_gradients_of_what_is_learned(strangers) -> None:
    class Learned(si.SpatiallyLinear):
        bend = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)

        def alpha(self, t):
            return (1 - t) * (1 + self.bend * t)

        def beta(self, t):
            return t

    process = strangers.process(Learned(), strangers.Root())
    s = process.schedule(process.clock, U)
    (gradient,) = torch.autograd.grad(s.alpha_rate[1:-1].sum(), Learned.bend)
    torch.testing.assert_close(gradient, ((1 - 2 * s.t) * s.rate)[1:-1].sum())


def test_noise_size_is_gamma_or_that_of_the_gaussian_source(strangers) -> None:
    path = strangers.LinearByWeights()
    two_sided = strangers.process(path, strangers.Bump())
    s = two_sided.schedule(two_sided.clock, U)
    torch.testing.assert_close(two_sided.noise_size(s), s.gamma)
    one_sided = strangers.process(path, strangers.NoNoise(), source=strangers.Normal())
    s = one_sided.schedule(one_sided.clock, U)
    torch.testing.assert_close(one_sided.noise_size(s), s.alpha)


def test_processes_that_make_no_sense_are_refused(strangers) -> None:
    path, latent, target = strangers.LinearByWeights(), strangers.Bump(), strangers.Normal()
    with pytest.raises(si.UsageError, match="needs a source"):
        si.StochasticInterpolant(path, latent, strangers.Independent(), None, target)
    with pytest.raises(si.UsageError, match="different event shapes"):
        si.StochasticInterpolant(path, latent, strangers.Independent(), strangers.Normal((3,)), target)
    assert si.StochasticInterpolant(path, latent, strangers.Mirror(), None, target).source is target
