"""Draws made before their turn are those that each step would make alone."""

from __future__ import annotations

import pytest
import torch

import si_core as si
from si_core.models.assembly import assemble
from si_core.training.batches import Batches
from si_core.training.rounds import round_end
from si_core.training.trainer import Trainer

RECIPE = """\
    title: Draws
    seed: 3
    source: {use: gaussian, dim: 2}
    target: eight-gaussians
    interpolant: linear
    latent: brownian
    objectives: [velocity]
    network: {use: mlp, width: 8, depth: 1}
    train: {steps: 40, batch: 16, ema: null}
"""

CPU = si.Runtime()


def batches_of(assembly) -> Batches:
    return Batches(assembly, torch.float32, CPU, moving=False)


def same(one, other) -> bool:
    return all(torch.equal(getattr(one, part), getattr(other, part)) for part in ("t", "x0", "x1", "z", "xt"))


@pytest.mark.fault(30)
@pytest.mark.parametrize("override", ["train.batch=16", "train.times=importance", "objectives=[velocity, denoiser]"])
def test_a_draw_does_not_depend_on_those_made_with_it(recipe, override):
    """From the start, and from any step: each object makes the steps after its first in one go."""
    assembly = assemble(recipe(RECIPE, override))
    together = batches_of(assembly)
    for step in range(40):
        assert same(together.at(step).draw, batches_of(assembly).at(step).draw), step
    assert same(together.at(0).draw, batches_of(assembly).at(0).draw), "back to the start"


def test_small_draws_are_made_together_and_large_ones_alone(recipe, monkeypatch):
    made = []
    make = Batches._make
    monkeypatch.setattr(Batches, "_make", lambda self, step: made.append(step) or make(self, step))
    batches_of(assemble(recipe(RECIPE))).at(0)
    assert made == list(range(32))
    made.clear()
    batches_of(assemble(recipe(RECIPE, "train.batch=70000"))).at(0)
    assert made == [0]


def test_none_is_made_for_the_next_round_or_after_the_end(recipe):
    train = assemble(recipe(RECIPE)).recipe.train.model_copy(update={"rounds": 3})
    assert [round_end(train, step) for step in (0, 12, 13, 25, 26, 38, 39)] == [13, 13, 26, 26, 40, 40, 40]


@pytest.mark.fault(29)
@pytest.mark.parametrize("error", [si.DataError("the third row is broken"), SystemExit("the third row is broken")])
def test_an_error_is_that_of_its_own_step(recipe, monkeypatch, error):
    assembly = assemble(recipe(RECIPE))
    coupling, calls = assembly.process.coupling, []
    draw = coupling.draw

    def failing(source, target, n, generator):
        calls.append(None)
        if len(calls) > 3:
            raise error
        return draw(source, target, n, generator)

    monkeypatch.setattr(coupling, "draw", failing)
    batches = batches_of(assembly)
    for step in range(3):
        batches.at(step)
    with pytest.raises(type(error), match="third row"):
        batches.at(3)


def test_a_trainer_that_goes_on_elsewhere_draws_anew(recipe):
    one, other = (Trainer(assemble(recipe(RECIPE, "train.times=importance")), CPU) for _ in range(2))
    for _ in range(5):
        one.advance()
    tensors, state = one.state()
    other.advance()
    other.restore(5, tensors, state, "here")
    for _ in range(3):
        assert same(one.batch().draw, other.batch().draw)
        one.advance(), other.advance()
