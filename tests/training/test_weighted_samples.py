"""Samples with weights: whoever uses them respects the weights, and says what is left of its claims."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import si_core as si
from si_core.models.samples import Samples
from si_core.models.sampling import draw_samples
from si_core.process.process import StochasticInterpolant

for plugin in ("si_distributions", "si_estimators", "si_integrators", "si_interpolants", "si_recipes"):
    pytest.importorskip(plugin)

model_samples = pytest.importorskip("si_estimators.samples").model_samples

TILT = 0.8


class Tilted(si.Integrator):
    """Another method, whose states are weighted by ``exp(TILT x_1)``: of N(m, s^2) that makes N(m + TILT s^2, s^2)."""

    def __init__(self, method):
        self.method, self.stochastic, self.order = method, method.stochastic, method.order

    def solve(self, problem, x, generator=None):
        path = self.method.solve(problem, x, generator)
        return si.Trajectory(path.t, path.x, path.evaluations, TILT * path.final[:, 0])

    def part(self, fraction):
        return self


@pytest.fixture(scope="module")
def model():
    source, target = (si.build("distribution", "gaussian", dim=1, mean=[mean]) for mean in (0.0, 1.0))
    path = si.build("interpolant", "linear", latent=None, shape=(1,))
    process = StochasticInterpolant(
        path, si.build("latent", "none"), si.build("coupling", "independent"), source, target
    )
    method = Tilted(si.build("integrator", "heun", steps=20))
    return si.Model(process, si.exact_fields(process), method)


def test_resampled_draws_have_the_expectations_of_weighted_ones():
    generator = torch.Generator().manual_seed(0)
    log_weights = 3 * torch.randn(500, generator=generator)
    expected = 500 * torch.softmax(log_weights, 0)
    for n in (500, 2000):
        counts = torch.bincount(si.resample(log_weights, generator, n), minlength=500)
        assert counts.sum() == n
        assert float((counts - expected * n / 500).abs().max()) < 1 + 1e-3
    many = torch.stack([torch.bincount(si.resample(log_weights, generator), minlength=500) for _ in range(4000)])
    # A count is one of the two whole numbers next to its expectation.
    error = ((expected % 1) * (1 - expected % 1) / 4000).sqrt()
    assert bool(((many.double().mean(0) - expected).abs() <= 5 * error + 5 / 4000).all())


@pytest.mark.parametrize("shift", [0.0, -1e4, 1e4])
def test_the_size_of_weights_does_not_matter(shift):
    log_weights = torch.log(torch.tensor([3.0, 1.0, 0.0], dtype=torch.float64)) + shift
    assert si.effective_sample_size(log_weights) == pytest.approx(16 / 10)
    assert sorted(si.resample(log_weights, torch.Generator().manual_seed(0), 4).tolist()) == [0, 0, 0, 1]


def test_each_place_holds_a_draw_of_the_weighted_law():
    """A request for a few samples takes the head of a block: its law must be that of all."""
    generator = torch.Generator().manual_seed(0)
    log_weights = torch.log(torch.tensor([4.0, 1.0, 3.0, 2.0], dtype=torch.float64))
    many = torch.stack([si.resample(log_weights, generator) for _ in range(4000)])
    for place in range(4):
        found = torch.bincount(many[:, place], minlength=4) / 4000
        torch.testing.assert_close(found.double(), log_weights.exp() / 10, rtol=0.0, atol=5 * 0.5 / 4000**0.5)


def test_draws_given_something_are_resampled_among_those_given_the_same():
    generator = torch.Generator().manual_seed(0)
    label = torch.tensor([0, 1, -1, 1, 0, -1])
    values = torch.tensor([0.5, torch.nan, 0.5, torch.nan, 0.5, 0.5])
    log_weights = torch.tensor([0.0, -50.0, 9.0, 60.0, -50.0, -50.0])
    chosen = si.resample_alike(log_weights, generator, {"label": label, "dose": values})
    assert chosen.tolist() == [0, 3, 2, 3, 0, 2]


def test_samples_have_the_law_that_is_meant(model):
    drawn = draw_samples(model, 5000, 0)
    assert isinstance(drawn, Samples)
    assert drawn.log_weights is not None
    assert drawn.log_weights.shape == (5000,)
    x = si.sample(model, 20_000, seed=0)
    effective = 20_000 * np.exp(-(TILT**2))
    assert float(x.mean()) == pytest.approx(1 + TILT, abs=5 / effective**0.5)
    assert float(x.var()) == pytest.approx(1.0, abs=5 * (2 / effective) ** 0.5)


@pytest.mark.parametrize("estimator", ["energy-distance", "mmd", "sliced-wasserstein", "wasserstein", "marginal-kl"])
def test_comparisons_measure_that_law_and_claim_no_more_than_holds(model, estimator):
    tilted, plain = (torch.randn(1500, 1, generator=torch.Generator().manual_seed(1)) + m for m in (1 + TILT, 1.0))
    near, far = (si.estimate(model, estimator, data, seed=2) for data in (tilted, plain))
    assert near.bound == far.bound == ("approximate" if estimator == "marginal-kl" else "consistent")
    assert near.standard_error is None
    assert near.details["effective_samples"] == pytest.approx(1500 * np.exp(-(TILT**2)), rel=0.3)
    assert near.value < far.value / 3


def test_a_wrong_weight_is_refused(model):
    class Lost(Tilted):
        def solve(self, problem, x, generator=None):
            path = super().solve(problem, x, generator)
            return si.Trajectory(path.t, path.x, path.evaluations, torch.full_like(path.log_weights, -torch.inf))

    with pytest.raises(si.NumericsError, match="weights of the states"):
        si.sample(model.with_sampler(Lost(model.integrator.method)), 4)


def test_weights_of_parts_are_multiplied(model):
    generator = torch.Generator().manual_seed(0)
    x = torch.zeros(3, 1)
    path = si.integrate(model.transport(), x, model.integrator, generator, times=[0.5])
    assert torch.allclose(path.log_weights, TILT * (path.x[1] + path.x[2])[:, 0])


def test_comparisons_resample_among_those_given_the_same():
    """Weights that differ between labels would change how many samples of each there are."""
    label = torch.arange(100) % 2
    path = si.Trajectory(torch.tensor([0.0, 1.0]), label.float().reshape(1, -1, 1).expand(2, -1, 1), 1, 9.0 * label)
    model = SimpleNamespace(
        fields=SimpleNamespace(condition=None),
        initial=lambda n, generator, condition: (torch.zeros(n, 1), {"label": label}),
        sample=lambda n, generator, condition, start_from: path,
    )
    drawn = model_samples(model, 200, 100, torch.Generator().manual_seed(0))
    assert float(drawn.x.mean()) == 0.5
    assert drawn.effective == pytest.approx(100, rel=1e-2)
