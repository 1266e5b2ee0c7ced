"""Interpolants of others, written from the interface alone: they train and sample like the house's own."""

from __future__ import annotations

import pytest
import torch

import si_core as si

for plugin in (
    "si_interpolants",
    "si_distributions",
    "si_integrators",
    "si_objectives",
    "si_networks",
    "si_estimators",
):
    pytest.importorskip(plugin)

TEXT = """\
    source: two-moons
    target: {use: gaussian-mixture, weights: [0.6, 0.4], means: [[0.0, 2.0], [-1.7, -1.0]], covariances: 0.2}
    interpolant: strange
    latent: brownian
    objectives: [velocity, denoiser]
    network: {use: mlp, width: 64, depth: 3}
    train: {steps: 500, batch: 256, optimizer: {use: adam, lr: 5e-3}, schedule: cosine, ema: 0.99}
    sample: {integrator: {use: stochastic-heun, steps: 40}, epsilon: 0.5}
    """

ALPHA_AND_BETA = """
    from si_core import SpatiallyLinear

    class Strange(SpatiallyLinear):
        def __init__(self, power: int = 2) -> None:
            self.power = power

        def alpha(self, t):
            return (1 - t) ** self.power

        def beta(self, t):
            return 1 - (1 - t) ** self.power
    """

STEEP = """
    from si_core import SpatiallyLinear

    class Strange(SpatiallyLinear):
        def alpha(self, t):
            return (1 - t).sqrt()

        def beta(self, t):
            return t.sqrt()
    """

VALUE_ALONE = """
    import torch
    from si_core import Interpolant

    class Strange(Interpolant):
        def value(self, t, x0, x1):
            return (1 - t) * x0 + t * x1 + t * (1 - t) * torch.sin(x0 + 2 * x1)
    """

FLOOR = 1.5e-3
"""The standard error of the energy distance of 2000 samples and 4000 others of the target."""


def distance(model: si.Model) -> float:
    energy = si.build("estimator", "energy-distance", samples=2000)
    return sum(si.estimate(model, energy, seed=seed).value for seed in (0, 1)) / 2


@pytest.mark.parametrize("source", [ALPHA_AND_BETA, STEEP, VALUE_ALONE], ids=["alpha and beta", "steep", "value alone"])
def test_trained_and_sampled(recipe, stranger, source):
    stranger("interpolant", "strange", "Strange", source)
    model = si.train(recipe(TEXT))
    assert model.process.structure.spatially_linear is (source is not VALUE_ALONE)
    assert model.transport().flow.unbounded == (False, False)
    assert distance(model) < 15 * FLOOR
    assert distance(model.with_sampler(si.build("integrator", "rk4", steps=20), 0.0)) < 30 * FLOOR


@pytest.mark.parametrize("objectives", ["[interpolant-velocity, denoiser]", "[velocity, score]"])
def test_a_value_alone_completes_its_fields(recipe, stranger, objectives):
    """In the basis (dI/dt, z) of a general interpolant the same pairs suffice."""
    stranger("interpolant", "strange", "Strange", VALUE_ALONE)
    model = si.train(recipe(TEXT, f"objectives={objectives}"))
    assert distance(model) < 30 * FLOOR


def test_a_value_alone_says_what_it_lacks(recipe, stranger):
    """Without spatial linearity x has no coefficients: a Gaussian source does not make one field enough."""
    stranger("interpolant", "strange", "Strange", VALUE_ALONE)
    with pytest.raises(si.RecipeError, match=r"r\.yaml:5:13: an SDE can't be had[\s\S]*denoiser"):
        si.train(recipe(ONE_FIELD))


ONE_FIELD = TEXT.replace("[velocity, denoiser]", "[velocity]").replace("two-moons", "gaussian")


def test_options_of_a_stranger_come_from_the_recipe(recipe, stranger):
    stranger("interpolant", "strange", "Strange", ALPHA_AND_BETA)
    model = si.train(recipe(TEXT, "interpolant.power=3", "train.steps=1"))
    half = torch.tensor(0.5, dtype=torch.float64)
    assert float(model.process.interpolant.alpha(half)) == 0.125
    assert float(model.process.interpolant.alpha_dot(half)) == pytest.approx(-0.75)
    with pytest.raises(si.RecipeError, match="power"):
        recipe(TEXT, "interpolant.power=high")
