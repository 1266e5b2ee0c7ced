"""Exact fields between Gaussian mixtures carry the law: point by point along the ODE, in expectation along the SDE."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import si_core as si

for plugin in ("si_interpolants", "si_distributions", "si_integrators"):
    pytest.importorskip(plugin)

SPANS = {"forward": (0.0, 1.0), "backward": (1.0, 0.0)}


def ends(process: si.StochasticInterpolant, span: tuple[float, float]) -> tuple[si.Distribution, si.Distribution]:
    """Where the transport starts and where it arrives."""
    both = (process.source, process.target)
    return both if span[0] < span[1] else both[::-1]


def carried_with_volume(transport: si.Transport, x: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """The end points of an ODE and ``log |det dX/dx|`` of each, by differentiation of the solver itself."""
    x = x.clone().requires_grad_()
    final = si.integrate(transport, x, si.build("integrator", "rk4", steps=steps)).final
    rows = [torch.autograd.grad(final[:, i].sum(), x, retain_graph=i == 0)[0] for i in range(2)]
    return final.detach(), torch.linalg.slogdet(torch.stack(rows, 1))[1]


FLOWS = [
    ("brownian", "linear"),
    ("brownian", "variance-matched-trigonometric"),
    ("quadratic", "trigonometric"),
    ("none", "linear"),
    ("none", "variance-preserving"),
]


def in_turn(cases: list[tuple[object, ...]]) -> list[object]:
    """The cases with both spans, one of them as a slow test, in turn."""
    return [
        pytest.param(*case, span, marks=[pytest.mark.slow] * ((k + j) % 2))
        for k, case in enumerate(cases)
        for j, span in enumerate(SPANS)
    ]


@pytest.mark.parametrize(("latent", "path", "span"), in_turn(FLOWS))
def test_the_flow_carries_the_density(mixtures, latent, path, span):
    """``log rho_b(X_b(x)) + log |det dX_b/dx| = log rho_a(x)`` at every point, with an error of order 4 in the step."""
    process = mixtures(latent, path)
    first, last = ends(process, SPANS[span])
    transport = si.Transport(si.exact_fields(process), 0.0, *SPANS[span])
    x = first.sample(60, torch.Generator().manual_seed(2))
    errors = []
    for steps in (48, 96):
        final, volume = carried_with_volume(transport, x, steps)
        errors.append(float((last.log_prob(final) + volume - first.log_prob(x)).square().mean().sqrt()))
    assert errors[1] < 1e-4
    assert math.log2(errors[0] / errors[1]) == pytest.approx(4, abs=0.6)


def waves(x: Tensor) -> Tensor:
    """Bounded features and coordinates, (B, 2) -> (B, K)."""
    directions = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, -1.0]], dtype=x.dtype)
    phases = x @ directions.T
    return torch.cat([phases.cos(), phases.sin(), x, x.square()], 1)


def true_waves(law: si.Distribution) -> Tensor:
    """Their expectations under a Gaussian mixture: ``E e^{i k.x} = sum_j w_j exp(i k.m_j - k.C_j k/2)``."""
    directions = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, -1.0]], dtype=torch.float64)
    size = torch.exp(-0.5 * torch.einsum("ki,jil,kl->jk", directions, law.covariances, directions))
    phase = law.means @ directions.T
    squares = law.means.square() + law.covariances.diagonal(dim1=1, dim2=2)
    return law.weights @ torch.cat([size * phase.cos(), size * phase.sin(), law.means, squares], 1)


LAWS = [
    ("rk4", 0.0, "brownian", "independent"),
    ("stochastic-heun", 0.5, "brownian", "independent"),
    ("stochastic-heun", "gamma", "brownian", "independent"),
    ("stochastic-heun", 1.0, "quadratic", "independent"),
    ("stochastic-heun", 1.0, "brownian", "mirror"),
    ("edm-heun", 0.5, "brownian", "independent"),
]


@pytest.mark.parametrize(("method", "level", "latent", "coupling", "span"), in_turn(LAWS))
def test_expectations_at_the_end(mixtures, method, level, latent, coupling, span):
    """Within five standard errors; with these steps the bias of the methods is below one."""
    process = mixtures(latent, coupling=coupling)
    first, last = ends(process, SPANS[span])
    level = si.build("diffusion", level) if isinstance(level, str) else level
    transport = si.Transport(si.exact_fields(process), level, *SPANS[span])
    generator = torch.Generator().manual_seed(4)
    x = first.sample(6000, generator)
    final = si.integrate(transport, x, si.build("integrator", method, steps=60), generator).final
    values = waves(final)
    error = values.std(0) / len(values) ** 0.5
    assert bool(((values.mean(0) - true_waves(last)).abs() < 5 * error).all())


def test_the_ode_of_a_mirror_is_the_identity(mixtures):
    """The noise of a mirror comes and goes along one path of laws, and the flow goes back on it."""
    process = mixtures(coupling="mirror")
    transport = si.Transport(si.exact_fields(process))
    x = process.target.sample(50, torch.Generator().manual_seed(1))
    solutions = [
        si.integrate(transport, x, si.build("integrator", "rk4", steps=n), times=[0.5]).x for n in (40, 80, 160)
    ]
    errors = [float((solution[-1] - x).abs().max()) for solution in solutions]
    assert errors[-1] < 1e-5
    assert errors[0] > 16 * errors[2]
    assert float((solutions[-1][1] - x).abs().max()) > 0.3, "on the way the states do move"


def test_the_sde_of_a_mirror_forgets_where_it_started(mixtures):
    """The more noise on the way, the less the end has of the start (its law stays, as tested above)."""
    process = mixtures(coupling="mirror")
    fields, heun = si.exact_fields(process), si.build("integrator", "stochastic-heun", steps=60)
    correlations = []
    for level in (0.1, 3.0):
        generator = torch.Generator().manual_seed(3)
        x = process.target.sample(2000, generator)
        final = si.integrate(si.Transport(fields, level), x, heun, generator).final
        correlations.append(float(torch.corrcoef(torch.stack([x[:, 0], final[:, 0]]))[0, 1]))
    assert correlations[1] < correlations[0] - 0.1
