"""The three routes to the bridge between Gaussians, trained and measured against the exact one; minutes each.

The cross-covariance of first and last states of the trained SDE, in the Frobenius norm relative to the exact one.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import si_core as si
from si_schrodinger.gaussian_bridge import GaussianBridge

pytestmark = pytest.mark.slow
pytest.importorskip("si_recipes")

PATHS, BLOCK, STEPS = 1_000_000, 50_000, 60
RECIPE = """\
seed: 1
source: {{use: gaussian, mean: {m0}, covariance: {a}}}
target: {{use: gaussian, mean: {m1}, covariance: {b}}}
latent: {{use: brownian, scale: {scale}}}
network: {{use: mlp, width: 64, depth: 3}}
sample: {{number: 100, epsilon: {epsilon}}}
{route}
"""
TRAIN = "batch: 512, optimizer: {use: adam, lr: 2e-3}, schedule: cosine"


def entropic(epsilon: float) -> str:
    return (
        f"coupling: {{use: entropic, epsilon: {epsilon}}}\ninterpolant: linear\n"
        f"objectives: [velocity, denoiser]\ntrain: {{steps: 2000, {TRAIN}}}"
    )


def fitting(epsilon: float) -> str:
    steps, rounds = (6000, 12) if epsilon < 0.5 else (4000, 8)
    return (
        f"coupling: {{use: markovian, epsilon: {epsilon}, pairs: 40000}}\ninterpolant: linear\n"
        f"objectives: [velocity, denoiser]\ntrain: {{steps: {steps}, rounds: {rounds}, {TRAIN}}}"
    )


def max_min(epsilon: float) -> str:
    return (
        f"interpolant: learned\nobjectives: [{{use: schrodinger-bridge, epsilon: {epsilon}}}]\n"
        f"train: {{steps: 3000, process: {{lr: 2e-3, warmup: 400}}, {TRAIN}}}"
    )


def covariance(d: int, seed: int) -> Tensor:
    factor = torch.randn(d, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return 0.6 * torch.eye(d, dtype=torch.float64) + 0.5 * factor @ factor.mT / d


def cross_of(model: si.Model, epsilon: float) -> Tensor:
    method, generator = si.build("integrator", "stochastic-heun", steps=STEPS), torch.Generator().manual_seed(7)
    transport, ends = model.transport(epsilon=epsilon), []
    with torch.inference_mode():
        for _ in range(PATHS // BLOCK):
            x0 = model.process.source.sample(BLOCK, generator)
            ends.append(torch.cat([x0, si.integrate(transport, x0, method, generator).final], 1).double())
    d = len(model.process.source.mean)  # type: ignore[attr-defined]
    return torch.cov(torch.cat(ends).mT)[:d, d:]


@pytest.mark.parametrize("epsilon", [0.1, 0.5, 2.0])
@pytest.mark.parametrize(
    ("route", "d", "allowed"),
    [
        (entropic, 1, 0.02),
        (entropic, 2, 0.02),
        (entropic, 5, 0.05),
        (fitting, 1, 0.02),
        (fitting, 2, 0.02),
        (fitting, 5, 0.05),
        (max_min, 1, 0.05),
        (max_min, 2, 0.05),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_the_bridge_is_reached(tmp_path: Path, route, d: int, allowed: float, epsilon: float) -> None:
    a, b, m0, m1 = covariance(d, 1), covariance(d, 2), [-1.0] * d, [0.5] * d
    text = RECIPE.format(
        m0=m0, m1=m1, a=a.tolist(), b=b.tolist(), scale=2 * epsilon, epsilon=epsilon, route=route(epsilon)
    )
    path = tmp_path / "bridge.yaml"
    path.write_text(text, encoding="utf-8")
    model = si.train(si.load_recipe(path))
    exact = GaussianBridge(torch.tensor(m0), a, torch.tensor(m1), b, epsilon).cross
    error = float((cross_of(model, epsilon) - exact).norm() / exact.norm())
    # The scatter of a million pairs: Var of an entry is (A_ii B_jj + C_ij^2)/n.
    floor = float(((a.diagonal()[:, None] * b.diagonal() + exact**2) / PATHS).sum().sqrt() / exact.norm())
    assert error <= allowed + 3 * floor, f"{error:.4f}, floor {floor:.4f}"
