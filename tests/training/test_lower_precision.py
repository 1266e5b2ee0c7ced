"""``train.precision``: products in bfloat16 or float16, everything else in single precision; overflows."""

from __future__ import annotations

import copy
import logging
import math

import pytest
import torch
from torch import nn

import si_core as si
from si_core.models.assembly import assemble
from si_core.training.nonfinite import NonFiniteStep
from si_core.training.trainer import Trainer

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)

LOWER = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Steep(nn.Module):
    """Gradients behind the output are ``factor`` times as large, in the precision of the products."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor, self.met = factor, set()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.SiLU(), nn.Linear(8, 2))

    def forward(self, t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        out = self.net(torch.cat([x, t[:, None]], 1))
        self.met.add((x.dtype, out.dtype))
        if out.requires_grad and self.factor != 1:
            out.register_hook(lambda gradient: gradient * self.factor)
        return out


class Steady(si.Objective):
    """Calls the network itself, and differentiates it in t: ``|v - target|^2 + |dv/dt|^2``."""

    field = "velocity"

    def loss_of(self, draw: si.Draw, field: si.LearnedField) -> torch.Tensor:
        value, derivative = torch.func.jvp(lambda t: field(t, draw.xt), (draw.t,), (torch.ones_like(draw.t),))
        return ((value - draw.target("velocity")).square() + derivative.square()).sum(1)


def trainer_of(network: object, precision: str, *overrides: str, **more: object) -> Trainer:
    recipe = {
        "seed": 4,
        "source": "gaussian",
        "target": "eight-gaussians",
        "network": network,
        "train": {"steps": 40, "batch": 64, "ema": 0.9},
        "report": False,
        **more,
    }
    return Trainer(assemble(si.load_recipe(recipe, [*overrides, f"train.precision={precision}"])), si.Runtime())


def gradient(trainer: Trainer, scale: float = 2.0**8) -> torch.Tensor:
    if trainer._gradients.scale is not None:
        trainer._gradients.scale.value = scale
    trainer._gradients.of(0, trainer.batch())
    return torch.cat([p.grad.flatten().clone() for p in trainer.parameters])


def whole(trainer: Trainer) -> dict[str, torch.Tensor]:
    """All tensors of a training."""
    return {f"{group}.{name}": value.clone() for group, of in trainer.state()[0].items() for name, value in of.items()}


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("objectives", [["velocity"], ["velocity", "score"], [Steady()]])
@pytest.mark.parametrize("precision", LOWER)
def test_gradients_are_those_of_full_precision_up_to_rounding(precision, objectives):
    network = {"use": "mlp", "width": 8, "depth": 1}
    more = {"objectives": objectives, "latent": "brownian" if "score" in objectives else "none"}
    full, lower = (gradient(trainer_of(network, each, **more)) for each in ("full", precision))
    assert lower.dtype == torch.float32
    # Some roundings one after another, each of half a unit in the last place.
    error = float((lower - full).norm() / full.norm())
    assert 0 < error < 16 * torch.finfo(LOWER[precision]).eps


@pytest.mark.parametrize("precision", LOWER)
def test_products_alone_are_in_the_lower_precision(precision):
    network = Steep()
    trainer = trainer_of(network, precision)
    network.met.clear()
    for _ in range(3):
        trainer.advance()
    assert network.met == {(torch.float32, LOWER[precision])}
    kept = [value.dtype for value in whole(trainer).values() if value.is_floating_point()]
    assert set(kept) == {torch.float32}
    losses = trainer._gradients.of(3, trainer.batch()).losses
    predictions = trainer.assembly.predictions(trainer.batch().draw, fields=trainer._gradients._fields)
    assert all(math.isfinite(loss) for loss in losses)
    assert all(prediction.dtype == torch.float32 for prediction in predictions)
    # The model is sampled as its recipe says, whatever it was trained in.
    network.met.clear()
    trainer.trained()(torch.zeros(2), torch.zeros(2, 2))
    assert network.met <= {(torch.float32, torch.float32)}


def test_importance_sees_the_same_gradients_in_every_precision():
    squares = []
    for precision in ("full", *LOWER):
        trainer = trainer_of(
            {"use": "mlp", "width": 8, "depth": 1}, precision, "train.times={use: importance, warmup: 0}"
        )
        squares.append(trainer._gradients.of(0, trainer.batch()).squares)
    for lower in squares[1:]:
        assert float((lower - squares[0]).norm() / squares[0].norm()) < 0.05


@pytest.mark.fault(32)
def test_an_overflow_halves_the_scale_and_leaves_no_other_trace(caplog):
    """2^16 / 64 for each row, times 2^10, is beyond 65504 until the scale is halved often enough."""
    trainer = trainer_of(Steep(2.0**10), "float16")
    before = whole(trainer)
    with caplog.at_level(logging.WARNING):
        trainer.advance()
    assert equal(whole(trainer), before), "weights, running statistics, averages and moments are as before"
    assert trainer.step == 1
    assert "step 1 is left out: its gradient overflows in half precision" in caplog.text
    while not trainer.measured:
        trainer.advance()
    skipped = trainer.step - 1
    record = trainer.record()
    assert record["loss_scale"] == {"value": 2.0 ** (16 - skipped), "overflows": skipped}
    assert 1 <= skipped < 16
    for _ in range(10):
        trainer.advance()
    assert trainer.record()["loss_scale"]["value"] <= 2.0 ** (16 - skipped)


@pytest.mark.fault(32)
def test_gradients_do_not_depend_on_the_scale():
    trainer = trainer_of(Steep(), "float16")
    first = gradient(trainer)
    torch.testing.assert_close(gradient(trainer, 2.0**12), first, rtol=1e-2, atol=1e-3 * float(first.norm()))


@pytest.mark.fault(32)
def test_where_no_scale_helps_training_ends_with_advice():
    trainer = trainer_of(Steep(math.inf), "float16")
    before = whole(trainer)
    with pytest.raises(NonFiniteStep, match=r"step 17: the gradient is not finite[\s\S]*train.precision: bfloat16"):
        while True:
            trainer.advance()
    assert equal(whole(trainer), before)


@pytest.mark.fault(32)
def test_the_scale_goes_on_from_a_checkpoint():
    steep = Steep(2.0**10)
    trainer, other = trainer_of(copy.deepcopy(steep), "float16"), trainer_of(copy.deepcopy(steep), "float16")
    for _ in range(20):
        trainer.advance()
    tensors, state = copy.deepcopy(trainer.state())
    other.restore(20, tensors, state, "step-20")
    for each in (trainer, other):
        while each.step < 40:
            each.advance()
    assert equal(whole(trainer), whole(other))
    assert trainer.record() == other.record()
    del state["loss_scale"]
    with pytest.raises(si.StorageError, match="no loss_scale"):
        trainer_of(copy.deepcopy(steep), "float16").restore(20, tensors, state, "step-20")
    for damaged in ({"value": 3.0}, {"value": 0.5}, {"value": 2.0**16, "good": -1, "row": 0, "total": 0, "since": 0}):
        with pytest.raises(si.StorageError, match=r"step-20"):
            trainer_of(copy.deepcopy(steep), "float16").restore(20, tensors, state | {"loss_scale": damaged}, "step-20")


def test_the_scale_grows_after_2000_steps_without_an_overflow():
    scale = trainer_of(Steep(), "float16")._gradients.scale
    for _ in range(1999):
        scale.held()
    assert scale.value == 2.0**16
    scale.held()
    assert scale.value == 2.0**17


def test_a_process_that_learns_is_not_trained_in_half_precision():
    pytest.importorskip("si_schrodinger")
    overrides = ("interpolant=learned-linear", "latent=brownian", "objectives=[schrodinger-bridge]")
    with pytest.raises(si.RecipeError, match=r"train.precision[\s\S]*bfloat16"):
        trainer_of({"use": "mlp", "width": 8, "depth": 1}, "float16", *overrides, "sample.epsilon=0.5")
