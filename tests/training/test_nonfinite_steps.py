"""``train.on_nonfinite``: what a step whose loss or gradient is not finite leaves behind, and when training ends."""

from __future__ import annotations

import copy
import itertools
import json
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

pytestmark = pytest.mark.fault(31)

HOW = ["loss", "gradient"]


class Spiky(nn.Module):
    """Not finite in batches whose mean time is above a threshold: a function of the batch, so of the step.

    By its ``loss``, or by a ``gradient`` behind a loss that is finite. Its running statistics move in every forward
    pass of training.
    """

    def __init__(self, how: str = "loss", above: float = 0.55) -> None:
        super().__init__()
        self.how, self.above, self.broken = how, above, True
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.SiLU(), nn.Linear(16, 2))

    def forward(self, t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        bad = self.broken and self.training and torch.is_grad_enabled() and float(t.mean()) > self.above
        if bad and self.how == "loss":
            x = x * math.nan
        out = self.net(torch.cat([x, t[:, None]], 1))
        if bad and self.how == "gradient":
            out.register_hook(lambda gradient: gradient * math.inf)
        return out


def recipe(network: nn.Module, policy: object = "skip", **train: object):
    return si.load_recipe(
        {
            "seed": 4,
            "source": "gaussian",
            "target": "eight-gaussians",
            "network": network,
            "train": {"steps": 40, "batch": 32, "on_nonfinite": policy, "log_every": 4, "ema": 0.9, **train},
            "report": False,
        }
    )


def trainer_of(how: str, policy: object = "skip", **train: object) -> Trainer:
    return Trainer(assemble(recipe(Spiky(how), policy, **train)), si.Runtime())


def spikes(steps: int = 40, above: float = 0.55) -> list[int]:
    """The steps, counted from 0, whose batch is above the threshold."""
    trainer = Trainer(assemble(recipe(Spiky())), si.Runtime())
    found = []
    for step in range(steps):
        trainer.step = step
        if float(trainer.batch().draw.t.mean()) > above:
            found.append(step)
    return found


def whole(trainer: Trainer) -> dict[str, torch.Tensor]:
    """All tensors of a training: weights, running statistics, averages, moments of the optimizer."""
    tensors, _ = trainer.state()
    return {f"{group}.{name}": value.clone() for group, named in tensors.items() for name, value in named.items()}


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


def test_there_are_steps_to_leave_out_alone_and_in_a_row():
    rows = [len(list(group)) for bad, group in itertools.groupby(range(40), key=set(spikes()).__contains__) if bad]
    assert min(rows) == 1
    assert 2 <= max(rows) <= 4


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("times", ["uniform", {"use": "importance", "warmup": 4}])
def test_a_step_left_out_is_as_if_it_had_never_been(how, times):
    """Weights, running statistics, averages and moments are those of a training that goes past these steps."""
    antithetic = {"times": times, "optimizer": {"use": "adam", "lr": 1e-2}}
    trainer, reference = trainer_of(how, **antithetic), trainer_of(how, **antithetic)
    bad = set(spikes()) if times == "uniform" else None
    for step in range(40):
        before = whole(trainer)
        trainer.advance()
        left_out = equal(whole(trainer), before)
        if bad is not None:
            assert left_out is (step in bad)
        if left_out:
            reference.step += 1
        else:
            reference.advance()
        assert trainer.step == reference.step == step + 1
        assert equal(whole(trainer), whole(reference))
    assert trainer.state()[1]["left_out"]["total"] > 3


@pytest.mark.parametrize("how", HOW)
def test_going_on_in_between_gives_the_same_bits_and_the_same_counts(how):
    straight = trainer_of(how)
    states, records = [], []
    for _ in range(40):
        states.append(copy.deepcopy(straight.state()))
        straight.advance()
        if straight.step % 4 == 0 and straight.measured:
            records.append(straight.record())
    for start in (spikes()[0], spikes()[0] + 1, 23):
        trainer = trainer_of(how)
        tensors, rest = states[start]
        trainer.restore(start, tensors, json.loads(json.dumps(rest)), "here")
        later = []
        for _ in range(start, 40):
            trainer.advance()
            if trainer.step % 4 == 0 and trainer.measured:
                later.append(trainer.record())
        assert equal(whole(trainer), whole(straight))
        assert trainer.state()[1] == straight.state()[1]
        assert later == records[-len(later) :]


@pytest.mark.parametrize("how", HOW)
def test_records_count_them_and_are_means_over_the_steps_taken(how, caplog):
    fitted = si.fit(
        torch.randn(200, 2, generator=torch.Generator().manual_seed(0)),
        network=Spiky(how),
        train={"on_nonfinite": "skip", "log_every": 4, "batch": 32},
        steps=40,
        progress=False,
    )
    assert sum(record["left_out"] for record in fitted.history) > 3
    assert all(math.isfinite(record["loss"] + record["grad_norm"]) for record in fitted.history)
    told = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
    assert all(text.startswith("step ") for text in told[:5])
    assert any(text.startswith("left out as well: step ") for text in told[5:])
    assert f"; {sum(record['left_out'] for record in fitted.history)} steps in all" in told[-1]


def test_an_interval_of_which_nothing_was_taken_is_counted_by_the_next_record():
    trainer = trainer_of("loss", log_every=1)
    counts = []
    for _ in range(40):
        trainer.advance()
        if trainer.measured:
            counts.append(trainer.record()["left_out"])
    assert len(counts) == 40 - len(spikes())
    assert sum(counts) == len([step for step in spikes() if step < 39])


def test_without_the_policy_records_are_as_they_were():
    network = Spiky()
    network.broken = False
    trainer = Trainer(assemble(recipe(network, "stop")), si.Runtime())
    trainer.advance()
    assert "left_out" not in trainer.record()


@pytest.mark.parametrize("how", HOW)
def test_stop_is_the_default_and_leaves_the_weights_as_they_were(how):
    first = spikes()[0]
    trainer = trainer_of(how, si.load_recipe({"source": "gaussian", "target": "two-moons"}).train.on_nonfinite.use)
    for _ in range(first):
        trainer.advance()
    before = [parameter.detach().clone() for parameter in trainer.predictor.parameters()]
    with pytest.raises(NonFiniteStep) as caught:
        trainer.advance()
    words = str(caught.value)
    assert words.startswith(
        f"step {first + 1}: the {'loss of velocity' if how == 'loss' else 'gradient'} is not finite"
    )
    assert "train.on_nonfinite: skip" in words
    for part in ("losses {'velocity': ", "gradient norm ", "times 0.", "parameters " if how == "gradient" else ""):
        assert part in words
    assert all(torch.equal(a, b) for a, b in zip(before, trainer.predictor.parameters(), strict=True))
    record = json.loads(json.dumps(caught.value.record, allow_nan=False))
    assert (record["step"], record["terms"]) == (first + 1, ["velocity"] if how == "loss" else [])
    assert 0 <= record["times"][0] < record["times"][1] <= 1


@pytest.mark.parametrize("row", [1, 2, 3])
def test_so_many_in_a_row_and_no_more(row):
    """A row is counted anew after each step that is taken; the message names the steps."""
    bad = set(spikes())
    end = next((k for k in range(40) if all(j in bad for j in range(k - row, k + 1)) and k >= row), None)
    trainer = trainer_of("loss", {"use": "skip", "in_a_row": row})
    if end is None:
        for _ in range(40):
            trainer.advance()
        return
    with pytest.raises(
        NonFiniteStep, match=rf"step {end + 1}: .* as many were left out as may be: {row} in a row"
    ) as caught:
        for _ in range(40):
            trainer.advance()
    assert ", ".join(str(k + 1) for k in sorted(bad) if k < end) in str(caught.value)
    assert caught.value.code == 3


def test_so_many_in_all_and_no_more():
    bad = spikes()
    trainer = trainer_of("loss", {"limit": 3})
    with pytest.raises(
        NonFiniteStep,
        match=rf"step {bad[3] + 1}: .*as many were left out as may be: 3 in all[\s\S]*limit 3, in_a_row 10",
    ):
        for _ in range(40):
            trainer.advance()
    assert trainer.step == bad[3]


def test_a_training_that_would_leave_out_every_step_is_none():
    with pytest.raises(NonFiniteStep, match="nothing would be trained"):
        si.train(recipe(Spiky("loss", above=-1.0), steps=5))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_data_that_are_not_finite_are_never_left_out(monkeypatch, bad):
    network = Spiky()
    network.broken = False
    trainer = Trainer(assemble(recipe(network)), si.Runtime())
    target = trainer.assembly.process.target
    monkeypatch.setattr(type(target), "sample", lambda self, n, generator=None: torch.full((n, 2), bad))
    with pytest.raises(NonFiniteStep, match="the data are not finite either"):
        trainer.advance()


def test_weights_that_are_not_finite_are_never_left_out(caplog):
    """A step that is too long ends in weights that no later batch can mend."""
    trainer = trainer_of("gradient")
    with torch.no_grad():
        next(trainer.predictor.parameters()).fill_(math.inf)
    with caplog.at_level(logging.WARNING), pytest.raises(NonFiniteStep, match=r"for weights are not: .*weight"):
        trainer.advance()
    assert "left out" not in caplog.text


def test_what_else_is_wrong_is_never_left_out():
    class Failing(Spiky):
        def forward(self, t, x):
            if self.training and torch.is_grad_enabled() and len(t) == 32 and float(t.mean()) > 0.5:
                raise ArithmeticError("no")
            return super().forward(t, x)

    trainer = Trainer(assemble(recipe(Failing())), si.Runtime())
    with pytest.raises(ArithmeticError):
        for _ in range(40):
            trainer.advance()


@pytest.mark.parametrize(
    ("policy", "words"),
    [("go-on", "stop, skip"), ({"use": "skip", "limit": 0}, "limit"), ({"use": "stop", "limit": 3}, "limit")],
)
def test_what_may_be_written(policy, words):
    with pytest.raises(si.RecipeError, match=words):
        recipe(Spiky(), policy)


def test_a_game_with_the_process_has_no_steps_to_leave_out():
    pytest.importorskip("si_schrodinger")
    with pytest.raises(si.RecipeError, match=r"train.on_nonfinite|steps can't be left out") as caught:
        assemble(si.load_recipe("schrodinger-max-min", ["train.on_nonfinite=skip"]))
    assert "fix: train.on_nonfinite: stop" in str(caught.value)
