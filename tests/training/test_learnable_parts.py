"""Parts with parameters: begun from the recipe's seed, in whatever precision they are written, trained or named."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import si_core as si
from si_core.cli.main import main

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)
pytest.importorskip("si_schrodinger")

TEXT = """\
    seed: 3
    source: {use: gaussian, mean: [-1.0, 0.0]}
    target: {use: gaussian, mean: [1.0, 0.5], covariance: 0.5}
    interpolant: strange
    latent: {use: brownian, scale: 1.0}
    objectives: [{use: schrodinger-bridge, epsilon: 0.5}]
    network: {use: mlp, width: 16, depth: 1}
    train: {steps: 4, batch: 64, process: {lr: 1e-2, every: 1, warmup: 0}}
    sample: {number: 64, batch: 64, integrator: {use: stochastic-heun, steps: 5}, epsilon: 0.5}
    report: false
    """

PATH = """
    import torch
    from torch import nn
    from si_core import Interpolant, UniformClock

    class Strange(nn.Module, Interpolant):
        clock = UniformClock()

        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 2))

        def value(self, t, x0, x1):
            inputs = torch.cat([x0, x1, t.expand(len(x0), 1)], -1)
            return (1 - t) * x0 + t * x1 + t * (1 - t) * self.net(inputs)
    """

WEIGHTS = """
    from torch import nn
    from si_core import SpatiallyLinear, UniformClock

    class Strange(nn.Module, SpatiallyLinear):
        clock = UniformClock()

        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 2))

        def alpha(self, t):
            return 1 - t + t * (1 - t) * self.net(t.unsqueeze(-1))[..., 0]

        def beta(self, t):
            return t + t * (1 - t) * self.net(t.unsqueeze(-1))[..., 1]
    """

IDLE = PATH.replace("            self.net =", "            self.spare = nn.Linear(2, 2)\n            self.net =")
FROZEN = IDLE.replace("nn.Linear(2, 2)\n", "nn.Linear(2, 2).requires_grad_(False)\n")
CUT = PATH.replace("self.net(inputs)", "self.net(inputs).detach()")

BOTH = pytest.mark.parametrize("source", [PATH, WEIGHTS], ids=["a general path", "alpha and beta"])


def parameters(model: si.Model) -> torch.Tensor:
    return torch.cat([p.flatten().double() for p in model.process.interpolant.parameters()])


@pytest.mark.parametrize("source", [PATH])
def test_two_processes_run_one_recipe_to_the_same_samples(recipe, stranger, tmp_path: Path, source: str) -> None:
    stranger("interpolant", "strange", "Strange", source)
    recipe(TEXT)
    command = [sys.executable, "-m", "si_core", "run", "r.yaml", "--out", "other"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert main(["run", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "this")]) == 0
    assert np.array_equal(*(np.load(tmp_path / name / "samples.npy") for name in ("this", "other")))


@BOTH
def test_the_seed_and_the_key_decide_where_a_part_begins(recipe, stranger, source: str) -> None:
    stranger("interpolant", "strange", "Strange", source)
    before = torch.get_rng_state()
    first, again, other = (parameters(si.train(recipe(TEXT, "train.steps=0", f"seed={seed}"))) for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@BOTH
def test_parts_are_trained_and_come_back(recipe, stranger, tmp_path: Path, source: str) -> None:
    """In the precision of schedules where they give schedules; what is stored gives the same schedule."""
    stranger("interpolant", "strange", "Strange", source)
    began = si.train(recipe(TEXT, "train.steps=0"))
    model = si.train(recipe(TEXT))
    assert bool((parameters(model) != parameters(began)).any())
    weights = {p.dtype for p in model.process.interpolant.parameters()}
    assert weights == {torch.float32 if source is PATH else torch.float64}
    x = model.process.source.sample(16, torch.Generator().manual_seed(0))
    for dtype in (torch.float32, torch.float64):
        found = model.process.interpolant.at(0.4, x.to(dtype), x.to(dtype) + 1)
        assert found.dtype == dtype
        assert bool(torch.isfinite(found).all())


@pytest.mark.parametrize(("source", "named"), [(IDLE, "spare.weight, spare.bias"), (CUT, "net.0.weight, net.0.bias")])
def test_a_parameter_without_a_gradient_is_named_before_training(recipe, stranger, source: str, named: str) -> None:
    stranger("interpolant", "strange", "Strange", source)
    with pytest.raises(
        si.RecipeError, match=rf"r\.yaml:4:14: the interpolant has parameters[\s\S]*{named}[\s\S]*freeze"
    ):
        si.train(recipe(TEXT))


def test_what_an_author_froze_stays(recipe, stranger) -> None:
    stranger("interpolant", "strange", "Strange", FROZEN)
    began, model = (si.train(recipe(TEXT, f"train.steps={steps}")).process.interpolant for steps in (0, 4))
    assert torch.equal(began.spare.weight, model.spare.weight)
    assert not torch.equal(began.net[0].weight, model.net[0].weight)


def test_a_part_that_is_frozen_whole_needs_no_objective_to_train_it(recipe, stranger) -> None:
    source = PATH.replace("nn.Linear(8, 2))", "nn.Linear(8, 2)).requires_grad_(False)")
    stranger("interpolant", "strange", "Strange", source)
    si.train(recipe(TEXT, "objectives=[velocity,denoiser]"))


NETWORK = """
    import torch
    from torch import nn

    class Strange(nn.Module):
        def __init__(self, shape: tuple[int, ...]) -> None:
            super().__init__()
            self.net, self.spare = nn.Linear(3, 2), nn.Linear(2, 2)

        def forward(self, t, x, condition=None):
            return self.net(torch.cat([x, t.expand(len(x)).unsqueeze(-1)], -1))
    """


def test_an_idle_parameter_of_a_network_is_told(recipe, stranger, caplog: pytest.LogCaptureFixture) -> None:
    stranger("network", "strange", "Strange", NETWORK)
    text = TEXT.replace("interpolant: strange", "interpolant: linear").replace("mlp, width: 16, depth: 1", "strange")
    with caplog.at_level(logging.WARNING):
        si.train(recipe(text))
    (message,) = [each.getMessage() for each in caplog.records if "no loss depends on" in each.getMessage()]
    assert "networks.0.spare.weight, networks.0.spare.bias (" in message


LATENT = """
    import torch
    from torch import nn
    from si_core import Latent, SineClock

    class Strange(nn.Module, Latent):
        clock = SineClock()

        def __init__(self) -> None:
            super().__init__()
            self.size = nn.Linear(1, 1)

        def scale(self, t):
            return torch.sigmoid(self.size(torch.zeros_like(t).unsqueeze(-1))).squeeze(-1)

        def gamma(self, t):
            return (t * (1 - t)).sqrt() * self.scale(t)

        def gamma_dot(self, t):
            return self.gamma_gamma_dot(t) / self.gamma(t)

        def gamma_gamma_dot(self, t):
            return 0.5 * (1 - 2 * t) * self.scale(t).square()
    """


def test_a_latent_learns_beside_networks_of_another_precision(recipe, stranger) -> None:
    stranger("latent", "strange", "Strange", LATENT)
    text = TEXT.replace("{use: brownian, scale: 1.0}", "strange").replace("interpolant: strange", "interpolant: linear")
    began, model = (si.train(recipe(text, f"train.steps={steps}")) for steps in (0, 4))
    assert {p.dtype for p in model.process.latent.parameters()} == {torch.float64}
    assert not torch.equal(began.process.latent.size.bias, model.process.latent.size.bias)
    assert bool(torch.isfinite(model.sample(16, torch.Generator().manual_seed(0)).final).all())


@pytest.mark.fault(25)
@pytest.mark.parametrize(("every", "warmup", "first"), [(1, 3, 4), (1, 4, 5), (3, 1, 4), (3, 4, 7), (2, 0, 1)])
def test_a_process_that_would_never_move_is_told(recipe, stranger, caplog, every, warmup, first) -> None:
    """Of the four steps it has a part in those from number ``first`` on."""
    stranger("interpolant", "strange", "Strange", PATH)
    settings = f"train.process={{lr: 1e-2, every: {every}, warmup: {warmup}}}"
    began = si.train(recipe(TEXT, "train.steps=0"))
    caplog.clear()
    model = si.train(recipe(TEXT, settings))
    assert bool((parameters(model) != parameters(began)).any()) is (first <= 4)
    assert (f"the interpolant stays as it is: its first step would be number {first}" in caplog.text) is (first > 4)
