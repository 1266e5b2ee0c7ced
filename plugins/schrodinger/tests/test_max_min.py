"""The max-min form: its objective, its learnable paths, and what says whether the saddle is reached."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import si_core as si
from si_authoring.testing import InterpolantConformance, ObjectiveConformance
from si_schrodinger.inner_gap import InnerGap
from si_schrodinger.learned_linear import LearnedLinear
from si_schrodinger.learned_path import LearnedPath
from si_schrodinger.max_min import SchrodingerBridge

pytest.importorskip("si_recipes")

EPSILON = 0.5
RECIPE = """\
seed: 1
source: {use: gaussian, mean: [-1.0], covariance: [[1.0]]}
target: {use: gaussian, mean: [1.0], covariance: [[0.25]]}
interpolant: INTERPOLANT
latent: {use: brownian, scale: 1.0}
objectives: [{use: schrodinger-bridge, epsilon: 0.5}]
network: {use: mlp, width: 32, depth: 2}
train:
  steps: STEPS
  batch: 256
  optimizer: {use: adam, lr: 3e-3}
  schedule: cosine
  process: {lr: 5e-3, every: 1, warmup: 100}
sample: {number: 100, epsilon: 0.5, integrator: {use: stochastic-heun, steps: 20}}
report: false
"""


def recipe(folder: Path, interpolant: str = "learned-linear", steps: int = 1200, **changes: object) -> si.Model:
    path = folder / "r.yaml"
    path.write_text(RECIPE.replace("INTERPOLANT", interpolant).replace("STEPS", str(steps)), encoding="utf-8")
    return si.load_recipe(path, changes)


def bent(path: nn.Module) -> nn.Module:
    """Away from the linear path, where training begins."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in path.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, dtype=parameter.dtype, generator=generator)
    return path.requires_grad_(False)


class TestLearnedLinear(InterpolantConformance):
    @pytest.fixture
    def component(self) -> nn.Module:
        return bent(LearnedLinear(terms=4))


class TestLearnedPath(InterpolantConformance):
    @pytest.fixture
    def component(self) -> nn.Module:
        return bent(LearnedPath((2,), width=16))


class TestObjective(ObjectiveConformance):
    @pytest.fixture
    def component(self) -> si.Objective:
        return SchrodingerBridge(EPSILON)


def test_training_begins_with_the_linear_path() -> None:
    generator = torch.Generator().manual_seed(0)
    x0, x1, t = (*torch.randn(2, 5, 2, generator=generator), torch.rand(5, generator=generator))
    line = x0 + t[:, None] * (x1 - x0)
    for path in (LearnedLinear(), LearnedPath((2,))):
        torch.testing.assert_close(path.at(t, x0, x1), line)


METHODS = ["alternating", "extragradient"]


@pytest.mark.parametrize("method", ["alternating", pytest.param("extragradient", marks=pytest.mark.slow)])
def test_the_saddle_is_the_bridge_in_one_dimension(tmp_path: Path, method: str) -> None:
    """The energy falls below that of the linear path, and the variances come near to the bridge's."""
    model = si.train(recipe(tmp_path, **{"train.process.method": method}))
    a, b = 1.0, 0.25
    cross = (a * b + EPSILON**2) ** 0.5 - EPSILON
    t = torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)
    exact = (1 - t) ** 2 * a + t**2 * b + 2 * t * (1 - t) * (cross + EPSILON)
    linear = (1 - t) ** 2 * a + t**2 * b + t * (1 - t)
    path = model.process.interpolant
    with torch.no_grad():
        found = path.alpha(t).square() * a + path.beta(t).square() * b + t * (1 - t)  # type: ignore[attr-defined]
    assert float((found - exact).abs().mean()) < 0.25 * float((linear - exact).abs().mean())
    gap = si.estimate(model, InnerGap())
    assert abs(gap.value) < 0.02 + 5 * (gap.standard_error or 0)


@pytest.mark.parametrize(("interpolant", "method"), [*zip(("learned-linear", "learned"), METHODS, strict=True)])
def test_a_run_keeps_the_path_and_resumes_bit_for_bit(
    tmp_path: Path, interpolant: str, method: str, monkeypatch
) -> None:
    from si_core.cli.main import main

    monkeypatch.chdir(tmp_path)
    recipe(tmp_path, interpolant, steps=130)
    words = ["run", "r.yaml", "estimators=[]", "train.checkpoint_every=120", f"train.process.method={method}"]
    assert main([*words, "--out", "whole"]) == 0
    # The same run, stopped at its first checkpoint: what came after it is taken away.
    assert main([*words, "train.steps=130", "--out", "again"]) == 0
    for path in (tmp_path / "again").glob("checkpoints/step-00000130/*"):
        path.unlink()
    (tmp_path / "again" / "model.safetensors").unlink()
    assert main(["run", "again/resolved.yaml", "--resume", "--out", "again"]) == 0
    for name in ("model.safetensors", "samples.npy", "metrics.jsonl"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    loaded = si.load_model("whole")
    moved = [float(p.abs().max()) for p in loaded.process.interpolant.parameters()]  # type: ignore[attr-defined]
    assert max(moved) > 0
    assert '"process"' in (tmp_path / "whole" / "metrics.jsonl").read_text()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"latent.scale": 1.5}, "the latent is noisier than the bridge"),
        ({"latent": "none"}, "a bridge needs noise on its way"),
        ({"coupling": {"use": "correlated", "cross": 0.1}}, "the max-min form is one of independent ends"),
        ({"objectives": ["velocity", "denoiser"]}, "has parameters to train, and no objective trains them"),
        ({"objectives": [{"use": "schrodinger-bridge", "epsilon": -1.0}]}, "epsilon"),
        ({"train.rounds": 2}, "does not learn from a model"),
        ({"train.rounds": 7}, "does not divide train.steps"),
    ],
)
def test_what_is_no_bridge_is_refused_with_the_reason(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(si.RecipeError, match=words):
        si.train(recipe(tmp_path, **changes))


def model_of(factor: float) -> si.Model:
    process = si.StochasticInterpolant(
        si.build("interpolant", "linear"),
        si.build("latent", "brownian", scale=2 * EPSILON),
        si.build("coupling", "independent"),
        si.build("distribution", "gaussian", mean=[-1.0, 0.5], covariance=[[1.0, 0.2], [0.2, 0.7]], dtype="float64"),
        si.build("distribution", "gaussian", mean=[1.0, 0.0], covariance=[[0.4, 0.0], [0.0, 1.1]], dtype="float64"),
    )
    exact = si.exact_fields(process)

    def scaled(field: object) -> object:
        return lambda t, x: factor * field(t, x)  # type: ignore[operator]

    fields = si.FunctionFields(velocity=scaled(exact.velocity), score=scaled(exact.score), process=process)  # type: ignore[arg-type]
    return si.Model(process, fields, si.build("integrator", "stochastic-heun", steps=10), EPSILON)


@pytest.mark.parametrize("excess", [-0.3, 0.0, 0.5])
def test_the_inner_gap_is_that_of_the_formula(excess: float) -> None:
    found = si.estimate(model_of(1 + excess), InnerGap(n=2000))
    assert found.standard_error is not None
    assert abs(found.value - excess / (1 + excess)) <= 5 * found.standard_error
    assert found.standard_error < 0.02
