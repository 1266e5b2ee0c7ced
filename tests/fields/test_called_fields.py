"""Learned fields as functions that objectives call: the same field as in training, the map of a Gaussian pair as what
is known between two times, and derivatives in t, s and x by either mode."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import si_core as si
from si_core.fields.called import CalledField
from si_core.fields.learned import LearnedFields
from si_core.fields.parametrisation import Parametrisation
from si_core.fields.predictor import Predictor
from si_core.process.process import StochasticInterpolant

for plugin in ("si_distributions", "si_interpolants", "si_networks"):
    pytest.importorskip(plugin)

PATHS = ("linear", "trigonometric", "variance-preserving", "encoder-decoder")
LATENTS = ("none", "brownian", "sine-squared", "quadratic")
COUPLINGS = ("independent", "mirror", "given start")


class Zero(nn.Module):
    """A network that has learned nothing."""

    def forward(self, t, x, condition=None, s=None):
        return torch.zeros_like(x)


class Wave(nn.Module):
    """A smooth network of two times."""

    def forward(self, t, x, condition=None, s=None):
        t, s = (torch.as_tensor(time).reshape(-1, 1) for time in (t, t if s is None else s))
        return torch.sin(2 * x + 3 * t) * torch.cos(s)


def fields_of(path, latent, coupling, network, precondition=True, names=("velocity",)):
    normal = si.build("distribution", "gaussian", dim=2, dtype="float64")
    noise = si.build("latent", latent)
    pairing = si.build("coupling", "mirror" if coupling == "mirror" else "independent")
    pairing.anchored = coupling == "given start"
    process = StochasticInterpolant(
        si.build("interpolant", path, latent=noise, shape=(2,)), noise, pairing, normal, normal
    )
    predictor = Predictor([network], len(names), two_times=True)
    return LearnedFields(process, names, predictor, Parametrisation(si.UniformClock(), precondition))


def variance(fields, t):
    """Of x_t for unit ends; x0 counts as given in a forecast, and is the same as x1 in a mirror."""
    process, latent = fields.process, fields.process.latent
    alpha, beta = process.interpolant.alpha(t), process.interpolant.beta(t)
    gamma = torch.zeros_like(t) if latent.vanishes else latent.gamma(t)
    if process.coupling.anchored:
        return beta**2 + gamma**2
    return ((alpha + beta) ** 2 / 2 if process.structure.mirror else alpha**2 + beta**2) + gamma**2


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("latent", LATENTS)
@pytest.mark.parametrize("path", PATHS)
def test_at_a_draw_it_is_the_prediction_of_training(path, latent, coupling):
    fields = fields_of(path, latent, coupling, Wave())
    draw = fields.process.draw(64, torch.Generator().manual_seed(0), clock=si.UniformClock())
    called = CalledField(fields, 0, draw.condition, draw.x0)(draw.t, draw.xt)
    (expected,) = fields.predictions(draw)
    # A path that is all x0 for a while says nothing beside a given one: its preconditioning is 0/0 there.
    assert torch.allclose(called, expected, rtol=1e-12, atol=1e-12, equal_nan=True)
    assert bool(expected.isfinite().all()) or (path == "encoder-decoder" and fields.process.coupling.anchored)


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("latent", LATENTS)
@pytest.mark.parametrize("path", PATHS)
def test_what_is_known_is_the_map_of_a_gaussian_pair(path, latent, coupling):
    fields = fields_of(path, latent, coupling, Zero())
    grid = torch.tensor([0.02, 0.2, 0.2 + 3e-6, 0.45, 0.8, 0.98], dtype=torch.float64)
    t, s = (times.flatten() for times in torch.meshgrid(grid, grid, indexing="ij"))
    generator = torch.Generator().manual_seed(1)
    x, x0 = (torch.randn(len(t), 2, generator=generator, dtype=torch.float64) for _ in range(2))
    given = fields.process.coupling.anchored
    told = fields.conditioned({"x0": x0}) if given else fields
    moved = si.flow_map(told, t, x, s)
    mean = x0 if given else torch.zeros_like(x)
    alpha = fields.process.interpolant.alpha
    centred = x - alpha(t)[:, None] * mean
    expected = alpha(s)[:, None] * mean + (variance(fields, s) / variance(fields, t)).sqrt()[:, None] * centred
    usable = (variance(fields, t) > 1e-6) & (variance(fields, s) > 1e-6)
    # The midpoint rule of near times errs by span^3; the spans here are of 3e-6.
    assert torch.allclose(moved[usable], expected[usable], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("precondition", [True, False])
@pytest.mark.parametrize("latent", LATENTS)
@pytest.mark.parametrize("path", PATHS)
def test_it_is_differentiable_in_its_times_and_in_x_by_either_mode(path, latent, precondition):
    fields = fields_of(path, latent, "independent", Wave(), precondition)
    generator = torch.Generator().manual_seed(2)
    t, s = (0.1 + 0.35 * torch.rand(5, generator=generator, dtype=torch.float64) + shift for shift in (0.0, 0.45))
    x = torch.randn(5, 2, generator=generator, dtype=torch.float64)
    field = CalledField(fields, 0)

    def value(t, x, s):
        return field(t, x, s=s).sum(-1)

    ways = [torch.randn(v.shape, generator=generator, dtype=torch.float64) for v in (t, x, s)]
    _, forward = torch.func.jvp(value, (t, x, s), tuple(ways))
    h = 1e-5
    ahead, behind = (value(*(v + sign * h * way for v, way in zip((t, x, s), ways, strict=True))) for sign in (1, -1))
    assert torch.allclose(forward, (ahead - behind) / (2 * h), rtol=1e-7, atol=1e-7)
    inputs = [v.clone().requires_grad_() for v in (t, x, s)]
    gradients = torch.autograd.grad(value(*inputs).sum(), inputs)
    reverse = sum((g * way).sum() for g, way in zip(gradients, ways, strict=True))
    assert torch.allclose(reverse, forward.sum(), rtol=1e-9, atol=1e-9)


def test_fields_of_one_time_have_no_map():
    fields = fields_of("linear", "none", "independent", Zero())
    single = LearnedFields(fields.process, ["velocity"], Predictor([Zero()], 1), fields.parametrisation)
    with pytest.raises(si.UsageError, match="no flow map"):
        si.flow_map(single, 0.0, torch.zeros(1, 2), 1.0)
    with pytest.raises(si.UsageError, match="given one time"):
        CalledField(single, 0)(torch.zeros(1), torch.zeros(1, 2), s=torch.ones(1))
