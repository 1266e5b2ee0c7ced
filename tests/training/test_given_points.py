"""Trained processes from given points: one point for all states, and the forecast of each state of a series."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("si_interpolants")
import si_core as si

POINT = """
source: {use: point-mass, point: [0.0, 0.0]}
target: {use: gaussian-mixture, weights: [0.5, 0.5], means: [[1.5, 0.0], [-1.5, 0.5]], covariances: [0.1, 0.1]}
latent: {use: brownian, scale: 2.0}
objectives: [OBJECTIVE]
network: {use: mlp, width: 64, depth: 3}
train: {steps: 500, batch: 512, optimizer: {use: adam, lr: 4e-3}, schedule: cosine, ema: 0.99}
sample: {epsilon: 1.0, integrator: {use: stochastic-heun, steps: 50}}
"""

FORECAST = """
source: {use: array, path: now.npy, held_out: 0}
target: {use: array, path: later.npy, held_out: 0}
coupling: {use: paired, forecast: true}
latent: {use: wiener, scale: 1.0}
objectives: [velocity]
network: {use: mlp, width: 64, depth: 3}
train: {steps: 600, batch: 512, optimizer: {use: adam, lr: 4e-3}, schedule: cosine, ema: 0.99}
sample: {epsilon: follmer, integrator: {use: euler-maruyama, steps: 100}}
"""


@pytest.mark.parametrize("objective", ["velocity", "denoiser", "target-denoiser"])
def test_one_objective_is_enough_from_a_point(recipe, objective) -> None:
    model = si.train(recipe(POINT.replace("OBJECTIVE", objective)))
    energy = si.build("estimator", "energy-distance", samples=4000)
    # Two samples of 4000 are 1e-3 apart by chance; a network of this size and training stays within ten times that.
    assert si.estimate(model, energy, seed=1).value < 1e-2


def test_the_ode_is_refused_with_its_line(recipe) -> None:
    with pytest.raises(si.RecipeError, match=r"r\.yaml[\s\S]*no ODE can leave a single point"):
        si.train(recipe(POINT.replace("OBJECTIVE", "velocity"), "sample.epsilon=0", "sample.integrator=rk4"))


def test_a_forecast_is_the_law_given_the_present(recipe, tmp_path) -> None:
    """``x1 = x0/2 + noise/2``: the samples have that slope, that spread, and no more."""
    import numpy as np

    generator = np.random.default_rng(0)
    now = generator.normal(size=(4000, 1)).astype("float32")
    later = (0.5 * now + 0.5 * generator.normal(size=now.shape)).astype("float32")
    np.save(tmp_path / "now.npy", now)
    np.save(tmp_path / "later.npy", later)
    model = si.train(recipe(FORECAST))
    assert model.process.structure.anchored
    stream = torch.Generator().manual_seed(0)
    x = torch.tensor([-1.5, 0.0, 1.5]).repeat_interleave(2000)[:, None]
    start = model.process.source.encode(x)
    final = model.decode(model.sample(len(x), stream, start_from=start).final).reshape(3, 2000)
    # Means of 2000 draws with deviation 0.5 have a standard error of 0.011; the network's own error is beside it.
    torch.testing.assert_close(final.mean(1), torch.tensor([-0.75, 0.0, 0.75]), rtol=0, atol=0.08)
    torch.testing.assert_close(final.std(1), torch.full((3,), 0.5), rtol=0, atol=0.06)


def test_a_network_that_is_told_nothing_is_refused() -> None:
    model = si.build(
        "network", "mlp", context={"shape": (1,), "conditions": {"x0": si.ConditionSpec((1,))}}, width=8, depth=1
    )
    with pytest.raises(si.UsageError, match="'x0' is missing"):
        model(torch.tensor(0.5), torch.zeros(3, 1))
