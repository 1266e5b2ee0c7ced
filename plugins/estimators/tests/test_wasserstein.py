"""The exact Wasserstein distance: against sorting, brute force and closed forms, with its potentials."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
import torch

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.wasserstein import Wasserstein, assignment, potentials
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


@pytest.mark.parametrize("order", [1.0, 2.0, 2.5])
def test_all_permutations_of_few_points(order):
    x, y = normal(6, 2, 2, seed=1), normal(6, 2, 2, seed=2) + 0.5
    distances = torch.cdist(x.flatten(1), y.flatten(1)) ** order
    least = min(
        float(sum(distances[i, k] for i, k in enumerate(sigma))) / 6 for sigma in itertools.permutations(range(6))
    )
    assert float(np.diagonal(assignment(x, y, order)).mean()) == pytest.approx(least, rel=1e-12)


@pytest.mark.parametrize("shape", [(), (1,)])
def test_the_line_against_scipy_and_sorting(shape):
    x, y = normal(80, *shape, seed=1), 2 * normal(80, *shape, seed=2) + 1
    first = float(np.diagonal(assignment(x, y, 1.0)).mean())
    assert first == pytest.approx(scipy.stats.wasserstein_distance(x.flatten().numpy(), y.flatten().numpy()), rel=1e-10)
    second = float(np.diagonal(assignment(x, y, 2.0)).mean())
    assert second == pytest.approx(float((x.flatten().sort()[0] - y.flatten().sort()[0]).square().mean()), rel=1e-10)


@pytest.mark.parametrize("dimensions", [1, 2, 6])
@pytest.mark.parametrize("order", [1.0, 2.0])
def test_potentials_are_feasible_and_optimal(dimensions, order):
    x, y = normal(60, dimensions, seed=1), normal(60, dimensions, seed=2) + 0.5
    cost = assignment(x, y, order)
    phi, psi = potentials(cost)
    slack = cost - phi[:, None] - psi[None, :]
    assert float(slack.min()) > -1e-10
    assert float(np.abs(np.diagonal(slack)).max()) < 1e-10
    # Feasible and of the value of the assignment: both are optimal, by duality.
    assert phi.mean() + psi.mean() == pytest.approx(np.diagonal(cost).mean(), rel=1e-12)
    visited = potentials(cost, np.random.default_rng(0).permutation(60))
    assert np.abs(visited[0] - phi).max() < 1e-9


def test_gaussians_in_closed_form():
    """W_2^2 = |m - m'|^2 + tr(C + C' - 2 (C^1/2 C' C^1/2)^1/2); finite samples add to it, as the floor tells."""
    first = Gaussian(mean=[2.0, 1.0], covariance=[1.0, 0.25], dtype="float64")
    second = Gaussian(dim=2, dtype="float64")
    truth = math.sqrt(5 + (1 - 0.5) ** 2)
    model = standing_still(first, second)
    found = Wasserstein(samples=800).estimate(model, second.sample(1500, generator(1)), generator(2))
    assert (found.bound, found.details["samples"]) == ("consistent", 800)
    assert abs(found.value - truth) < 4 * found.standard_error + found.details["floor"]
    assert 3 * found.standard_error < truth
    # W_p is below W_q for p < q, on the same samples.
    lower = Wasserstein(order=1, samples=800).estimate(model, second.sample(1500, generator(1)), generator(2))
    assert lower.value < found.value
    squares = found.per_sample
    assert len(squares) == 800
    assert found.value == pytest.approx(math.sqrt(float(squares.mean())))


def test_the_upper_bound_holds_in_the_mean_and_the_floor_is_what_equal_laws_show():
    law = Gaussian(dim=2, dtype="float64")
    model = standing_still(law, law)
    runs = [
        Wasserstein(samples=60).estimate(model, law.sample(60, generator(k)), generator(1000 + k)) for k in range(40)
    ]
    values, floors = (torch.tensor(part) for part in zip(*((r.value, r.details["floor"]) for r in runs), strict=True))
    error = float((values.std() ** 2 + floors.std() ** 2).sqrt()) / math.sqrt(40)
    assert float(values.min()) > 0
    assert abs(float(values.mean() - floors.mean())) < 4.5 * error


@pytest.mark.parametrize("finite", [False, True])
def test_finite_data_have_halves_for_a_floor(finite):
    class Table(Gaussian):
        size = 500

    target = (Table if finite else Gaussian)(dim=2, dtype="float64")
    model = standing_still(Gaussian(dim=2, dtype="float64"), target)
    found = Wasserstein(samples=100).estimate(model, target.sample(81, generator(1)), generator(2))
    assert found.details["samples"] == 81
    assert found.details["floor_samples"] == (40 if finite else 81)


def test_errors_say_what_to_do():
    model, x = standing_still(Gaussian(dim=2), Gaussian(dim=2)), torch.zeros(9, 2)
    with pytest.raises(si.UsageError, match="generator"):
        Wasserstein().estimate(model, x)
    with pytest.raises(si.DataError, match=r"\(9, 3\)"):
        Wasserstein().estimate(model, torch.zeros(9, 3), generator())
    with pytest.raises(si.DataError, match="B >= 2"):
        Wasserstein().estimate(model, x[:1], generator())
    for options in ({"order": 0.5}, {"order": -1.0}, {"samples": 1}, {"batch": 0}):
        with pytest.raises(si.UsageError, match=next(iter(options))):
            Wasserstein(**options)
