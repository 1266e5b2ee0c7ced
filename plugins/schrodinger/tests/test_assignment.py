"""The assignment: exact whatever prepares it, in one dimension by sorting, and the same in a run with pairs ahead."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from scipy.optimize import linear_sum_assignment

import si_core as si
from si_schrodinger.assignment import _prepared, assignment
from si_schrodinger.costs import half_squared_distances
from si_schrodinger.optimal_transport import OptimalTransport

N = 256
"""Large enough for the preparation."""

RECIPE = """\
seed: 1
source: {use: gaussian, dim: 2}
target: checkerboard
coupling: {use: optimal-transport, pool: 256}
latent: {use: brownian, scale: 1.0}
objectives: [velocity, denoiser]
network: {use: mlp, width: 16, depth: 2}
train: {steps: 9, batch: 32, checkpoint_every: 5}
sample: {number: 50, epsilon: 0.5, integrator: {use: stochastic-heun, steps: 5}}
report: false
"""


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def clouds(dim, n=N, seed=0):
    generator = seeded(seed)
    x = torch.randn(n, dim, generator=generator, dtype=torch.float64)
    return x, 0.5 * torch.randn(n, dim, generator=generator, dtype=torch.float64) + 2


def clustered(n=N):
    generator = seeded(3)
    corners = 100.0 * torch.randint(0, 2, (n, 3), generator=generator).double()
    return torch.randn(n, 3, generator=generator).double(), corners + 1e-3 * torch.randn(n, 3, generator=generator)


def outlier(n=N):
    x, y = clouds(2, n)
    y[7] = 1e6
    return x, y


COSTS = {
    "plane": lambda: half_squared_distances(*clouds(2)),
    "16-d": lambda: half_squared_distances(*clouds(16)),
    "128-d": lambda: half_squared_distances(*clouds(128)),
    "clusters": lambda: half_squared_distances(*clustered()),
    "an outlier": lambda: half_squared_distances(*outlier()),
    "no structure": lambda: torch.rand(N, N, generator=seeded(), dtype=torch.float64),
    "negative": lambda: -5 + torch.rand(N, N, generator=seeded(1), dtype=torch.float64),
    "tiny": lambda: 1e-200 * half_squared_distances(*clouds(2)),
    "huge": lambda: 1e200 * half_squared_distances(*clouds(2)),
    "heavy tails": lambda: (4 * torch.randn(N, N, generator=seeded(2), dtype=torch.float64)).exp(),
}


def total(cost, columns):
    return float(cost[torch.arange(len(cost)), columns].sum())


@pytest.mark.parametrize("name", COSTS)
def test_it_is_the_permutation_that_scipy_finds_unprepared(name):
    cost = COSTS[name]()
    found = assignment(cost)
    best = torch.from_numpy(linear_sum_assignment(cost.numpy())[1])
    assert sorted(found.tolist()) == list(range(N))
    assert total(cost, found) == pytest.approx(total(cost, best), rel=1e-12)
    if name != "an outlier":  # whose distance leaves too few digits for all else
        assert torch.equal(found, best)


@pytest.mark.parametrize("name", COSTS)
def test_preparation_leaves_a_zero_in_each_row_and_column_and_nothing_below(name):
    cost = COSTS[name]()
    before = cost.clone()
    reduced = _prepared(cost)
    assert torch.equal(cost, before)
    assert float(reduced.min()) == 0
    assert bool((reduced.amin(1) == 0).all())
    assert bool((reduced.amin(0) == 0).all())
    # What was taken off is a number for each row and one for each column.
    taken = cost - reduced
    parts = taken[:, :1] + taken[:1] - taken[0, 0]
    torch.testing.assert_close(taken, parts, rtol=0, atol=1e-12 * float(cost.abs().max()))


@pytest.mark.parametrize("name", ["plane", "16-d", "128-d", "clusters"])
def test_preparation_leaves_little_to_do(name):
    """The least over permutations of the reduced cost is what the prices are short of the solution's (weak duality)."""
    cost = COSTS[name]()
    best = total(cost, assignment(cost))
    naive = cost - cost.amin(0)
    naive = naive - naive.amin(1, keepdim=True)
    gap = total(_prepared(cost), assignment(cost))
    assert gap < 0.2 * total(naive, assignment(cost))
    assert gap < 0.05 * best


def test_a_cost_that_is_one_number_is_no_obstacle():
    assert sorted(assignment(torch.full((N, N), 3.0, dtype=torch.float64)).tolist()) == list(range(N))


def test_repeated_points_are_no_obstacle():
    x = torch.randint(0, 3, (N, 2), generator=seeded()).double()
    y = torch.randint(0, 3, (N, 2), generator=seeded(1)).double()
    cost = half_squared_distances(x, y)
    best = linear_sum_assignment(cost.numpy())[1]
    assert total(cost, assignment(cost)) == pytest.approx(total(cost, torch.from_numpy(best)), rel=1e-12)


@pytest.mark.fault(36)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("n", [5, N])
def test_a_cost_that_is_not_finite_is_refused(value, n):
    cost = torch.rand(n, n, dtype=torch.float64, generator=seeded())
    cost[3, 2] = value
    with pytest.raises(si.NumericsError, match="not finite") as caught:
        assignment(cost)
    assert "row 3, column 2" in str(caught.value)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)], ids=str)
@pytest.mark.parametrize("n", [1, 2, 50])
def test_on_the_line_sorting_finds_what_the_general_method_finds(n, shape):
    x0, x1 = (torch.randn(n, *shape, generator=seeded(k), dtype=torch.float64) for k in (0, 1))
    found = OptimalTransport().matched(x0, x1, None).rows
    assert torch.equal(found, assignment(half_squared_distances(x1, x0)))


def test_the_same_points_give_the_same_pairs():
    x, y = (points.float() for points in clouds(2))
    first = OptimalTransport().pair(x, y)[0]
    assert torch.equal(first, OptimalTransport().pair(x, y)[0])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """``run(out, *words)``: the exit code of a run of the recipe."""
    pytest.importorskip("si_recipes")
    from si_core.cli.main import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    return lambda *words: main(["run", *words])


FILES = ("model.safetensors", "samples.npy", "metrics.jsonl")


def same(first: Path, second: Path) -> bool:
    return all((first / name).read_bytes() == (second / name).read_bytes() for name in FILES)


@pytest.mark.fault(30)
def test_a_run_with_pairs_ahead_is_that_without_bit_for_bit(tmp_path, run, monkeypatch):
    assert run("r.yaml", "--out", "ahead") == 0
    monkeypatch.setattr(OptimalTransport, "prefetch", False)
    assert run("r.yaml", "--out", "here") == 0
    assert same(tmp_path / "ahead", tmp_path / "here")


def test_a_run_with_pairs_ahead_resumes_bit_for_bit(tmp_path, run):
    assert run("r.yaml", "--out", "whole") == 0
    assert run("r.yaml", "--out", "again") == 0
    for path in (tmp_path / "again").glob("checkpoints/step-00000009/*"):
        path.unlink()
    (tmp_path / "again" / "model.safetensors").unlink()
    assert run("again/resolved.yaml", "--resume", "--out", "again") == 0
    assert same(tmp_path / "whole", tmp_path / "again")


def test_a_run_with_pairs_ahead_stops_at_a_signal_and_resumes_bit_for_bit(tmp_path, run, monkeypatch):
    import os
    import signal

    from si_core.training.trainer import Trainer

    assert run("r.yaml", "--out", "whole") == 0
    advance = Trainer.advance

    def stopped(self):
        advance(self)
        if self.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "advance", stopped)
        assert run("r.yaml", "--out", "again") == 143
    assert [path.name for path in (tmp_path / "again" / "checkpoints").iterdir()] == ["step-00000003"]
    assert run("again/resolved.yaml", "--resume", "--out", "again") == 0
    assert same(tmp_path / "whole", tmp_path / "again")
