"""Transport on the line: sorting against scipy, potentials against those of the assignment."""

import pytest
import scipy.stats
import torch

from si_estimators.line_transport import line_potential, wasserstein_power
from si_estimators.wasserstein import assignment, potentials


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(n, *shape, seed=0):
    return torch.randn(n, *shape, dtype=torch.float64, generator=generator(seed))


@pytest.mark.parametrize(("n", "m"), [(50, 50), (50, 80), (33, 7), (1, 5)])
def test_wasserstein_in_one_dimension(n, m):
    a, b = normal(n, 3, seed=1), 2 * normal(m, 3, seed=2) + 1
    expected = [scipy.stats.wasserstein_distance(a[:, k].numpy(), b[:, k].numpy()) for k in range(3)]
    assert wasserstein_power(a, b, 1.0).tolist() == pytest.approx(expected, rel=1e-10)
    # Every point k times over is the same law: quantiles of unequal sizes against plain sorting.
    assert torch.allclose(
        wasserstein_power(a, b, 2.5), wasserstein_power(a.repeat(m, 1), b.repeat(n, 1), 2.5), rtol=1e-10
    )


@pytest.mark.parametrize("order", [1.0, 2.0, 3.0])
def test_potentials_of_equal_sizes_are_those_of_the_assignment(order):
    """Up to a constant, and to what is free in them for finite samples: the spacing of the points."""
    a, b = normal(400, 2, seed=1), 1.5 * normal(400, 2, seed=2) + 1
    found = line_potential(a, b, order)
    for k in range(2):
        exact = torch.from_numpy(potentials(assignment(a[:, k], b[:, k], order))[0])
        apart = (found[:, k] - found[:, k].mean()) - (exact - exact.mean())
        assert float(apart.std() / exact.std()) < 0.05
        assert float(found[:, k].min()) <= 0


def test_a_shift_has_a_linear_potential_for_samples_of_any_sizes():
    """With T x = x + c the derivative is 2 |c| for p = 2; b repeats each point of the shifted a, as the same law."""
    a = normal(30, 2, seed=1)
    found = line_potential(a, (a + 0.7).repeat(4, 1), 2.0)
    expected = -1.4 * a
    assert torch.allclose(found - found.mean(0), expected - expected.mean(0), atol=1e-10)
    ragged = line_potential(a, (a + 0.7).repeat(4, 1)[:-1], 2.0)
    assert float((ragged - found).std(0).max()) < 0.2


def test_one_point_has_no_derivative():
    assert line_potential(normal(1, 3), normal(5, 3), 2.0).tolist() == [[0.0, 0.0, 0.0]]
