"""Couplings of this plugin: what they claim, their joint laws, and what can't be paired is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

import si_core as si
from si_distributions.correlated import CorrelatedGaussians
from si_distributions.datasets.array import Array
from si_distributions.gaussian import Gaussian
from si_distributions.gaussian_mixture import GaussianMixture
from si_distributions.independent import Independent
from si_distributions.mirror import Mirror
from si_distributions.paired import Paired

N = 40_000


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def rows(tmp_path):
    """A target whose first column is its label, and a source whose row i is 2 x + 1 of the target's row i."""
    x = np.stack([np.arange(100) % 10, np.linspace(-1, 1, 100)], 1)
    np.savez(tmp_path / "target.npz", x=x, y=np.arange(100) % 10)
    np.save(tmp_path / "source.npy", 2 * x + 1)
    np.save(tmp_path / "short.npy", x[:50])
    options = {"standardise": False}
    target = Array(str(tmp_path / "target.npz"), key="x", label="y", **options)
    return target, lambda name, **more: Array(str(tmp_path / f"{name}.npy"), **{**options, **more})


def test_only_the_independent_coupling_claims_independence():
    assert Independent().independent
    assert not any(c.independent for c in (Mirror(), Paired(), CorrelatedGaussians(0.5)))
    assert Mirror().source_is_target


def test_mirror_needs_no_source():
    pairs = Mirror().draw(None, Gaussian(), 10, seeded())
    assert torch.equal(pairs.x0, pairs.x1)
    assert pairs.condition is None
    assert pairs.weight is None


def test_paired_rows_have_the_same_index(rows):
    target, source = rows
    pairs = Paired().draw(source("source"), target, 500, seeded())
    torch.testing.assert_close(pairs.x0, 2 * pairs.x1 + 1)
    assert len(pairs.x1.unique(dim=0)) > 80
    # The label, named as its array is, is the first column of its own row.
    assert torch.equal(pairs.condition["y"], pairs.x1[:, 0].long())


def test_paired_refuses_what_has_no_pairs(rows):
    target, source = rows
    with pytest.raises(si.DataError, match="source must be a finite data set"):
        Paired().draw(Gaussian(), target, 4, seeded())
    with pytest.raises(si.DataError, match="target must be a finite data set"):
        Paired().draw(target, Gaussian(), 4, seeded())
    with pytest.raises(si.DataError, match="same number of rows"):
        Paired().draw(source("short"), target, 4, seeded())
    with pytest.raises(si.DataError, match="different rows"):
        Paired().draw(source("source", split_seed=1), target, 4, seeded())


def assert_moments(x, mean, covariance, deviations=5.0):
    """Mean and covariance of draws within some standard errors (those of a Gaussian, doubled for other laws)."""
    x, mean, covariance = x.double(), mean.double(), covariance.double()
    variance = covariance.diagonal()
    assert bool(((x.mean(0) - mean).abs() <= deviations * (variance / len(x)).sqrt()).all())
    error = 2 * deviations * ((variance[:, None] * variance + covariance**2) / len(x)).sqrt()
    assert bool(((x.T.cov() - covariance).abs() <= error).all())


SOURCE = Gaussian(mean=[1.0, 0.0], covariance=[[2.0, 0.3], [0.3, 1.0]])
TARGET = Gaussian(mean=[-1.0, 2.0], covariance=[[1.0, -0.4], [-0.4, 0.8]])


@pytest.mark.parametrize("cross", [0.0, 0.5, -0.3, [[0.2, 0.6], [-0.5, 0.1]]], ids=str)
def test_correlated_gaussians_have_their_joint_law(cross):
    coupling = CorrelatedGaussians(cross)
    pairs = coupling.draw(SOURCE, TARGET, N, seeded(7))
    x0, x1 = pairs.x0, pairs.x1
    assert x0.dtype == x1.dtype == torch.float32
    x = coupling.cross_covariance(2)
    joint = torch.cat([torch.cat([SOURCE.covariances[0], x], 1), torch.cat([x.T, TARGET.covariances[0]], 1)])
    assert_moments(torch.cat([x0, x1], 1), torch.cat([SOURCE.mean, TARGET.mean]), joint, deviations=4)


def test_full_correlation_makes_x0_a_function_of_x1():
    source, target = Gaussian(covariance=4.0), Gaussian(mean=1.0, covariance=9.0)
    pairs = CorrelatedGaussians(6.0).draw(source, target, 100, seeded())
    torch.testing.assert_close(pairs.x0, (pairs.x1 - 1) * 2 / 3, rtol=1e-5, atol=1e-5)


def test_correlated_images_keep_their_shape():
    law = Gaussian(shape=[1, 3, 3])
    pairs = CorrelatedGaussians(0.9).draw(law, law, 5, seeded())
    assert pairs.x0.shape == pairs.x1.shape == (5, 1, 3, 3)


def test_correlated_follows_new_ends_and_survives_pickling():
    coupling = CorrelatedGaussians(0.5)
    first = coupling.draw(Gaussian(), Gaussian(), 5, seeded())
    wider = coupling.draw(Gaussian(mean=3.0), Gaussian(), 5, seeded())
    torch.testing.assert_close(wider.x0, first.x0 + 3)
    copy = pickle.loads(pickle.dumps(coupling))
    assert torch.equal(copy.draw(Gaussian(), Gaussian(), 5, seeded()).x0, first.x0)


@pytest.mark.parametrize(
    ("cross", "source", "target", "message"),
    [
        (1.01, Gaussian(), Gaussian(), "no joint law"),
        (0.5, Gaussian(), GaussianMixture([[0.0, 0.0]]), "target must be a gaussian"),
        (0.5, Gaussian(dim=3), Gaussian(), "different shapes"),
        ([[0.1]], Gaussian(), Gaussian(), "another size"),
        ([[0.1, 0.2]], Gaussian(), Gaussian(), "another shape"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_correlated_refuses_what_has_no_joint_law(cross, source, target, message):
    with pytest.raises(si.UsageError, match=message):
        CorrelatedGaussians(cross).draw(source, target, 4, seeded())


def test_correlated_pairs_need_their_laws():
    with pytest.raises(si.UsageError, match="draw"):
        CorrelatedGaussians(0.5).pair(torch.zeros(2, 2), torch.zeros(2, 2))
