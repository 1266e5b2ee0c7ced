"""Pairs that are made ahead: the numbers of those that are not, none beyond a round, and errors at their step."""

from __future__ import annotations

import threading
import time

import pytest
import torch
from torch import nn

import si_core as si
from si_core.models.streams import generator, stream_seed
from si_core.recipes.training import Train
from si_core.training.pairs import PairSource

pytest.importorskip("si_interpolants")
pytest.importorskip("si_distributions")

SEED, CPU = 3, si.Runtime()


class Slow(si.Coupling):
    """Pairs whose making takes a while, longer for earlier steps, and that depend on the round."""

    prefetch = True

    def __init__(self):
        self.round, self.threads, self.steps = 0, set(), []
        self.number = {stream_seed(SEED, "data", 0, k): k for k in range(100)}
        self.broken = -1

    def pair(self, x0, x1, generator=None):
        step = self.number[generator.initial_seed()]
        self.steps.append(step)
        self.threads.add(threading.current_thread())
        time.sleep(0.001 * (step % 3))
        if step == self.broken:
            raise si.NumericsError("no plan", where=f"pairs of step {step}")
        return x0 + self.round, x1


class Cheap(Slow):
    prefetch = False


class Trained(nn.Module, Slow):
    def __init__(self):
        nn.Module.__init__(self)
        Slow.__init__(self)
        self.weight = nn.Parameter(torch.ones(1))


def pairs_of(coupling, steps=12, rounds=1):
    gaussian = si.build("distribution", "gaussian", dim=2)
    process = si.StochasticInterpolant(
        si.build("interpolant", "linear"), si.build("latent", "none"), coupling, gaussian, gaussian
    )
    return PairSource(process, Train(steps=steps, rounds=rounds, batch=5), SEED, CPU)


def drawn(coupling, step):
    gaussian = si.build("distribution", "gaussian", dim=2)
    return coupling.draw(gaussian, gaussian, 5, generator(SEED, "data", 0, step))


def same(first, second):
    return torch.equal(first.x0, second.x0) and torch.equal(first.x1, second.x1)


@pytest.mark.fault(30)
@pytest.mark.parametrize("coupling", [Slow, Cheap, Trained])
@pytest.mark.parametrize("steps", [range(12), [7, 8, 2, 3, 4, 11], [5, 5, 5, 0]], ids=str)
def test_they_are_those_of_the_step(coupling, steps):
    pairs = pairs_of(coupling())
    for step in steps:
        assert same(pairs.at(step), drawn(Cheap(), step))


@pytest.mark.parametrize(("coupling", "here"), [(Slow, False), (Cheap, True), (Trained, True)])
def test_only_a_coupling_that_asks_for_it_and_is_not_trained_has_threads(coupling, here):
    made = coupling()
    pairs = pairs_of(made)
    for step in range(3):
        pairs.at(step)
    assert (made.threads == {threading.current_thread()}) == here
    if here:
        assert made.steps == [0, 1, 2]


def test_no_pairs_of_a_round_are_made_before_it():
    made = Slow()
    pairs = pairs_of(made, steps=12, rounds=3)
    for step in range(12):
        made.round = step // 4
        assert torch.equal(pairs.at(step).x0, drawn(Cheap(), step).x0 + step // 4), step
        # Whatever was begun is of this round.
        assert max(made.steps) < 4 * (step // 4 + 1)


def test_none_are_made_beyond_the_last_step():
    made = Slow()
    pairs = pairs_of(made, steps=3)
    for step in range(3):
        pairs.at(step)
    assert sorted(made.steps) == [0, 1, 2]


@pytest.mark.fault(29)
def test_an_error_comes_at_the_step_that_it_belongs_to():
    made = Slow()
    made.broken = 3
    pairs = pairs_of(made)
    for step in range(3):
        pairs.at(step)
    with pytest.raises(si.NumericsError, match="pairs of step 3"):
        pairs.at(3)


def test_gradients_are_not_recorded_in_other_threads():
    class Tracked(Slow):
        def pair(self, x0, x1, generator=None):
            x0, x1 = super().pair(x0.requires_grad_(), x1, generator)
            return 2 * x0, x1

    assert not pairs_of(Tracked()).at(0).x0.requires_grad
