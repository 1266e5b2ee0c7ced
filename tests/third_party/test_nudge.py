"""A stranger's guidance: in a recipe, on the command line, in conformance, and what it does to a law."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch

import si_core as si
from si_core.cli.main import main

for plugin in ("si_recipes", "si_optimizers"):
    pytest.importorskip(plugin)

RECIPE = """\
source: {use: gaussian, dim: 2}
target: two-moons
network: {use: mlp, width: 8, depth: 1}
train: {steps: 5, batch: 16}
sample: {number: 64, integrator: {use: euler, steps: 20}, guidance: {use: nudge, strength: 30.0, point: 7.0}}
report: false
"""


@pytest.fixture(autouse=True)
def nudge(wheel: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel("si-nudge")
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(RECIPE)


def test_it_draws_the_samples_of_a_run_to_its_point():
    assert main(["run", "r.yaml", "--out", "run"]) == 0
    assert abs(numpy.load("run/samples.npy").mean() - 7) < 1
    assert si.load_recipe("run/resolved.yaml").sample.guidance[0].qualified == "si-nudge/nudge"
    assert main(["sample", "run", "-n", "64", "--guidance", "none", "--out", "free.npy"]) == 0
    assert abs(numpy.load("free.npy").mean() - 7) > 2


@pytest.mark.parametrize("clock", [None, "uniform"])
@pytest.mark.parametrize("strength", [0.0, 0.7, -0.4])
def test_the_law_of_a_nudged_ode(strength, clock):
    """From N(0, I) to itself the trigonometric path has velocity 0, so states decay exponentially to the point."""
    parts = [si.build(*words) for words in (("interpolant", "trigonometric"), ("latent", "none"))]
    ends = [si.build("distribution", "gaussian", dim=2, dtype="float64") for _ in range(2)]
    process = si.StochasticInterpolant(*parts, si.build("coupling", "independent"), *ends)
    model = si.Model(process, si.exact_fields(process), si.build("integrator", "rk4", steps=50), clock=clock)
    guided = model.with_guidance([si.build("guidance", "nudge", strength=strength, point=3.0)])
    x = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    final = guided.sample(20, torch.Generator(), start_from=x).final
    torch.testing.assert_close(final, 3 + (x - 3) * math.exp(-strength), rtol=1e-7, atol=1e-7)


@pytest.mark.slow
def test_it_is_in_conformance():
    pytest.importorskip("si_authoring")
    from si_authoring.testing import check_component

    results = list(check_component("guidance", si.build("guidance", "nudge")))
    assert {result.check: result.message for result in results if result.state == "violated"} == {}
    assert sum(result.state == "holds" for result in results) > 10
