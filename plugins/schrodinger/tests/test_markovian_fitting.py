"""Iterative Markovian fitting: the couplings it passes through between Gaussians are those of the exact recursion."""

from __future__ import annotations

import math
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import si_core as si
from si_schrodinger.gaussian_fitting import refitted_cross
from si_schrodinger.markovian import Markovian


def bridge_cross(a: Tensor, b: Tensor, epsilon: float) -> Tensor:
    """``A^1/2 (A^1/2 B A^1/2 + eps^2 I)^1/2 A^-1/2 - eps I``."""
    values, vectors = torch.linalg.eigh(a)
    root, inverse = (vectors @ torch.diag(values**power) @ vectors.mT for power in (0.5, -0.5))
    values, vectors = torch.linalg.eigh(root @ b @ root + epsilon**2 * torch.eye(len(a), dtype=a.dtype))
    return root @ vectors @ torch.diag(values.sqrt()) @ vectors.mT @ inverse - epsilon * torch.eye(
        len(a), dtype=a.dtype
    )


def covariance(d: int, seed: int) -> Tensor:
    factor = torch.randn(d, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return 0.5 * torch.eye(d, dtype=torch.float64) + factor @ factor.mT / d


@settings(max_examples=40, deadline=None)
@given(a=st.floats(0.1, 4), b=st.floats(0.1, 4), correlation=st.floats(0, 0.95), epsilon=st.floats(0.05, 5))
def test_the_scalar_recursion(a: float, b: float, correlation: float, epsilon: float) -> None:
    """``X' = sqrt(ab) exp(-eps int dt/S_t)``, with ``q = (X + eps)^2 - ab`` of either sign in closed form."""
    x = correlation * math.sqrt(a * b)
    c = x + epsilon
    q = c**2 - a * b
    if abs(q) < 1e-3:
        return  # both forms read 0/0 there
    root = math.sqrt(abs(q))
    above = q > 0
    integral = math.log((c + root) / (c - root)) / (2 * root) if above else (math.pi / 2 - math.atan(c / root)) / root
    expected = math.sqrt(a * b) * math.exp(-epsilon * integral)
    one = torch.ones(1, 1, dtype=torch.float64)
    found = refitted_cross(a * one, b * one, x * one, epsilon)
    assert float(found) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("d", "epsilon"), [(1, 2.0), (2, 0.5), (5, 0.1), (1, 0.1), (5, 2.0)])
def test_the_recursion_converges_to_the_bridge_from_independence(d: int, epsilon: float) -> None:
    a, b = covariance(d, 1), covariance(d, 2)
    exact, cross = bridge_cross(a, b, epsilon), torch.zeros(d, d, dtype=torch.float64)
    errors = []
    for _ in range(30):
        cross = refitted_cross(a, b, cross, epsilon)
        errors.append(float((cross - exact).norm()))
    # It converges linearly, the slower the less noise the reference has.
    assert errors[-1] < {0.1: 5e-2, 0.5: 1e-5, 2.0: 1e-7}[epsilon] * float(exact.norm())
    assert all(after <= before + 1e-7 for before, after in pairwise(errors))
    torch.testing.assert_close(refitted_cross(a, b, exact, epsilon), exact, rtol=1e-6, atol=1e-7)


def model_of(a: Tensor, b: Tensor, cross: Tensor, epsilon: float) -> si.Model:
    process = si.StochasticInterpolant(
        si.build("interpolant", "linear"),
        si.build("latent", "brownian", scale=2 * epsilon),
        si.build("coupling", "correlated", cross=cross.tolist()),
        si.build("distribution", "gaussian", mean=[-1.0] * len(a), covariance=a.tolist(), dtype="float64"),
        si.build("distribution", "gaussian", mean=[0.5] * len(a), covariance=b.tolist(), dtype="float64"),
    )
    return si.Model(process, si.exact_fields(process), si.build("integrator", "stochastic-heun", steps=40), epsilon)


@pytest.mark.parametrize(("epsilon", "rounds"), [(0.1, 1), (0.5, 2), (2.0, 1)])
def test_pairs_of_exact_fields_follow_the_recursion(epsilon: float, rounds: int) -> None:
    """Forward after odd rounds and backward after even ones: the same law, for the fields are exact."""
    a, b = covariance(2, 3), covariance(2, 4)
    cross = 0.3 * bridge_cross(a, b, epsilon)
    coupling = Markovian(epsilon=epsilon, pairs=40_000, steps=40)
    coupling.refit(model_of(a, b, cross, epsilon), rounds, torch.Generator().manual_seed(5))
    x0, x1 = coupling.first, coupling.last
    assert x0.shape == x1.shape == (40_000, 2)
    centred0, centred1 = x0 - x0.mean(0), x1 - x1.mean(0)
    found = centred0.mT @ centred1 / len(x0)
    expected = refitted_cross(a, b, cross, epsilon)
    # Var of a sample covariance: (A_ii B_jj + X_ij^2)/n. The Heun steps add h^2 = 1/1600 of the coefficients.
    error = ((a.diagonal()[:, None] * b.diagonal() + expected**2) / len(x0)).sqrt()
    assert bool(((found - expected).abs() <= 5 * error + 2e-3).all()), (found, expected)
    # The end that the SDE starts from is exact, the other one as far as its steps are.
    for centred, law in ((centred0, a), (centred1, b)):
        sample = centred.mT @ centred / len(x0)
        spread = ((law.diagonal()[:, None] * law.diagonal() + law**2) / len(x0)).sqrt()
        assert bool(((sample - law).abs() <= 5 * spread + 4e-3).all())


def test_before_the_first_round_ends_are_independent_and_afterwards_pairs_are_drawn_together() -> None:
    a = b = torch.eye(1, dtype=torch.float64)
    coupling, generator = Markovian(epsilon=0.1, pairs=500), torch.Generator().manual_seed(0)
    model = model_of(a, b, 0.5 * a, 0.1)
    source, target = model.process.source, model.process.target
    drawn = coupling.draw(source, target, 1000, generator)
    assert drawn.condition is None
    assert abs(float(torch.corrcoef(torch.cat([drawn.x0, drawn.x1], 1).mT)[0, 1])) < 5 / math.sqrt(1000)
    coupling.refit(model, 1, generator)
    drawn = coupling.draw(source, target, 1000, generator)
    pairs = torch.cat([coupling.first, coupling.last], 1)
    assert bool((torch.cat([drawn.x0, drawn.x1], 1)[:, None] == pairs).all(-1).any(-1).all())
    assert sorted(coupling.state_dict()) == ["first", "last"]


def test_other_bridges_are_refused() -> None:
    a = torch.eye(1, dtype=torch.float64)
    model = model_of(a, a, 0.5 * a, 0.1)
    with pytest.raises(si.UsageError, match="joins its pairs by Brownian bridges"):
        Markovian(epsilon=0.3).refit(model, 1, torch.Generator())


RECIPE = """\
seed: 1
source: {use: gaussian, mean: [-1.0], covariance: [[1.0]]}
target: {use: gaussian, mean: [1.0], covariance: [[0.5]]}
coupling: {use: markovian, epsilon: 0.5, pairs: 600, steps: 8}
interpolant: linear
latent: {use: brownian, scale: 1.0}
objectives: [velocity, denoiser]
network: {use: mlp, width: 16, depth: 1}
train: {steps: 90, rounds: 3, batch: 64, checkpoint_every: 20, keep: 9}
sample: {number: 64, epsilon: 0.5, integrator: {use: stochastic-heun, steps: 8}}
report: false
"""


@pytest.mark.parametrize("left", [40, 60], ids=["within a round", "at its end"])
def test_rounds_resume_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    """From a checkpoint within the second round, and from one at its end, before the pairs are made anew."""
    pytest.importorskip("si_recipes")
    from si_core.cli.main import main

    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(RECIPE, encoding="utf-8")
    assert main(["run", "r.yaml", "--out", "whole"]) == 0
    shutil.copytree("whole", "again")
    for checkpoint in Path("again/checkpoints").iterdir():
        if int(checkpoint.name.removeprefix("step-")) > left:
            shutil.rmtree(checkpoint)
    for name in ("model.safetensors", "samples.npy", "STATUS.json"):
        Path("again", name).unlink()
    assert main(["run", "again/resolved.yaml", "--resume", "--out", "again"]) == 0
    for name in ("model.safetensors", "samples.npy", "metrics.jsonl"):
        assert Path("again", name).read_bytes() == Path("whole", name).read_bytes(), name
    assert len(si.load_model("again").process.coupling.first) == 600  # type: ignore[attr-defined]
