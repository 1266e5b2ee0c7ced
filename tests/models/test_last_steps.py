"""The last step of sampling by name, against the closed forms of Gaussians."""

from __future__ import annotations

import pytest
import torch

import si_core as si

pytest.importorskip("si_interpolants")
pytest.importorskip("si_distributions")
pytest.importorskip("si_integrators")

STOP, MEAN, VARIANCE, EPSILON = 0.9, 1.5, 0.25, 0.7


def model(latent: str, denoise, epsilon: float = EPSILON) -> si.Model:
    process = si.StochasticInterpolant(
        si.build("interpolant", "linear"),
        si.build("latent", latent),
        si.build("coupling", "independent"),
        si.build("distribution", "gaussian", dim=1),
        si.build("distribution", "gaussian", mean=[MEAN], covariance=VARIANCE),
    )
    method = si.build("integrator", "euler-maruyama" if epsilon else "euler", steps=4)
    return si.Model(process, si.exact_fields(process), method, epsilon, stop=STOP, denoise=denoise)


def last_two(latent: str, denoise, epsilon: float = EPSILON) -> tuple[torch.Tensor, torch.Tensor, si.Trajectory]:
    path = model(latent, denoise, epsilon).sample(50, torch.Generator().manual_seed(0))
    return path.x[-2].double(), path.x[-1].double(), path


def expected(kind: str, gamma2: float, gamma_gamma_dot: float, x: torch.Tensor) -> torch.Tensor:
    a, b = 1 - STOP, STOP
    total = a * a + b * b * VARIANCE + gamma2
    r = (x - b * MEAN) / total
    if kind == "tweedie":
        return MEAN + b * VARIANCE * r
    velocity = MEAN + (-a + b * VARIANCE + gamma_gamma_dot) * r
    return x + (1 - STOP) * (velocity - (EPSILON * r if kind == "mean" else 0))


@pytest.mark.parametrize("latent", ["none", "brownian"])
@pytest.mark.parametrize("kind", ["tweedie", "mean", "euler"])
def test_closed_forms(kind: str, latent: str) -> None:
    x, end, path = last_two(latent, kind)
    noise = (STOP * (1 - STOP), 0.5 * (1 - 2 * STOP)) if latent == "brownian" else (0.0, 0.0)
    torch.testing.assert_close(end, expected(kind, *noise, x), rtol=1e-5, atol=1e-5)
    assert float(path.t[-1]) == 1.0


def test_true_is_tweedie_and_false_none() -> None:
    assert torch.equal(last_two("none", True)[1], last_two("none", "tweedie")[1])
    assert float(last_two("none", False)[2].t[-1]) == pytest.approx(STOP)


def test_euler_is_tweedie_for_linear_flow_matching() -> None:
    tweedie, euler, mean = (last_two("none", kind, 0.0)[1] for kind in ("tweedie", "euler", "mean"))
    torch.testing.assert_close(euler, tweedie, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(euler, mean, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("value", "fine"), [("tweedie", True), ("mean", True), ("euler", True), ("both", False)])
def test_recipes_name_them(value: str, fine: bool) -> None:
    given = {"target": "two-moons", "source": "gaussian", "sample": {"stop": 0.96, "denoise": value}}
    if fine:
        assert si.load_recipe(given).sample.denoise == value
    else:
        with pytest.raises(si.RecipeError, match="denoise"):
            si.load_recipe(given)
