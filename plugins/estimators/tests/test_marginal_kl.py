"""The divergence of the first coordinates by kernel densities: against scipy, closed forms, and equal laws."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.kernel_density import KernelDensity, density_without_parts, whole_density
from si_estimators.marginal_kl import MarginalKL, kernel_divergence
from si_interpolants.latents import NoLatent
from si_interpolants.spatially_linear import Linear


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(n, *shape, seed=0):
    return torch.randn(n, *shape, dtype=torch.float64, generator=generator(seed))


def standing_still(source, target):
    process = si.StochasticInterpolant(Linear(), NoLatent(), Independent(), source, target)
    fields = si.FunctionFields(velocity=lambda t, x: torch.zeros_like(x))
    return si.Model(process, fields, si.build("integrator", "euler", steps=1))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_density_of_scipy(d, monkeypatch):
    monkeypatch.setattr("si_estimators.kernel_density._BLOCK", 7)
    sample, x = normal(90, d, seed=1) @ (torch.eye(d, dtype=torch.float64) + 0.3), normal(20, d, seed=2)
    density = KernelDensity(sample, 4, "test")
    expected = gaussian_kde(sample.T.numpy(), "scott")(x.T.numpy())
    assert whole_density(density.log_sums(x), density.sizes).exp().numpy() == pytest.approx(expected, rel=1e-10)


def test_parts_are_left_out_at_the_bandwidth_of_the_whole():
    sample, x = normal(43, 2, seed=1), normal(6, 2, seed=2)
    density = KernelDensity(sample, 5, "test")
    assert density.sizes.tolist() == [9, 9, 9, 8, 8]
    found = density_without_parts(density.log_sums(x), density.sizes)
    whole = gaussian_kde(sample.T.numpy(), "scott")
    for g in range(5):
        first = int(density.sizes[:g].sum())
        kept = torch.cat([sample[:first], sample[first + int(density.sizes[g]) :]])
        gaps = torch.from_numpy(np.linalg.inv(whole.covariance)).double()
        difference = x[:, None] - kept[None]
        exponents = -0.5 * ((difference @ gaps) * difference).sum(-1)
        log_scale = math.log(2 * math.pi) + 0.5 * np.linalg.slogdet(whole.covariance)[1] + math.log(len(kept))
        assert torch.allclose(found[:, g], torch.logsumexp(exponents, 1) - log_scale, atol=1e-10)


def test_the_metric_of_the_paper_by_scipy():
    x, y = normal(300, 2, seed=1), 1.2 * normal(250, 2, seed=2) + 0.3
    ratio = gaussian_kde(x.T.numpy())(x.T.numpy()) / gaussian_kde(y.T.numpy())(x.T.numpy())
    values, error = kernel_divergence(x, y)
    assert values.numpy() == pytest.approx(np.log(ratio) + 1 / ratio - 1, rel=1e-9, abs=1e-12)
    assert float(values.min()) >= 0
    assert error > 0


@pytest.mark.parametrize("mean", [[1.0, 0.0], [0.5, 0.5], [0.0, 0.0]])
def test_gaussians_in_closed_form(mean):
    """KL = |m|^2/2 for a shift. Smoothing by h adds h^2 to both variances: a fraction h^2 = n^(-1/3) of it goes."""
    n = 4000
    target = Gaussian(dim=4, dtype="float64")
    model = standing_still(Gaussian(mean=[*mean, 3.0, -3.0], dtype="float64"), target)
    found = MarginalKL().estimate(model, target.sample(n, generator(1)), generator(2))
    truth = sum(m**2 for m in mean) / 2
    smoothing = n ** (-1 / 3) * truth
    assert abs(found.value - truth) < 4 * found.standard_error + smoothing + found.details["floor"]
    assert found.standard_error < 0.05
    assert 0 < found.details["floor"] < 0.03
    assert (found.bound, found.unit, len(found.per_sample)) == ("approximate", "nats", n)


def test_equal_laws_are_told_by_the_floor():
    law = Gaussian(dim=2, dtype="float64")
    model = standing_still(law, law)
    runs = [MarginalKL().estimate(model, law.sample(300, generator(k)), generator(1000 + k)) for k in range(30)]
    values, floors = (torch.tensor(part) for part in zip(*((r.value, r.details["floor"]) for r in runs), strict=True))
    error = float((values.std() ** 2 + floors.std() ** 2).sqrt()) / math.sqrt(30)
    assert abs(float(values.mean() - floors.mean())) < 4.5 * error
    more = MarginalKL().estimate(model, law.sample(4000, generator()), generator(1))
    assert more.value < float(values.mean()) / 2


def test_only_the_first_coordinates_count_and_of_any_event():
    target = Gaussian(shape=[2, 3], dtype="float64")
    source = Gaussian(shape=[2, 3], mean=1.0, dtype="float64")
    x = target.sample(60, generator(1))
    found = MarginalKL(coordinates=3, samples=50).estimate(standing_still(source, target), x, generator(2))
    y = source.sample(50, generator(2))
    expected, error = kernel_divergence(x.flatten(1)[:, :3], y.flatten(1)[:, :3])
    assert found.value == pytest.approx(float(expected.mean()))
    assert found.standard_error == pytest.approx(error)

    class Table(Gaussian):
        size = 60

    finite = MarginalKL(samples=50).estimate(
        standing_still(source, Table(shape=[2, 3], dtype="float64")), x, generator(2)
    )
    assert finite.details["floor_samples"] == 30


def test_errors_say_what_to_do():
    model = standing_still(Gaussian(dim=2), Gaussian(dim=2))
    # Of these pivots, 0 up to rounding, some are positive and some are not.
    for seed in range(8):
        line = torch.randn(30, 1, generator=generator(seed))
        with pytest.raises(si.DataError, match="lie in a plane"):
            MarginalKL().estimate(model, torch.cat([line, (1 + seed) * line], 1), generator())
    with pytest.raises(si.DataError, match="B >= 20"):
        MarginalKL().estimate(model, torch.zeros(9, 2), generator())
    with pytest.raises(si.UsageError, match="generator"):
        MarginalKL().estimate(model, torch.zeros(30, 2))
    for options in ({"coordinates": 0}, {"samples": 5}, {"batch": 0}):
        with pytest.raises(si.UsageError, match=next(iter(options))):
            MarginalKL(**options)
