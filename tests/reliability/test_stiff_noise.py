"""Noise that steps are too long for is refused, with the number that would do; it never comes out as samples.

The truth is closed: between Gaussians the law at the stop is that of the target. A variance over n states has the
standard error ``(2/n)^(1/2)`` of itself, and a mean ``(C/n)^(1/2)``.
"""

from __future__ import annotations

import math
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

import si_core as si

ROWS = 2000
ERROR = math.sqrt(2 / ROWS)
LATENTS = ("none", "brownian", "encoder-decoder", "sine-squared", "quadratic")
METHODS = ("euler-maruyama", "stochastic-heun", "sra1", "exponential")


def gaussian(mean: float | list[float], variance: float, dim: int = 1) -> si.Distribution:
    return si.build("distribution", "gaussian", dim=dim, mean=mean, covariance=variance, dtype="float64")


def process(
    source: si.Distribution, target: si.Distribution, latent: str = "none", interpolant: str = "linear"
) -> si.StochasticInterpolant:
    return si.StochasticInterpolant(
        si.build("interpolant", interpolant),
        si.build("latent", latent),
        si.build("coupling", "independent"),
        source,
        target,
    )


def solved(
    of: si.StochasticInterpolant, epsilon: Any, method: str, steps: int, backward: bool = False, **options: Any
) -> torch.Tensor:
    """The states at the stop, flattened."""
    span = {"start": 1.0, "stop": 0.0} if backward else {}
    transport = si.Transport(si.exact_fields(of), epsilon, **span)
    start = of.target if backward else of.source
    x = start.sample(ROWS, torch.Generator().manual_seed(0))
    integrator = si.build("integrator", method, steps=steps, **options)
    return si.integrate(transport, x, integrator, torch.Generator().manual_seed(1)).final.flatten()


NARROW = process(gaussian(0.1, 0.05**2), gaussian(0.7, 0.05**2), "encoder-decoder")


@pytest.mark.parametrize(
    ("method", "steps"), [("stochastic-heun", 50), ("stochastic-heun", 100), ("euler-maruyama", 100), ("sra1", 100)]
)
def test_too_few_steps_are_refused_and_the_advised_number_does(method: str, steps: int) -> None:
    with pytest.raises(si.NumericsError, match="too long for the noise") as refused:
        solved(NARROW, 0.5, method, steps)
    advised = re.search(r"about (\d+) steps", str(refused.value))
    assert advised is not None
    x = solved(NARROW, 0.5, method, int(advised[1]))
    # At a pull of 1/2 a step the Euler method leaves C/(1 - 1/4), where the variance is stationary.
    assert x.var() == pytest.approx(0.0025, rel=1 / 3 + 5 * ERROR)


@pytest.mark.parametrize("steps", [5, 50])
def test_an_exponential_method_has_the_law_of_narrow_gaussians_in_any_number_of_steps(steps: int) -> None:
    x = solved(NARROW, 0.5, "exponential", steps)
    assert x.var() == pytest.approx(0.0025, rel=5 * ERROR)
    assert x.mean() == pytest.approx(0.7, abs=5 * 0.05 / math.sqrt(ROWS))


@pytest.mark.parametrize("epsilon", [1e-3, 1.0, 100.0, 1e30])
@pytest.mark.parametrize("options", [{}, {"order": 1}, {"corrector": True}], ids=str)
def test_exponential_methods_are_exact_where_the_drift_is_linear(epsilon: float, options: dict[str, Any]) -> None:
    of = process(gaussian(-0.5, 1.0), gaussian(1.0, 0.25))
    x = solved(of, epsilon, "exponential", 20, **options)
    assert x.var() == pytest.approx(0.25, rel=5 * ERROR)
    assert x.mean() == pytest.approx(1.0, abs=5 * 0.5 / math.sqrt(ROWS))


@pytest.mark.parametrize(("latent", "interpolant"), list(product(LATENTS, ["linear", "trigonometric"])))
@pytest.mark.parametrize("backward", [False, True])
def test_exponential_methods_are_exact_for_every_path(latent: str, interpolant: str, backward: bool) -> None:
    source, target = gaussian([2.0, -1.0], 1.5, 2), gaussian([-1.0, 3.0], 0.2, 2)
    x = solved(process(source, target, latent, interpolant), 0.7, "exponential", 12, backward).reshape(ROWS, 2)
    mean, variance = ([2.0, -1.0], 1.5) if backward else ([-1.0, 3.0], 0.2)
    for column, due in zip(x.T, mean, strict=True):
        assert column.var() == pytest.approx(variance, rel=5 * ERROR)
        assert column.mean() == pytest.approx(due, abs=5 * math.sqrt(variance / ROWS))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_refused_or_right_about_the_spread(method: str) -> None:
    """Over ends, noise and steps of all sizes: a variance wrong by more than a factor 2 never comes out."""
    random = torch.Generator().manual_seed(3)
    refused = 0
    for _ in range(20):
        numbers = torch.rand(4, generator=random, dtype=torch.float64)
        v0, v1 = (10 ** (-3 + 3.5 * numbers[:2])).tolist()
        epsilon, steps = 10 ** float(-2 + 6 * numbers[2]), round(2 ** float(1 + 5 * numbers[3]))
        try:
            x = solved(process(gaussian(0.3, v0), gaussian(-0.2, v1)), epsilon, method, steps)
        except si.NumericsError:
            refused += 1
            continue
        # The rehearsal has an error of its own, from 512 states.
        slack = 1 + 5 * (ERROR + math.sqrt(2 / 512))
        assert v1 / (2 * slack) - 1e-3 <= float(x.var()) <= 2 * slack * v1 + 1e-3
    assert (refused == 0) == (method == "exponential")


def test_narrow_directions_and_modes_may_be_blurred_and_not_blown_up() -> None:
    source, narrow = gaussian(0.0, 1.0, 2), {"covariance": [1.0, 1e-4]}
    thin = process(source, si.build("distribution", "gaussian", dim=2, dtype="float64", **narrow))
    assert solved(thin, 0.005, "euler-maruyama", 100).isfinite().all()
    with pytest.raises(si.NumericsError, match="too long for the noise"):
        solved(thin, 1.0, "euler-maruyama", 100)
    modes = si.build("distribution", "gaussian-mixture", means=[[1.0], [-1.0]], covariances=1e-4, dtype="float64")
    with pytest.raises(si.NumericsError, match="too long for the noise"):
        solved(process(gaussian(0.0, 1.0), modes), 2.0, "exponential", 20)


class Unknown(si.Distribution):
    """A law that tells no moments."""

    shape = (1,)

    def sample(self, n: int, generator: torch.Generator | None = None) -> torch.Tensor:
        return torch.randn(n, 1, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("start", [1.0, 1e6])
def test_states_far_outside_of_the_process_are_refused(start: float) -> None:
    """By ``dx = 12 x dt`` they grow by a factor 1.6e5, from wherever they start; nothing is known of unknown laws."""
    x, euler = torch.full((8, 1), start, dtype=torch.float64), si.build("integrator", "euler", steps=100)

    def run(source: si.Distribution) -> torch.Tensor:
        fields = si.FunctionFields(lambda t, x: 12.0 * x, process=process(source, gaussian(1.0, 0.5)))
        return si.integrate(si.Transport(fields), x, euler).final

    with pytest.raises(si.NumericsError, match="left all that the process ever is"):
        run(gaussian(0.0, 1.0))
    assert run(Unknown()).isfinite().all()


def test_states_may_start_outside_of_the_process() -> None:
    of = process(gaussian(0.0, 1.0), gaussian(1.0, 0.5))
    x = torch.full((8, 1), 1e6, dtype=torch.float64)
    final = si.integrate(si.Transport(si.exact_fields(of)), x, si.build("integrator", "rk4", steps=50)).final
    # The map of the pair is affine: x1 = 1 + (x0 - 0) (1/2)^(1/2).
    assert final == pytest.approx(1 + 1e6 * math.sqrt(0.5), rel=1e-4)


RECIPE = """\
source: {use: gaussian, dim: 1, mean: 0.1, covariance: 0.0025}
target: {use: gaussian, dim: 1, mean: 0.7, covariance: 0.0025}
interpolant: linear
latent: encoder-decoder
objectives: [velocity, denoiser]
network: {use: mlp, width: 8, depth: 1}
train: {steps: 2, batch: 8}
sample:
  epsilon: {use: gamma, scale: 50}
  integrator: {use: euler-maruyama, steps: STEPS}
"""


def test_a_recipe_with_steps_too_long_for_its_noise_is_refused_before_training(tmp_path: Path) -> None:
    path = tmp_path / "narrow.yaml"
    path.write_text(RECIPE.replace("STEPS", "20"), encoding="utf-8")
    with pytest.raises(si.NumericsError, match=r"narrow.yaml:10.*too long for the noise"):
        si.train(si.load_recipe(path))
    path.write_text(RECIPE.replace("STEPS", "500"), encoding="utf-8")
    assert si.train(si.load_recipe(path)) is not None
