"""Orders of rows: each once an epoch, whoever asks for which step, and permutations that nothing remembers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

import si_core as si
from si_distributions.datasets.order import Epochs
from si_distributions.datasets.permutation import permuted
from si_distributions.datasets.table import Table

SIZES = [1, 2, 3, 5, 8, 13, 100, 1000]


@pytest.mark.parametrize("size", SIZES)
def test_a_permutation_has_each_place_once_and_any_by_itself(size):
    whole = permuted(np.arange(size), size, 3, 1)
    assert sorted(whole.tolist()) == list(range(size))
    some = np.arange(size)[:: max(1, size // 7)]
    assert np.array_equal(permuted(some, size, 3, 1), whole[some])
    assert size < 8 or not np.array_equal(whole, permuted(np.arange(size), size, 3, 2))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_all_permutations_are_equally_likely(size):
    n = 3_000
    seen = [tuple(permuted(np.arange(size), size, k).tolist()) for k in range(n)]
    counts = np.array([seen.count(order) for order in itertools.permutations(range(size))])
    expected = n / math.factorial(size)
    # Chi-squared with k degrees of freedom: mean k, variance 2 k.
    freedom = math.factorial(size) - 1
    assert ((counts - expected) ** 2 / expected).sum() < freedom + 5 * math.sqrt(2 * freedom)


@pytest.mark.parametrize("sizes", [[1000], [1] * 37, [10, 1, 0, 25, 7, 7, 3]], ids=str)
@pytest.mark.parametrize("window", [1, 2, 5])
def test_every_row_comes_once_an_epoch(sizes, window):
    epochs = Epochs(sizes, window)
    n = epochs.size
    rows = epochs.at(np.arange(3 * n), 7)
    for k in range(3):
        assert sorted(rows[k * n : (k + 1) * n].tolist()) == list(range(n))
    assert not np.array_equal(rows[:n], rows[n : 2 * n])
    # A step across the end of an epoch, asked for by itself.
    assert np.array_equal(epochs.at(np.arange(n - 5, n + 5), 7), rows[n - 5 : n + 5])
    assert not np.array_equal(epochs.at(np.arange(n), 8), rows[:n])


def test_no_more_pieces_are_read_at_a_time_than_a_window_has():
    sizes, window = [16] * 24, 3
    pieces = Epochs(sizes, window).at(np.arange(24 * 16), 5) // 16
    for k in range(0, len(pieces), 48):
        assert len(set(pieces[k : k + 48].tolist())) == window
    assert len(set(pieces[:48].tolist()) & set(pieces[48:96].tolist())) == 0


def shuffled(**options):
    from si_distributions.datasets.in_memory import InMemory

    values = np.arange(30, dtype=np.float64)[:, None] * [1, -2]
    law = InMemory(values, held_out=0, standardise=False)
    law._epochs = Epochs([30])
    return law


def test_a_step_draws_its_place_whatever_was_drawn_before():
    law = shuffled()
    steps = [law.of_step(k, 8, 5).sample(8)[:, 0] for k in range(15)]
    assert torch.equal(torch.cat(steps).long(), torch.from_numpy(Epochs([30]).at(np.arange(120), 5)))
    assert torch.equal(law.of_step(9, 8, 5).sample(8)[:, 0], steps[9])
    # Without a step draws are independent, of a generator.
    assert torch.equal(
        law.sample(8, torch.Generator().manual_seed(1)), shuffled().sample(8, torch.Generator().manual_seed(1))
    )
    table = Table("iris")
    assert table.of_step(3, 4, 0) is table


@pytest.mark.parametrize("workers", [0, 2])
def test_training_has_each_row_once_an_epoch_from_its_first_step(tmp_path, workers):
    from si_core.models.assembly import assemble
    from si_core.training.trainer import Trainer

    np.save(tmp_path / "x.npy", np.arange(33.0))
    order = {"order": "shuffled", "storage": "file", "workers": workers}
    target = {"use": "array", "path": str(tmp_path / "x.npy"), "held_out": 0.1, "standardise": False, **order}
    recipe = {
        "source": "gaussian",
        "target": target,
        "interpolant": "linear",
        "latent": "none",
        "objectives": ["velocity"],
    }
    recipe |= {"network": {"use": "mlp", "width": 8, "depth": 1}, "train": {"steps": 12, "batch": 10}}
    trainer, seen = Trainer(assemble(si.load_recipe(recipe)), si.Runtime()), []
    for _ in range(12):
        # The methods of parts are watched in the first step, which must not change what they are called on.
        trainer.advance()
        seen += trainer._batches.at(trainer.step - 1).draw.x1.flatten().tolist()
    assert all(sorted(seen[k : k + 30]) == sorted(seen[:30]) for k in range(0, 120, 30))
    assert len(set(seen[:30])) == 30


def test_two_ends_have_orders_of_their_own():
    from si_core.recipes.training import Train
    from si_core.training.pairs import PairSource

    process = si.StochasticInterpolant(
        si.build("interpolant", "linear"),
        si.build("latent", "none"),
        si.build("coupling", "independent"),
        shuffled(),
        shuffled(),
    )
    pairs = PairSource(process, Train(steps=3, batch=30), 0, si.Runtime())
    for step in range(3):
        found = pairs.at(step)
        assert sorted(found.x0[:, 0].tolist()) == sorted(found.x1[:, 0].tolist()) == list(range(30))
        assert not torch.equal(found.x0, found.x1)
