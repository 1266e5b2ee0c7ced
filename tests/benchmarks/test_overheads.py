"""The gates: what the library may add to the network. They are timings: ``pytest -m benchmark tests/benchmarks``."""

from __future__ import annotations

import pytest

pytest.importorskip("si_recipes")

from .sampling import SamplingCase, measure_sampling
from .timing import threads
from .training import TrainingCase, measure_training

pytestmark = pytest.mark.benchmark

SHARE, MICROSECONDS = 0.05, 8.0


@pytest.mark.parametrize("latent", ["none", "brownian"])
@pytest.mark.parametrize("batch", [512, 4096])
@pytest.mark.parametrize("dim", [2, 128])
def test_a_training_step_costs_what_a_loop_by_hand_costs(dim, batch, latent):
    with threads(2):
        result = measure_training(TrainingCase(dim, batch, latent), 100 if batch == 512 else 40)
    assert result.share < SHARE, f"{result.share:.1%} of {result.bare.median * 1e3:.2f} ms"


@pytest.mark.parametrize("precondition", [False, True])
@pytest.mark.parametrize("integrator", ["euler", "euler-maruyama"])
def test_a_sampling_step_adds_microseconds(integrator, precondition):
    case = SamplingCase(integrator, 1, 2, "free", precondition, steps=200)
    with threads(1):
        added = measure_sampling(case, 60).added.median * 1e6
    assert added < MICROSECONDS, f"{added:.1f} microseconds"
