"""Densities against independent quadrature, closed forms and draws."""

from __future__ import annotations

import math
import re
from functools import cache

import pytest
import torch

import si_core as si
from si_distributions import noisy_curve
from si_distributions.checkerboard import Checkerboard
from si_distributions.eight_gaussians import EightGaussians
from si_distributions.gaussian import Gaussian
from si_distributions.gaussian_mixture import GaussianMixture
from si_distributions.swiss_roll import SwissRoll
from si_distributions.two_moons import TwoMoons

# Each with a box that holds all but 1e-12 of the mass, and a grid spacing at most 0.8 of the narrowest deviation: the
# midpoint rule on a Gaussian of deviation s then errs by 2 exp(-2 pi^2 (s/h)^2) < 1e-12.
PLANAR = {
    "gaussian": (lambda: Gaussian(mean=[0.5, -1], covariance=[[1, 0.4], [0.4, 0.5]], dtype="float64"), 10.0, 0.25),
    "mixture": (
        lambda: GaussianMixture([[2, 0], [-1, 1]], [0.7, 0.3], [0.25, [[1, -0.5], [-0.5, 0.8]]], dtype="float64"),
        9.0,
        0.2,
    ),
    "eight-gaussians": (lambda: EightGaussians(dtype="float64"), 4.0, 0.1),
    "checkerboard": (lambda: Checkerboard(dtype="float64"), 2.0, 0.125),
    "two-moons": (lambda: TwoMoons(noise=0.2, dtype="float64"), 4.7, 0.15),
    "swiss-roll": (lambda: SwissRoll(noise=0.2, dtype="float64"), 4.6, 0.15),
}
planar = pytest.mark.parametrize("name", PLANAR)


@cache
def on_grid(name):
    """The law, the nodes of a grid, and log-density and mass at them."""
    make, half, spacing = PLANAR[name]
    law = make()
    axis = torch.arange(-half + spacing / 2, half, spacing, dtype=torch.float64)
    nodes = torch.cartesian_prod(axis, axis)
    log_density = law.log_prob(nodes)
    return law, nodes, log_density, log_density.exp() * spacing**2


@planar
def test_the_density_integrates_to_one(name):
    assert float(on_grid(name)[3].sum()) == pytest.approx(1, abs=1e-9)


@planar
def test_draws_have_the_moments_and_the_entropy_of_the_density(name):
    law, nodes, log_density, mass = on_grid(name)
    inside = mass > 0
    nodes, log_density, mass = nodes[inside], log_density[inside], mass[inside]

    def features(x, log_p):
        return torch.stack([*x.T, *x.square().T, x[:, 0] * x[:, 1], *x.sin().T, log_p], -1)

    x = law.sample(40_000, torch.Generator().manual_seed(5))
    drawn, wanted = features(x, law.log_prob(x)), mass @ features(nodes, log_density)
    # Five standard errors; the checkerboard's grid sum has an error of order spacing^2 of its own.
    error = 5 * drawn.std(0) / math.sqrt(len(x)) + (0.01 if name == "checkerboard" else 1e-9)
    assert bool(((drawn.mean(0) - wanted).abs() <= error).all())


@pytest.mark.parametrize("name", ["two-moons", "swiss-roll"])
def test_the_quadrature_along_the_curve_has_converged(name, monkeypatch):
    law = {"two-moons": TwoMoons, "swiss-roll": SwissRoll}[name](dtype="float64")
    near = law.sample(300, torch.Generator().manual_seed(0))
    far = torch.tensor([[5.0, 5.0], [-3.0, 2.0], [0.0, 0.0]])
    monkeypatch.setattr(noisy_curve, "_PANEL", 0.5)
    finer = type(law)(dtype="float64")
    assert len(finer._points.tensor) >= 3.9 * len(law._points.tensor)
    torch.testing.assert_close(law.log_prob(near), finer.log_prob(near), rtol=1e-10, atol=1e-10)
    # Tens of deviations away the integrand varies fast within a panel, and log p is in the thousands.
    torch.testing.assert_close(law.log_prob(far), finer.log_prob(far), rtol=1e-6, atol=1e-10)


def test_checkerboard_fills_every_dark_cell_alike():
    law = Checkerboard(cells=5, extent=2.5)
    cells = (law.sample(26_000, torch.Generator().manual_seed(0)) + 2.5).floor().long()
    counts = torch.bincount(cells[:, 0] * 5 + cells[:, 1], minlength=25).reshape(5, 5)
    dark = (torch.arange(5)[:, None] + torch.arange(5)) % 2 == 0
    assert not bool(counts[~dark].any())
    # 13 cells, 2000 draws each: five deviations of a binomial count.
    assert bool(((counts[dark] - 2000).abs() < 5 * math.sqrt(2000)).all())
    assert law.entropy == pytest.approx(math.log(13))
    assert float(law.log_prob(torch.tensor([[9.0, 0.0]]))) == -math.inf


def test_gaussian_agrees_with_torch():
    mean, covariance = (
        torch.tensor([1.0, -2, 0.5]).double(),
        torch.tensor([[2, 0.5, 0], [0.5, 1, 0.2], [0, 0.2, 3]]).double(),
    )
    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = torch.distributions.MultivariateNormal(mean, covariance).log_prob(x)
    torch.testing.assert_close(Gaussian(mean=mean, covariance=covariance).log_prob(x), wanted)
    isotropic = Gaussian(shape=[3, 1], mean=1.0, covariance=4.0).log_prob(x[..., None])
    torch.testing.assert_close(isotropic, torch.distributions.Normal(1.0, 2.0).log_prob(x).sum(-1))


@pytest.mark.parametrize(
    ("options", "standard"),
    [
        ({}, True),
        ({"dim": 5}, True),
        ({"mean": [0.0, 0.0, 0.0]}, True),
        ({"covariance": [1.0, 1.0]}, True),
        ({"covariance": [[1.0, 0.0], [0.0, 1.0]]}, True),
        ({"shape": [1, 8, 8]}, True),
        ({"mean": [0.0, 1e-9]}, False),
        ({"covariance": 1.0 + 1e-9}, False),
        ({"covariance": [[1.0, 1e-9], [1e-9, 1.0]]}, False),
    ],
)
def test_standard_normal_means_mean_zero_and_covariance_one(options, standard):
    law = Gaussian(**options)
    assert law.standard_normal is standard
    assert law.means.shape == (1, math.prod(law.shape))
    assert law.covariances.shape == (1, math.prod(law.shape), math.prod(law.shape))
    assert law.covariances.dtype == law.means.dtype == law.weights.dtype == torch.float64


def test_a_gaussian_on_large_images_needs_no_matrix():
    law = Gaussian(shape=[3, 256, 256], covariance=2.0)
    x = law.sample(2, torch.Generator().manual_seed(0))
    assert x.shape == (2, 3, 256, 256)
    # The variance estimate has relative deviation sqrt(2/n).
    assert float(x.var()) == pytest.approx(2, rel=5 * math.sqrt(2 / x.numel()))


def test_mixture_components_have_their_weights_in_draws():
    law = GaussianMixture([[-50.0], [0.0], [50.0]], [0.2, 0.5, 0.3])
    fraction = (
        torch.bincount((law.sample(20_000, torch.Generator().manual_seed(1))[:, 0] / 50).round().long() + 1) / 20_000
    )
    torch.testing.assert_close(fraction, torch.tensor([0.2, 0.5, 0.3]), rtol=0, atol=5 * math.sqrt(0.25 / 20_000))


def test_mixture_entropy_is_right_within_its_error():
    # Far apart, the entropy is that of the weights plus the mean one of the components.
    law = GaussianMixture([[-50.0, 0], [50.0, 0]], [0.25, 0.75], [1.0, 4.0])
    weights = torch.tensor([0.25, 0.75])
    wanted = float(torch.special.entr(weights).sum()) + math.log(2 * math.pi * math.e) + 0.75 * math.log(4)
    found = law.estimated_entropy(20_000, torch.Generator().manual_seed(2))
    assert abs(found.value - wanted) < 4 * found.standard_error < 0.05
    assert (found.bound, found.unit, len(found.per_sample)) == ("unbiased", "nats", 20_000)


def test_one_covariance_serves_all_or_each_component():
    means, matrix = [[0.0, 0.0], [1.0, 1.0]], [[2.0, 1.0], [1.0, 3.0]]
    assert GaussianMixture(means, covariances=matrix).covariances.tolist() == [matrix, matrix]
    assert GaussianMixture(means, covariances=[matrix, 2.0]).covariances.tolist() == [matrix, [[2, 0], [0, 2]]]
    assert GaussianMixture(means, covariances=torch.tensor([matrix, matrix])).covariances.tolist() == [matrix, matrix]
    assert GaussianMixture(means, covariances=[1.0, 2.0]).covariances[1].tolist() == [[2, 0], [0, 2]]


REFUSED = {
    "a mean of another shape": lambda: Gaussian(dim=2, mean=[1, 2, 3]),
    "positive definite": lambda: Gaussian(covariance=[[1, 2], [2, 1]]),
    "symmetric": lambda: Gaussian(covariance=[[1, 0.5], [0.2, 1]]),
    "a covariance of another shape": lambda: Gaussian(dim=3, covariance=[[1, 0], [0, 1]]),
    "variance must be positive": lambda: Gaussian(covariance=0),
    "dim or shape": lambda: Gaussian(dim=2, shape=[2]),
    "isotropic": lambda: Gaussian(shape=[2, 2], mean=[0, 0, 0, 0]),
    "whole number": lambda: Gaussian(dim=0),
    "finite": lambda: Gaussian(mean=[0, math.nan]),
    "rectangular": lambda: GaussianMixture([[0, 0], [1]]),
    "k lists of d numbers": lambda: GaussianMixture([0, 1]),
    "one weight for each mean": lambda: GaussianMixture([[0], [1]], [1]),
    "weights must be positive": lambda: GaussianMixture([[0], [1]], [1, 0]),
    "sum 1.*divide by it: 0.4, 0.6": lambda: GaussianMixture([[0], [1]], [2, 3]),
    r"covariances\[1\].*positive definite": lambda: GaussianMixture(
        [[0, 0], [1, 1]], covariances=[1, [[1, 2], [2, 1]]]
    ),
    "one covariance, or one for each mean": lambda: GaussianMixture([[0, 0], [1, 1]], covariances=[1, 1, 1]),
    r"covariances\[0\].*another shape": lambda: GaussianMixture([[0, 0], [1, 1], [2, 2]], covariances=[[1, 1]] * 3),
    "positive number": lambda: TwoMoons(noise=0),
    "coordinate": lambda: si.build("distribution", "point-mass", point=[]),
    "unknown dtype": lambda: Checkerboard(dtype="float16"),
}


@pytest.mark.parametrize("message", REFUSED)
def test_wrong_options_are_refused_with_words(message):
    with pytest.raises(si.UsageError) as caught:
        REFUSED[message]()
    text = " ".join(str(caught.value).split())
    assert re.search(message, text), text


def test_draws_under_inference_mode_leave_gradients_possible():
    law = GaussianMixture([[0.0, 0.0], [3.0, 0.0]])
    with torch.inference_mode():
        law.log_prob(law.sample(4, torch.Generator().manual_seed(0)))
    x = torch.zeros(1, 2, requires_grad=True)
    law.log_prob(x).sum().backward()
    assert float(x.grad[0, 0]) == pytest.approx(3 * math.exp(-4.5) / (1 + math.exp(-4.5)), rel=1e-5)
