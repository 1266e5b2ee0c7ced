"""Noise known at more and more times: its law is that of one path, whatever was asked for before."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from si_integrators.noise_path import NoisePath, NoiseVariance

ROWS = 200_000
WAYS = pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)], ids=["forward", "backward"])


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def still(t, x):
    return torch.zeros_like(x)


def rising(t):
    """``g^2 = 3 t^2``, so ``Q = t^3``."""
    return math.sqrt(3) * t


def position(span, fraction):
    return span[0] + fraction * (span[1] - span[0])


@WAYS
def test_increments_refined_many_times_are_those_of_one_path(problem, span):
    """Long ones first, then their parts, as rejections ask; all covariances to five standard errors of them."""
    variance = NoiseVariance(problem(still, rising, *span), torch.zeros(1))
    path = NoisePath(variance, torch.zeros(ROWS, dtype=torch.float64), rng())
    asked = {fraction: path.increment(span[0], position(span, fraction)) for fraction in (0.8, 0.5, 0.3, 0.1, 0.6, 1.0)}
    again = {fraction: path.increment(span[0], position(span, fraction)) for fraction in asked}
    for fraction, increment in asked.items():
        torch.testing.assert_close(again[fraction], increment, rtol=0, atol=1e-12)
    fractions = sorted(asked)
    parts = torch.stack([asked[fractions[0]], *(asked[b] - asked[a] for a, b in pairwise(fractions))])
    levels = [position(span, fraction) ** 3 for fraction in (0.0, *fractions)]
    exact = torch.tensor([abs(b - a) for a, b in pairwise(levels)], dtype=torch.float64)
    scaled = parts / exact.sqrt()[:, None]
    found, count = scaled @ scaled.T / ROWS, len(fractions)
    deviation = (1 + torch.eye(count, dtype=torch.float64)).sqrt() / math.sqrt(ROWS)
    assert bool(((found - torch.eye(count)).abs() < 5 * deviation).all())
    assert bool((scaled.mean(1).abs() < 5 / math.sqrt(ROWS)).all())
    # Gaussian beyond its covariance: the fourth moment 3 has the standard error sqrt(96/n).
    assert bool(((scaled**4).mean(1) - 3).abs().max() < 5 * math.sqrt(96 / ROWS))


def test_what_was_accepted_is_gone_and_what_was_rejected_is_kept(problem):
    variance = NoiseVariance(problem(still, lambda t: 1.0), torch.zeros(1))
    path = NoisePath(variance, torch.zeros(4, dtype=torch.float64), rng())
    whole = path.increment(0.0, 0.8)
    first = path.increment(0.0, 0.3)
    path.forget(0.3)
    torch.testing.assert_close(first + path.increment(0.3, 0.8), whole)
    longer = path.increment(0.3, 1.0)
    torch.testing.assert_close(path.increment(0.3, 0.8), whole - first)
    torch.testing.assert_close(path.increment(0.3, 1.0), longer)


def test_a_rule_that_rejects_by_the_noise_does_not_change_its_law(problem):
    """Steps are halved where their noise is large, for each of many paths alone; drawn anew it would come out small."""
    variance = NoiseVariance(problem(still, lambda t: 1.0), torch.zeros(1))
    ends, generator, rejected = [], rng(3), 0
    for _ in range(4000):
        path, time, total = NoisePath(variance, torch.zeros((), dtype=torch.float64), generator), 0.0, 0.0
        while time < 1:
            end = min(time + 0.25, 1.0)
            increment = path.increment(time, end)
            if abs(float(increment)) > 0.5:
                rejected += 1
                end = time + (end - time) / 2
                increment = path.increment(time, end)
            path.forget(end)
            time, total = end, total + float(increment)
        ends.append(total)
    squares = torch.tensor(ends).square()
    assert rejected > 4000
    assert float(squares.mean()) == pytest.approx(1.0, abs=5 * math.sqrt(2 / 4000))


@WAYS
@pytest.mark.parametrize(
    ("noise", "integral", "rounding"),
    [
        (lambda t: 0.7, lambda t: 0.49 * t, 1e-13),
        (rising, lambda t: t**3, 1e-13),
        (lambda t: math.exp(2 * t), lambda t: math.expm1(4 * t) / 4, 1e-7),
        # A derivative that is infinite at an end: cells of length 1/128, off by 0.03 h^(3/2) in the first and the last.
        (lambda t: (t * (1 - t)) ** 0.25, None, 5e-5),
        (lambda t: t**4, lambda t: t**9 / 9, 1e-7),
    ],
    ids=["constant", "square", "exponential", "root", "steep"],
)
def test_the_variance_is_the_integral_of_the_squared_noise(problem, noise, integral, rounding, span):
    variance = NoiseVariance(problem(still, noise, *span), torch.zeros(1))
    if integral is None:
        assert variance(span[1]) == pytest.approx(math.pi / 8, abs=rounding)
    else:
        for fraction in (0.0, 0.0039, 0.2501, 0.77, 1.0):
            exact = abs(integral(position(span, fraction)) - integral(span[0]))
            assert variance(position(span, fraction)) == pytest.approx(exact, abs=rounding)


@pytest.mark.parametrize("noise", [lambda t: t**4, lambda t: float(t > 0.4996), lambda t: max(0.0, t - 0.5) ** 3])
def test_a_variance_never_falls(problem, noise):
    for span in ((0.0, 1.0), (1.0, 0.0)):
        variance = NoiseVariance(problem(still, noise, *span), torch.zeros(1))
        found = [variance(position(span, k / 5000)) for k in range(5001)]
        assert all(b >= a for a, b in pairwise(found))


def test_without_noise_for_a_while_there_is_none(problem):
    variance = NoiseVariance(problem(still, lambda t: float(t > 0.5)), torch.zeros(1))
    path = NoisePath(variance, torch.zeros(3), rng())
    assert bool((path.increment(0.0, 0.4) == 0).all())
    assert bool((path.increment(0.0, 0.2) == 0).all())
    assert bool(torch.isfinite(path.increment(0.0, 1.0)).all())
