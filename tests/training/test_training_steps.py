"""The trainer: determinism to the bit, learning rates, averages of the weights, and what is refused as not finite."""

from __future__ import annotations

import math

import pytest
import torch

import si_core as si
from si_core.models.assembly import assemble
from si_core.training.trainer import Trainer

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)

TEXT = """\
    seed: 4
    source: gaussian
    target: eight-gaussians
    latent: brownian
    objectives: [velocity, denoiser]
    network: {use: mlp, width: 16, depth: 2}
    train: {steps: 12, batch: 32, optimizer: {use: adam, lr: 1e-2}}
    """


@pytest.fixture
def trainer_of(recipe):
    """``trainer_of(*overrides)``: a trainer that has done no step."""
    return lambda *overrides: Trainer(assemble(recipe(TEXT, *overrides)), si.Runtime())


def weights(module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def equal(first, second) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    "overrides", [(), ("train.ema=null",), ("train.antithetic=true",), ("network.shared=false",), ("latent=none",)]
)
def test_training_twice_gives_the_same_weights_to_the_bit(recipe, overrides):
    first = weights(si.train(recipe(TEXT, *overrides)).fields.predictor)
    torch.manual_seed(123)
    state = torch.get_rng_state()
    second = weights(si.train(recipe(TEXT, *overrides)).fields.predictor)
    assert equal(first, second)
    assert torch.equal(torch.get_rng_state(), state), "the global generator is not touched"
    other = weights(si.train(recipe(TEXT, *overrides, "seed=5")).fields.predictor)
    assert not equal(first, other)


def test_a_step_depends_on_its_number_and_not_on_the_steps_before(trainer_of):
    first, second = trainer_of(), trainer_of()
    for _ in range(3):
        first.advance()
    second.step = 3
    for a, b in zip((d := first.batch().draw).__dict__.values(), second.batch().draw.__dict__.values(), strict=True):
        assert not isinstance(a, torch.Tensor) or torch.equal(a, b)
    assert len(d.t) == 32


def test_the_trained_model_is_ready_to_use(recipe):
    model = si.train(recipe(TEXT))
    assert not model.fields.predictor.training
    assert not any(parameter.requires_grad for parameter in model.fields.predictor.parameters())
    assert si.sample(model, 4).shape == (4, 2)


SCHEDULES = {
    "constant": lambda k: 1.0,
    "{use: constant, warmup: 4}": lambda k: min(1.0, (k + 1) / 4),
    "cosine": lambda k: 0.5 * (1 + math.cos(math.pi * k / 12)),
    "{use: cosine, final: 0.1}": lambda k: 0.1 + 0.45 * (1 + math.cos(math.pi * k / 12)),
    "{use: cosine, warmup: 4}": lambda k: (k + 1) / 4 if k < 4 else 0.5 * (1 + math.cos(math.pi * (k - 4) / 8)),
    "{use: step, every: 5, factor: 0.1}": lambda k: 0.1 ** (k // 5),
    "{use: step, warmup: 2, every: 5, factor: 0.1}": lambda k: (k + 1) / 2 if k < 2 else 0.1 ** ((k - 2) // 5),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_learning_rates(trainer_of, schedule):
    """What the optimizer uses and what the record tells, step by step."""
    trainer = trainer_of(f"train.schedule={schedule}")
    for step in range(12):
        trainer.advance()
        wanted = 1e-2 * SCHEDULES[schedule](step)
        assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(wanted, rel=1e-12)
        assert trainer.record()["lr"] == pytest.approx(wanted, rel=1e-12)


def test_the_learning_rate_does_scale_the_step(trainer_of):
    """Adam's first step moves each weight by the learning rate: a tenth of it in the first step of a warm-up of ten."""
    for schedule, factor in (("constant", 1.0), ("{use: constant, warmup: 10}", 0.1)):
        trainer = trainer_of(f"train.schedule={schedule}", "train.ema=null")
        before = weights(trainer.predictor)
        trainer.advance()
        moved = max(float((a - b).abs().max()) for a, b in zip(before, weights(trainer.predictor), strict=True))
        assert moved == pytest.approx(1e-2 * factor, rel=1e-3)


@pytest.mark.parametrize("decay", [0.5, 0.999])
def test_the_average_forgets_its_start(trainer_of, decay):
    """``average <- d average + (1 - d) weights`` with ``d = min(decay, (1 + k)/(10 + k))``, first the weights alone."""
    trainer = trainer_of(f"train.ema={decay}")
    trainer.advance()
    average = weights(trainer.predictor)
    assert equal(weights(trainer.trained()), average)
    for k in range(1, 12):
        trainer.advance()
        d = min(decay, (1 + k) / (10 + k))
        average = [d * a + (1 - d) * w for a, w in zip(average, weights(trainer.predictor), strict=True)]
        for mine, theirs in zip(average, weights(trainer.trained()), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-7)
    assert not equal(weights(trainer.trained()), weights(trainer.predictor))


def test_without_an_average_the_weights_are_used(trainer_of):
    trainer = trainer_of("train.ema=null")
    trainer.advance()
    assert trainer.trained() is trainer.predictor


def test_clipping_bounds_the_gradient(trainer_of):
    """With plain descent a step is the learning rate times the gradient, whose norm is then the limit."""
    for clip, factor in (("null", None), ("1e-3", 1e-3)):
        trainer = trainer_of("train.optimizer={use: sgd, lr: 1.0}", f"train.clip={clip}", "train.ema=null")
        before = weights(trainer.predictor)
        trainer.advance()
        norm = math.sqrt(
            sum(float((a - b).square().sum()) for a, b in zip(before, weights(trainer.predictor), strict=True))
        )
        wanted = trainer.record()["grad_norm"] if factor is None else factor
        assert norm == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("optimizer", ["adam", "{use: adamw, weight_decay: 0.1}", "{use: sgd, momentum: 0.9}"])
def test_every_optimizer_lowers_the_loss(trainer_of, optimizer):
    trainer, losses = trainer_of(f"train.optimizer={optimizer}", "train.batch=1024"), []
    for _ in range(10):
        for _ in range(10):
            trainer.advance()
        losses.append(trainer.record()["loss"])
    assert losses[-1] < losses[0] - 0.1


def test_records_are_means_since_the_last_one(trainer_of):
    trainer, single = trainer_of(), trainer_of()
    ones = []
    for _ in range(4):
        trainer.advance()
        single.advance()
        ones.append(single.record())
    record = trainer.record()
    for name in ("velocity", "denoiser"):
        mean = sum(one["losses"][name] for one in ones) / 4
        assert record["losses"][name] == pytest.approx(mean, rel=1e-6)
    assert record["loss"] == pytest.approx(sum(record["losses"].values()))
    assert record["step"] == 4
    trainer.advance()
    single.advance()
    assert trainer.record() == single.record(), "the next record starts afresh"


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e30])
def test_data_that_are_not_finite_leave_the_weights_unchanged(trainer_of, monkeypatch, bad):
    trainer = trainer_of()
    for _ in range(3):
        trainer.advance()
    before, average = weights(trainer.predictor), weights(trainer.trained())
    target = trainer.assembly.process.target
    sample = type(target).sample

    def spoilt(self, n, generator=None):
        rows = sample(self, n, generator)
        if self is target:
            rows[5] = bad
        return rows

    monkeypatch.setattr(type(target), "sample", spoilt)
    # The draws of the next steps are made.
    trainer._batches.forget()
    with pytest.raises(si.NumericsError) as caught:
        trainer.advance()
    message = str(caught.value)
    assert message.startswith("step 4: ")
    assert "not finite" in message
    assert "train.optimizer.lr" in message
    assert ("the data are not finite" in message) is (bad != 1e30)
    assert trainer.step == 3
    assert equal(weights(trainer.predictor), before)
    assert equal(weights(trainer.trained()), average)
    monkeypatch.undo()
    trainer.advance()
    clean = trainer_of()
    for _ in range(4):
        clean.advance()
    assert equal(weights(trainer.predictor), weights(clean.predictor)), "the step refused left no trace"


def test_a_loss_that_is_not_finite_is_refused_where_its_gradient_is(recipe, stranger):
    """An objective may add what does not depend on the network."""
    stranger(
        "objective",
        "broken",
        "Broken",
        """
        from si_core import Regression
        class Broken(Regression):
            field = "velocity"
            def loss(self, draw, prediction):
                return super().loss(draw, prediction) + float("nan")
        """,
    )
    trainer = Trainer(assemble(recipe(TEXT, "objectives=[broken, denoiser]")), si.Runtime())
    before = weights(trainer.predictor)
    with pytest.raises(si.NumericsError, match=r"step 1: the loss of velocity is not finite"):
        trainer.advance()
    assert equal(weights(trainer.predictor), before)


def test_an_exploding_run_stops(recipe):
    with pytest.raises(si.NumericsError, match=r"step \d+: .*not finite[\s\S]*smaller learning rate"):
        si.train(recipe(TEXT, "train.optimizer={use: sgd, lr: 1e6}", "train.steps=200"))


@pytest.mark.fault(43)
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("cut", [slice(0, 1), slice(0, 0)], ids=["one row", "nothing"])
def test_an_optimizer_state_of_another_shape_is_told(trainer_of, optimizer, cut):
    """Fused steps compare no sizes: from moments that are too small they would write into the memory of others."""
    options = "use: sgd, momentum: 0.9" if optimizer == "sgd" else f"use: {optimizer}"
    choice = f"train.optimizer={{{options}}}"
    trainer = trainer_of(choice)
    trainer.advance()
    tensors, state = trainer.state()
    whole = {name: value.clone() for name, value in tensors["optimizer"].items()}
    trainer_of(choice).restore(1, {**tensors, "optimizer": dict(whole)}, state, "step-1")
    for name, value in whole.items():
        if value.ndim:
            damaged = {**tensors, "optimizer": {**whole, name: value[cut].clone()}}
            with pytest.raises(si.StorageError, match=r"step-1"):
                trainer_of(choice).restore(1, damaged, state, "step-1")
