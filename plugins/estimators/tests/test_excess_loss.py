"""The excess loss against its closed form, with both of its ways."""

import math
from collections.abc import Mapping

import pytest
import torch
from torch import nn

import si_core as si
from si_distributions.checkerboard import Checkerboard
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.excess_loss import ExcessLoss
from si_interpolants.latents import Brownian, NoLatent
from si_interpolants.spatially_linear import Linear


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def process_of(latent=None, target=None):
    source = Gaussian(dim=2, dtype="float64")
    target = target or Gaussian(mean=[1.0, -1.0], covariance=[[0.5, 0.3], [0.3, 0.9]], dtype="float64")
    return si.StochasticInterpolant(Linear(), latent or NoLatent(), Independent(), source, target)


def model_of(process, fields):
    return si.Model(process, fields, si.build("integrator", "euler", steps=1))


NOTHING = torch.zeros(1, 2)


@pytest.mark.parametrize(("latent", "mean_square_rate"), [(NoLatent(), 1.0), (Brownian(1.0), math.pi**2 / 8)])
def test_a_shifted_velocity_in_both_ways(latent, mean_square_rate):
    process = process_of(latent)
    exact, shift = si.exact_fields(process), torch.tensor([0.6, -0.8], dtype=torch.float64)
    model = model_of(process, si.FunctionFields(velocity=lambda t, x: exact.velocity(t, x) + shift, process=process))
    found = ExcessLoss(n=5000, batch=1500).estimate(model, NOTHING, generator())
    # A velocity per unit of clock is dt/du times that per unit of time.
    truth = 0.5 * mean_square_rate
    assert abs(found.value - truth) < 5 * found.standard_error < truth
    direct = found.details["fields"]["velocity"]
    assert direct["direct"] == pytest.approx(truth, abs=5 * direct["direct_error"] + 1e-6)
    assert direct["direct_error"] < found.standard_error
    assert len(found.per_sample) == 5000


def test_the_value_is_the_difference_of_the_losses():
    process = process_of(Brownian(1.0))
    exact = si.exact_fields(process)
    model = model_of(process, si.FunctionFields(denoiser=lambda t, x: 0.3 * x, process=process))
    found = ExcessLoss(n=40).estimate(model, NOTHING, generator(1))
    draw = process.draw(40, generator(1))

    def loss(prediction):
        return (0.5 * prediction**2 - draw.target("denoiser") * prediction).sum(1)

    expected = loss(0.3 * draw.xt) - loss(exact.denoiser(draw.t, draw.xt))
    assert torch.allclose(found.per_sample, expected, atol=1e-8)


def test_exact_fields_have_none():
    process = process_of(Brownian(1.0))
    found = ExcessLoss(n=100).estimate(model_of(process, si.exact_fields(process)), NOTHING, generator())
    assert (found.value, found.standard_error) == (0.0, 0.0)


def test_every_learned_field_is_measured():
    class Both(nn.Module):
        def forward(self, t, x, condition=None):
            return torch.stack([0.5 * x, -x], 1)

    process = process_of(Brownian(1.0))
    parametrisation = si.Parametrisation(process.clock, precondition=False)
    fields = si.LearnedFields(process, ["velocity", "denoiser"], si.Predictor([Both()], 2), parametrisation)
    found = ExcessLoss(n=4000).estimate(model_of(process, fields), NOTHING, generator())
    table = found.details["fields"]
    assert set(table) == {"velocity", "denoiser"}
    assert found.value == pytest.approx(sum(entry["excess"] for entry in table.values()))
    for entry in table.values():
        assert abs(entry["excess"] - entry["direct"]) < 5 * entry["excess_error"]
        assert entry["direct"] > 10 * entry["direct_error"]
    only = ExcessLoss(n=4000, fields=["denoiser"]).estimate(model_of(process, fields), NOTHING, generator())
    assert only.value == pytest.approx(table["denoiser"]["excess"])


def test_errors():
    unknown = process_of(target=Checkerboard())
    velocity = si.FunctionFields(velocity=lambda t, x: x)
    with pytest.raises(si.UsageError, match="no closed form"):
        ExcessLoss(n=10).estimate(model_of(unknown, velocity), NOTHING, generator())

    class Labelled(Gaussian):
        conditions: Mapping[str, si.ConditionSpec] = {"species": si.ConditionSpec(classes=("a", "b", "c", "d"))}

    with pytest.raises(si.UsageError, match="species: one of a, b, c, d"):
        ExcessLoss(n=10).estimate(model_of(process_of(target=Labelled(dim=2)), velocity), NOTHING, generator())
    with pytest.raises(si.UsageError, match="generator"):
        ExcessLoss(n=10).estimate(model_of(process_of(), velocity), NOTHING)
    for options in ({"n": 1}, {"batch": 0}, {"fields": ["speed"]}):
        with pytest.raises(si.UsageError, match=next(iter(options))):
            ExcessLoss(**options)
