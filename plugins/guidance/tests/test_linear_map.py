"""Normal densities about what an operator sees, beside those of its matrix."""

from __future__ import annotations

import pytest
import torch

import si_core as si
from si_guidance.linear_map import LinearMap

NOISE, SPREAD = 0.3, 0.7


@pytest.mark.parametrize(("d", "m"), [(6, 3), (3, 6), (4, 4)])
def test_densities_of_a_matrix(d: int, m: int) -> None:
    generator = torch.Generator().manual_seed(0)
    a, residual = (torch.randn(m, n, generator=generator, dtype=torch.float64) for n in (d, 5))
    linear = LinearMap(lambda x: x @ a.T + 1.0, lambda x: 2 * x - 3, (d,), torch.device("cpu"))
    covariance = NOISE * torch.eye(m, dtype=torch.float64) + SPREAD * 4 * a @ a.T
    expected = torch.distributions.MultivariateNormal(torch.zeros(m, dtype=torch.float64), covariance)
    found = linear.log_normal(residual.T, NOISE, torch.tensor([SPREAD], dtype=torch.float64))
    torch.testing.assert_close(found, expected.log_prob(residual.T))


def test_a_few_numbers_of_a_large_event() -> None:
    linear = LinearMap(lambda x: x.mean((1, 2, 3))[:, None], lambda x: x, (3, 400, 400), torch.device("cpu"))
    assert linear.values.tolist() == pytest.approx([1 / (3 * 400 * 400)])


def test_what_is_detached_is_refused() -> None:
    with pytest.raises(si.UsageError, match="differentiated"):
        LinearMap(lambda x: x.detach()[:, :2], lambda x: x, (3,), torch.device("cpu"))
