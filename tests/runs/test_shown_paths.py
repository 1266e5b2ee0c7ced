"""What a report shows of a model: paths with noise and without from the same starts, and where a density jumps."""

from __future__ import annotations

import pytest
import torch

import si_core as si
from si_core.runs.shown_paths import shown_paths
from si_core.runs.view import _breakpoints

for plugin in ("si_distributions", "si_interpolants", "si_integrators"):
    pytest.importorskip(plugin)


def model(epsilon: float, dim: int = 2) -> si.Model:
    process = si.StochasticInterpolant(
        interpolant=si.build("interpolant", "linear"),
        latent=si.build("latent", "brownian", scale=1.0),
        coupling=si.build("coupling", "independent"),
        source=si.build("distribution", "gaussian", dim=dim),
        target=si.build("distribution", "gaussian", dim=dim, mean=3.0, covariance=0.25),
    )
    method = si.build("integrator", "stochastic-heun" if epsilon else "heun", steps=10)
    return si.Model(process, si.exact_fields(process), method, epsilon=epsilon)


def shown(given: si.Model) -> tuple[si.Trajectory, si.Trajectory | None]:
    return shown_paths(given, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dim", [1, 2])
def test_the_ode_takes_the_same_starts_at_the_same_times_to_where_it_leads(dim):
    path, flow = shown(model(0.5, dim))
    assert flow is not None
    few = flow.x.shape[1]
    assert torch.equal(flow.t, path.t)
    assert torch.equal(flow.x[0], path.x[0, :few])
    assert not torch.allclose(flow.x[-1], path.x[-1, :few], atol=0.1)
    # Between N(0, 1) and N(3, 1/4) the monotone map is x -> 3 + x/2, and the flow is monotone in each entry.
    assert torch.allclose(flow.x[-1], 3 + flow.x[0] / 2, atol=0.02)


def test_where_it_is_the_same_or_events_are_large_there_is_none():
    assert shown(model(0.0))[1] is None
    path, flow = shown(model(0.5, 3))
    assert flow is None
    assert path.x.shape[1] < shown(model(0.5))[0].x.shape[1]


def test_they_depend_on_the_stream_alone():
    first, second = (shown(model(0.5)) for _ in range(2))
    assert all(torch.equal(a.x, b.x) for a, b in zip(first, second, strict=True))


def test_breakpoints_come_in_the_units_of_the_data():
    class Box(si.Distribution):
        shape = (2,)
        breakpoints = ((0.0, 1.0), (-1.0,))
        frame = si.Frame((2,), torch.tensor([10.0, 0.0]), torch.tensor([2.0, 0.5]))

        def sample(self, n: int, generator: torch.Generator | None = None) -> torch.Tensor:
            return torch.rand(n, 2, generator=generator)

    assert _breakpoints(Box()) == ((10.0, 12.0), (-0.5,))
    assert _breakpoints(si.build("distribution", "gaussian", dim=2)) is None
