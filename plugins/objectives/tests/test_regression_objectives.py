"""Every regression objective on processes between Gaussian mixtures, mirrors and rough paths among them.

The loss of each draw is that of the table (arXiv 2303.08797, section 3); its expectation has gradient 0 at the field,
which is known in closed form, within five standard errors; and nothing is singular that pairs or a clock should tame.
"""

from __future__ import annotations

import functools
import itertools
import math

import pytest
import torch
from torch import Tensor

import si_core as si
from si_core.discovery.available import available

pytest.importorskip("si_interpolants")
pytest.importorskip("si_distributions")

NAMES = [found.component.name for found in available("objective") if found.plugin.distribution == "si-objectives"]
PROCESSES = {
    "two-sided, rough": ("linear", "brownian", "independent", False),
    "two-sided, smooth": ("trigonometric", "sine-squared", "independent", False),
    "one-sided, no latent": ("variance-preserving", "none", "independent", True),
    "one-sided, rough": ("linear", "brownian", "independent", True),
    "one-sided, smooth": ("trigonometric", "quadratic", "independent", True),
    "mirror": ("linear", "brownian", "mirror", False),
}
CASES = [(name, process) for name in NAMES for process in PROCESSES]
N = 8000


@functools.cache
def process_of(kind: str) -> si.StochasticInterpolant:
    interpolant, latent, coupling, one_sided = PROCESSES[kind]
    gamma = si.build("latent", latent)
    target = si.build(
        "distribution",
        "gaussian-mixture",
        weights=[0.4, 0.6],
        means=[[1.0, 1.5], [-1.2, 0.3]],
        covariances=[[[0.5, 0.2], [0.2, 0.8]], 0.6],
    )
    source = si.build(
        "distribution", "gaussian", dim=2, **({} if one_sided else {"mean": [0.5, -1.0], "covariance": 0.7})
    )
    path = si.build("interpolant", interpolant, context={"latent": gamma})
    return si.StochasticInterpolant(path, gamma, si.build("coupling", coupling), source, target)


def in_double(process: si.StochasticInterpolant, draw: si.Draw) -> si.Draw:
    """The same draw in double precision, x_t computed anew."""
    x0, x1, z = draw.x0.double(), draw.x1.double(), draw.z.double()
    return process.draw_of(draw.schedule, x0, x1, z, antithetic=draw.antithetic)


@functools.cache
def draw_of(kind: str, antithetic: bool) -> si.Draw:
    process, generator = process_of(kind), torch.Generator().manual_seed(11)
    clock = si.UniformClock() if antithetic else None
    return in_double(process, process.draw(N, generator, clock=clock, antithetic=antithetic))


def exact(name: str, process: si.StochasticInterpolant, draw: si.Draw) -> Tensor:
    return si.exact_fields(process).field(name, draw.schedule, draw.xt)


def weight(name: str, draw: si.Draw) -> Tensor:
    """The score is weighted by the variance of the noise, unless pairs cancel what is singular."""
    one = torch.ones(len(draw.xt), dtype=torch.float64)
    if name != "score" or draw.antithetic:
        return one
    s, one_sided = draw.schedule, draw.structure.one_sided
    return one * s.gamma**2 + (s.alpha**2 if one_sided else 0.0)


def paired_mean(values: Tensor, draw: si.Draw) -> tuple[float, float]:
    """Mean and standard error over independent draws: pairs are averaged first."""
    if draw.antithetic:
        values = values.reshape(2, -1).mean(0)
    return float(values.mean()), float(values.std()) / math.sqrt(len(values))


def assert_zero(values: Tensor, draw: si.Draw) -> None:
    mean, error = paired_mean(values, draw)
    assert math.isfinite(mean)
    assert abs(mean) <= 5 * error + 1e-12, f"{mean} +- {error}"


def modes(process: str) -> tuple[bool, ...]:
    return (False, True) if process_of(process).structure.latent else (False,)


@pytest.mark.parametrize(("name", "process"), CASES)
def test_the_loss_is_that_of_the_table(name: str, process: str) -> None:
    """``1/2|f|^2 - <target, f>`` with the target from alpha, beta, gamma and their derivatives in t."""
    for antithetic in modes(process):
        draw, of = draw_of(process, antithetic), process_of(process)
        t, rate = draw.schedule.t, draw.schedule.rate
        path, latent = of.interpolant, of.latent
        derivative = path.alpha_dot(t)[:, None] * draw.x0 + path.beta_dot(t)[:, None] * draw.x1
        rough = latent.gamma_dot(t)[:, None] * draw.z if of.structure.latent else 0 * derivative
        noise = latent.gamma(t)[:, None] * draw.z if of.structure.latent else 0 * derivative
        variance = latent.gamma(t)[:, None] ** 2 if of.structure.latent else 0 * t[:, None]
        if of.structure.one_sided:
            noise, variance = noise + path.alpha(t)[:, None] * draw.x0, variance + path.alpha(t)[:, None] ** 2
        target = {
            "velocity": (derivative + rough) * rate[:, None],
            "interpolant-velocity": derivative * rate[:, None],
            "score": -noise / variance,
            "denoiser": draw.z if of.structure.latent else draw.x0,
            "source-denoiser": draw.x0,
            "target-denoiser": draw.x1,
        }[si.build("objective", name).field]
        f = torch.sin(draw.xt) + 0.3
        loss = si.build("objective", name).loss(draw, f)
        assert loss.shape == (len(draw.xt),)
        expected = (0.5 * f.square().sum(1) - (target * f).sum(1)) * weight(name, draw)
        # Near an end 1-t has lost digits of gamma that the clock keeps.
        inside = (t > 1e-4) & (t < 1 - 1e-4)
        torch.testing.assert_close(loss[inside], expected[inside], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("name", "process"), CASES)
def test_the_gradient_vanishes_at_the_exact_field(name: str, process: str) -> None:
    """In every direction tried, ``d/dh E loss(field + h direction) = 0`` at h = 0; for the weighted score too."""
    objective = si.build("objective", name)
    for antithetic in modes(process):
        draw = draw_of(process, antithetic)
        best = exact(objective.field, process_of(process), draw).requires_grad_()
        (gradient,) = torch.autograd.grad(objective.loss(draw, best).sum(), best)
        u = draw.schedule.u[:, None]
        for direction in (torch.ones_like(u), draw.xt, torch.sin(2 * draw.xt.flip(1)), u * draw.xt, (1 - u).square()):
            assert_zero((gradient * direction).sum(1), draw)


@pytest.mark.parametrize("name", ["velocity", "score"])
def test_pairs_keep_the_singular_losses_bounded(name: str) -> None:
    """``gamma = sqrt(a t(1-t))``, a field that is smooth in (t, x): the loss of one draw scatters like ``t^(-1/2)``."""
    process, objective = process_of("two-sided, rough"), si.build("objective", name)
    ends = process.draw(4000, torch.Generator().manual_seed(2), antithetic=True)
    x0, x1, z = ends.x0.double(), ends.x1.double(), ends.z.double()
    for at in (lambda d: d, lambda d: 1 - d):
        alone, paired = [], []
        for distance in (1e-2, 1e-4, 1e-6):
            t = torch.full((len(z),), at(distance), dtype=torch.float64)
            s = process.schedule(si.UniformClock(), t)
            draw = process.draw_of(s, x0, x1, z, antithetic=True)
            first, second = objective.loss(draw, torch.sin(draw.xt) + 0.5 * draw.xt).chunk(2)
            alone.append(float(first.std()))
            paired.append(float((first + second).std()) / 2)
        # A hundred times closer to the end: ten times the scatter without the pair, none with it.
        assert all(later > 7 * earlier for earlier, later in itertools.pairwise(alone))
        assert all(later < 1.3 * earlier for earlier, later in itertools.pairwise(paired))


@pytest.mark.parametrize("name", NAMES)
def test_in_the_clock_no_target_is_singular(name: str) -> None:
    """Without pairs: the weighted loss of the score, and every other loss, has bounded scatter up to the ends."""
    process, objective = process_of("two-sided, rough"), si.build("objective", name)
    ends = process.draw(4000, torch.Generator().manual_seed(2))
    x0, x1, z = ends.x0.double(), ends.x1.double(), ends.z.double()
    scatters = []
    for position in (0.5, 0.1, 1e-2, 1e-4, 1e-6, 0.9, 1 - 1e-4, 1 - 1e-6):
        s = process.schedule(process.clock, torch.full((len(z),), position, dtype=torch.float64))
        draw = process.draw_of(s, x0, x1, z)
        scatters.append(float(objective.loss(draw, torch.sin(draw.xt) + 0.5 * draw.xt).std()))
    assert max(scatters) < 20 * max(scatters[0], 0.5)


def test_the_weight_of_the_score_is_the_variance_of_the_noise_and_only_without_pairs() -> None:
    objective = si.build("objective", "score")
    for kind in ("two-sided, rough", "one-sided, rough", "one-sided, no latent"):
        draw = draw_of(kind, False)
        f = torch.cos(draw.xt)
        plain = (f * (0.5 * f - draw.target("score"))).sum(1)
        torch.testing.assert_close(objective.loss(draw, f), plain * weight("score", draw), rtol=1e-12, atol=1e-12)
    draw = draw_of("two-sided, rough", True)
    f = torch.cos(draw.xt)
    assert torch.equal(objective.loss(draw, f), (f * (0.5 * f - draw.target("score"))).sum(1))
