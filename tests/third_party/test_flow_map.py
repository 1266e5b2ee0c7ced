"""A stranger's objective that takes a derivative in time through the network: a flow map in one call."""

from __future__ import annotations

import pytest
import torch

import si_core as si
from si_authoring.testing import ObjectiveConformance
from si_authoring.testing.called_objectives import comes_to_rest
from si_authoring.testing.check import Violation

for plugin in ("si_distributions", "si_interpolants", "si_networks", "si_optimizers"):
    pytest.importorskip(plugin)

RECIPE = """\
source: {use: gaussian, dim: 2}
target: {use: gaussian, mean: [2.0, 0.0], covariance: [[0.25, 0.0], [0.0, 1.0]]}
objectives: [flow-map]
network: {use: mlp, width: 32, depth: 3}
train: {steps: 600, batch: 128}
sample: {epsilon: 0}
"""


@pytest.fixture
def recipe(wheel, tmp_path):
    wheel("si-flow-map")
    (tmp_path / "r.yaml").write_text(RECIPE)
    return tmp_path / "r.yaml"


def variance(t):
    """Of x_t, by coordinate."""
    return (1 - t) ** 2 + t**2 * torch.tensor([0.25, 1.0])


def exact(t, x, s):
    """``m_s + (C_s/C_t)^(1/2) (x - m_t)``, for commuting covariances."""
    mean = torch.tensor([2.0, 0.0])
    return s * mean + (variance(s) / variance(t)).sqrt() * (x - t * mean)


def error(model, t, s):
    """Of the map, beside the spread where it leads to."""
    x = t * torch.tensor([2.0, 0.0]) + variance(t).sqrt() * torch.randn(
        2000, 2, generator=torch.Generator().manual_seed(1)
    )
    off = si.flow_map(model.fields, t, x, s) - exact(t, x, s)
    return float((off / variance(s).sqrt()).square().mean().sqrt())


@pytest.mark.slow
def test_it_learns_the_map_between_any_two_times(recipe):
    model = si.train(si.load_recipe(recipe))
    untrained = si.train(si.load_recipe(recipe, ["train.steps=0"]))
    for t, s in ((0.0, 1.0), (0.0, 0.5), (0.5, 1.0), (1.0, 0.0)):
        with torch.no_grad():
            assert error(model, t, s) < 0.5 * error(untrained, t, s), (t, s)
    by_steps = si.sample(model, 2000, seed=0)
    assert torch.allclose(by_steps.mean(0), torch.tensor([2.0, 0.0]), atol=0.1)
    assert torch.allclose(by_steps.std(0), torch.tensor([0.5, 1.0]), atol=0.1)


def test_it_learns_in_time_itself_beside_a_latent_and_other_objectives(recipe):
    changes = ["latent=brownian", "objectives=[flow-map, denoiser]", "sample.epsilon=gamma", "train.steps=2"]
    model = si.train(si.load_recipe(recipe, changes))
    assert model.fields.parametrisation.clock == si.UniformClock()
    assert torch.isfinite(si.sample(model, 4)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.times=importance", "calls the network itself"),
        ("train.compile=true", "calls the network itself"),
    ],
)
def test_what_can_not_go_with_it_is_refused_at_build(recipe, change, message):
    with pytest.raises(si.RecipeError, match=message):
        si.train(si.load_recipe(recipe, [change]))


class TestFlowMap(ObjectiveConformance):
    @pytest.fixture
    def component(self, wheel) -> si.Objective:
        wheel("si-flow-map")
        return si.build("objective", "flow-map")


def test_the_kit_sees_a_sign_and_a_teacher_that_is_another(wheel):
    wheel("si-flow-map")
    right = si.build("objective", "flow-map")

    class Backward(type(right)):
        def loss_of(self, draw, field):
            return super().loss_of(draw, lambda t, x, condition=None, s=None: -field(t, x, condition, s))

    class Late(type(right)):
        def loss_of(self, draw, field):
            last = torch.ones_like(draw.t)
            return super().loss_of(draw, lambda t, x, c=None, s=None: field(t, x, c, s if t is draw.t else last))

    for wrong in (Backward(), Late()):
        with pytest.raises(Violation, match="gradient"):
            comes_to_rest.run(wrong)
