"""Rows that are read ahead of training: those of the step, whatever the number of workers, and errors at their step."""

from __future__ import annotations

import threading

import pytest
import torch

import si_core as si
from si_core.models.streams import stream_seed
from si_core.recipes.training import Train
from si_core.training.pairs import PairSource

pytest.importorskip("si_interpolants")
pytest.importorskip("si_distributions")

SEED, STEPS, BATCH = 5, 14, 6


class Slow(si.Distribution):
    """Rows of 0..49 in turn, from wherever a step is."""

    shape, size, start, broken = (1,), 50, None, -1

    def __init__(self, prefetch):
        self.prefetch, self.threads = prefetch, set()

    def of_step(self, step, n, key):
        found = Slow(self.prefetch)
        found.start, found.key, found.threads, found.broken = step * n, key, self.threads, self.broken
        return found

    def sample(self, n, generator=None):
        self.threads.add(threading.current_thread())
        if self.start is None:
            return torch.rand(n, 1, generator=generator)
        if self.start == self.broken * n:
            raise si.DataError("damaged", where="row 7")
        return (self.start + torch.arange(n)[:, None] + self.key % 1000) % 50.0


def pairs_of(law, coupling="independent"):
    process = si.StochasticInterpolant(
        si.build("interpolant", "linear"),
        si.build("latent", "none"),
        si.build("coupling", coupling),
        law if coupling == "mirror" else si.build("distribution", "gaussian", dim=1),
        law,
    )
    return PairSource(process, Train(steps=STEPS, batch=BATCH), SEED, si.Runtime())


@pytest.mark.fault(30)
@pytest.mark.parametrize("workers", [0, 1, 2, 5])
def test_the_number_of_workers_changes_nothing(workers):
    law = Slow(workers)
    pairs, alone = pairs_of(law), pairs_of(Slow(0))
    assert pairs.ahead == (workers > 0)
    for step in [*range(6), 11, 12, 2, 13]:
        found, wanted = pairs.at(step), alone.at(step)
        assert torch.equal(found.x0, wanted.x0)
        assert torch.equal(found.x1, wanted.x1)
        shift = stream_seed(SEED, "order", 1) % 1000
        assert found.x1[:, 0].tolist() == [(step * BATCH + i + shift) % 50 for i in range(BATCH)]
    assert (law.threads == {threading.current_thread()}) == (workers == 0)
    assert len(law.threads) <= max(workers, 1)


@pytest.mark.fault(29)
@pytest.mark.parametrize("workers", [0, 2])
def test_what_can_not_be_read_is_told_at_its_step(workers):
    law = Slow(workers)
    law.broken = 4
    pairs = pairs_of(law)
    for step in range(4):
        pairs.at(step)
    with pytest.raises(si.DataError, match="row 7"):
        pairs.at(4)


def test_a_coupling_with_pairs_of_its_own_has_the_ends_as_they_are_and_no_threads():
    class Own(si.Coupling):
        ends = ()

        def pair(self, x0, x1, generator=None):
            return x0, x1

        def draw(self, source, target, n, generator=None):
            self.ends = (*self.ends, (source, target))
            return si.Pairs(torch.zeros(n, 1), torch.zeros(n, 1))

    law, gaussian, own = Slow(2), si.build("distribution", "gaussian", dim=1), Own()
    process = si.StochasticInterpolant(
        si.build("interpolant", "linear"), si.build("latent", "none"), own, gaussian, law
    )
    pairs = PairSource(process, Train(steps=STEPS, batch=BATCH), SEED, si.Runtime())
    pairs.at(0)
    assert not pairs.ahead
    assert own.ends == ((gaussian, law),)


def test_a_mirror_has_one_end():
    found = pairs_of(Slow(1), "mirror").at(3)
    assert torch.equal(found.x0, found.x1)
