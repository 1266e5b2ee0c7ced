"""Couplings of transport within a batch: against the Gaussian bridge, marginals, classes, and what they refuse."""

from __future__ import annotations

import itertools
import math
import pickle
from collections.abc import Mapping

import pytest
import torch

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.gaussian_mixture import GaussianMixture
from si_schrodinger.costs import half_squared_distances
from si_schrodinger.entropic import Entropic
from si_schrodinger.optimal_transport import OptimalTransport
from si_schrodinger.sinkhorn import sinkhorn


def name(coupling):
    return type(coupling).__name__


BOTH = [Entropic(0.2), OptimalTransport()]
CASES = {
    1: (Gaussian(dim=1, mean=1.0, covariance=2.0, dtype="float64"), Gaussian(dim=1, covariance=0.5, dtype="float64")),
    2: (
        Gaussian(mean=[1.0, 0.0], covariance=[[1.0, 0.3], [0.3, 0.5]], dtype="float64"),
        Gaussian(mean=[-1.0, 2.0], covariance=[[0.8, -0.4], [-0.4, 1.2]], dtype="float64"),
    ),
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def root(matrix):
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.sqrt()) @ vectors.T


def bridge_covariance(source, target, epsilon):
    """``A^1/2 ((A^1/2 B A^1/2 + eps^2)^1/2 - eps) A^-1/2``, with the difference of roots in a form without
    cancellation: ``M ((M + eps^2)^1/2 + eps)^-1``."""
    a, b = source.covariances[0], target.covariances[0]
    half, identity = root(a), torch.eye(len(a), dtype=torch.float64)
    middle = half @ b @ half
    return half @ middle @ torch.linalg.inv(root(middle + epsilon**2 * identity) + epsilon * identity) @ half.inverse()


def cross_covariance(coupling, source, target, n, batches):
    """E (x0 - m0)(x1 - m1)^T over batches with its standard error, each (d, d)."""
    generator, found = seeded(5), []
    for _ in range(batches):
        pairs = coupling.draw(source, target, n, generator)
        x0, x1 = pairs.x0, pairs.x1
        found.append((x0 - source.means[0]).T @ (x1 - target.means[0]) / n)
    stacked = torch.stack(found)
    return stacked.mean(0), stacked.std(0) / math.sqrt(batches)


class Labelled(Gaussian):
    """A Gaussian whose label is the quarter of the plane."""

    conditions: Mapping[str, si.ConditionSpec] = {
        "quarter": si.ConditionSpec(classes=("++", "+-", "-+", "--")),
        "sum": si.ConditionSpec(),
    }

    def draw(self, n, generator=None):
        x = self.sample(n, generator)
        return x, {"quarter": quarter(x), "sum": x.sum(1)}


def quarter(x):
    return 2 * (x[:, 0] > 0).long() + (x[:, 1] > 0).long()


# Batches of n = 256 lack 2/n to 5/n of the cross-covariance in the plane (see the table of test_minibatch_bias), and
# less on the line; 8/n leaves room. The independent coupling lacks all of it, twice the epsilon a tenth to a half.
BIAS, BATCH = 8.0, 256


@pytest.mark.parametrize("dim", CASES)
@pytest.mark.parametrize("epsilon", [0.1, 0.5, 2.0])
def test_entropic_pairs_of_gaussians_are_those_of_the_bridge(dim, epsilon):
    source, target = CASES[dim]
    expected = bridge_covariance(source, target, epsilon)
    found, error = cross_covariance(Entropic(epsilon), source, target, BATCH, 60)
    allowed = 5 * error + BIAS / BATCH * float(torch.linalg.matrix_norm(expected, 2))
    assert bool(((found - expected).abs() <= allowed).all()), (found, expected, allowed)


def test_a_pool_has_less_bias_than_its_batch():
    source, target = CASES[2]
    expected = bridge_covariance(source, target, 0.1).trace()
    small, error = cross_covariance(Entropic(0.1), source, target, 16, 400)
    pooled, _ = cross_covariance(Entropic(0.1, pool=256), source, target, 16, 400)
    # Batches of 16 lack about 18% of the trace, pools of 256 about 2%.
    assert float(small.trace() - expected) < -0.1 * float(expected)
    assert abs(float(pooled.trace() - expected)) < 0.03 * float(expected) + 5 * float(error.trace())


def test_optimal_pairs_of_gaussians_are_near_the_transport_map():
    source, target = CASES[1]
    # On the line the optimal map is increasing, and Cov(x0, x1) = sqrt(a b) = 1.
    found, error = cross_covariance(OptimalTransport(), source, target, BATCH, 40)
    assert abs(float(found) - 1.0) <= 5 * float(error) + BIAS / BATCH


@pytest.mark.parametrize("coupling", [*BOTH, Entropic(0.05, pool=64), OptimalTransport(pool=64)])
def test_marginals_are_kept(coupling):
    source, target = GaussianMixture([[3.0, 0.0], [-3.0, 0.0]], weights=[0.3, 0.7]), CASES[2][1]
    generator, first, second = seeded(2), [], []
    for _ in range(300):
        pairs = coupling.draw(source, target, 32, generator)
        x0, x1 = pairs.x0, pairs.x1
        first.append(torch.cat([x0, x0.square()], 1).double().mean(0))
        second.append(torch.cat([x1, x1.square()], 1).mean(0))
    for found, law in ((torch.stack(first), source), (torch.stack(second), target)):
        wide = law.sample(200_000, seeded(3)).double()
        expected = torch.cat([wide, wide.square()], 1).mean(0)
        error = found.std(0) * math.sqrt(1 / 300 + 32 / 200_000)
        assert bool(((found.mean(0) - expected).abs() <= 5 * error).all())


def test_entropic_draws_follow_the_plan():
    x0, x1 = torch.randn(5, 2, generator=seeded()), torch.randn(5, 2, generator=seeded(1))
    plan = sinkhorn(half_squared_distances(x0, x1), 0.6, tolerance=1e-6).log_plan.exp()
    # Points that are repeated share the mass of one.
    copies, draws, coupling = 100, 4000, Entropic(0.3, tolerance=1e-6)
    counts, generator = torch.zeros(5, 5), seeded(2)
    columns = torch.arange(5).repeat(copies)
    for _ in range(draws // copies):
        index = coupling.matched(x0.repeat(copies, 1), x1.repeat(copies, 1), generator).rows
        counts.index_put_((index % 5, columns), torch.ones(len(index)), accumulate=True)
    expected = draws * plan / plan.sum(0)
    # Chi-square with 5 columns of 4 degrees of freedom each: mean 20, and 56 at one in 30 thousand.
    assert float(((counts - expected).square() / expected).sum()) < 56


@pytest.mark.parametrize("coupling", BOTH, ids=name)
def test_pairs_are_rows_of_the_batch_and_x1_stays(coupling):
    x0, x1 = torch.randn(40, 3, 2, generator=seeded()), torch.randn(40, 3, 2, generator=seeded(1))
    before = x0.clone(), x1.clone()
    state = torch.get_rng_state()
    paired, kept = coupling.pair(x0, x1, seeded(4))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(kept, x1)
    assert torch.equal(x0, before[0])
    assert torch.equal(x1, before[1])
    assert bool((paired[:, None] == x0).all((2, 3)).any(1).all())
    assert torch.equal(coupling.pair(x0, x1, seeded(4))[0], paired)
    assert torch.equal(pickle.loads(pickle.dumps(coupling)).pair(x0, x1, seeded(4))[0], paired)


def test_entropic_draws_change_with_the_generator():
    x0, x1 = torch.randn(40, 2, generator=seeded()), torch.randn(40, 2, generator=seeded(1))
    pairs = [Entropic(0.5).pair(x0, x1, seeded(k))[0] for k in (0, 1)]
    assert not torch.equal(*pairs)


def squares(x0, x1):
    return float((x0 - x1).double().square().sum())


def test_optimal_is_the_best_permutation():
    x0, x1 = torch.randn(6, 2, generator=seeded()), torch.randn(6, 2, generator=seeded(1))
    paired, _ = OptimalTransport().pair(x0, x1)
    least = min(squares(x0[list(order)], x1) for order in itertools.permutations(range(6)))
    assert squares(paired, x1) == pytest.approx(least, rel=1e-12)


def test_optimal_beats_random_and_every_transposition():
    x0, x1 = torch.randn(64, 2, generator=seeded()), torch.randn(64, 2, generator=seeded(1))
    paired, _ = OptimalTransport().pair(x0, x1)
    order = lambda x: x[x[:, 0].argsort()]  # noqa: E731
    assert torch.equal(order(paired), order(x0))
    assert squares(paired, x1) < 0.5 * squares(x0, x1)
    gain = ((paired[:, None] - paired) * (x1[:, None] - x1)).double().sum(2)
    # Swapping the partners of i and j adds 2 (x0_i - x0_j).(x1_i - x1_j) to the sum of squares.
    assert float(gain.min()) >= 0


def test_entropic_goes_to_the_optimal_pairs():
    x0, x1 = torch.randn(32, 2, generator=seeded()), torch.randn(32, 2, generator=seeded(1))
    best, _ = OptimalTransport().pair(x0, x1)
    near, _ = Entropic(1e-5).pair(x0, x1, seeded())
    assert int((near == best).all(1).sum()) >= 31


@pytest.mark.parametrize("coupling", [Entropic, OptimalTransport], ids=lambda c: c.__name__)
def test_source_is_independent_of_the_class_within_classes(coupling):
    options = {"epsilon": 0.05} if coupling is Entropic else {}
    source, target = Gaussian(), Labelled(mean=[0.5, 0.0])
    means = {}
    for within in (True, False):
        generator, found = seeded(6), []
        for _ in range(60):
            pairs = coupling(**options, within_classes=within).draw(source, target, 64, generator)
            x0, label = pairs.x0, pairs.condition["quarter"]
            assert torch.equal(label, quarter(pairs.x1))
            found.append(torch.stack([x0[label == 3].sum(0), torch.full((2,), float((label == 3).sum()))]))
        total = torch.stack(found).sum(0)
        means[within] = total[0] / total[1], 1 / math.sqrt(float(total[1, 0]))
    mean, error = means[True]
    # x0 of a class is N(0, I), whose mean has this standard error; entropic draws with replacement make it larger, by
    # no more than a factor of sqrt(2).
    assert float(mean.abs().max()) <= 5 * math.sqrt(2) * error
    assert float(means[False][0].min()) > 0.4


@pytest.mark.parametrize("coupling", [Entropic(0.1, pool=100), OptimalTransport(pool=100)], ids=name)
def test_conditions_go_along_from_a_pool(coupling):
    for n in (10, 130):
        pairs = coupling.draw(Gaussian(), Labelled(), n, seeded())
        assert pairs.x0.shape == pairs.x1.shape == (n, 2)
        assert torch.equal(pairs.condition["quarter"], quarter(pairs.x1))
        assert torch.equal(pairs.condition["sum"], pairs.x1.sum(1))


def test_within_classes_is_optimal_inside_of_each_class():
    pairs = OptimalTransport().draw(Gaussian(), Labelled(), 64, seeded())
    x0, x1, label = pairs.x0, pairs.x1, pairs.condition["quarter"]
    gain = ((x0[:, None] - x0) * (x1[:, None] - x1)).double().sum(2)
    assert float(gain[label[:, None] == label].min()) >= 0
    assert float(gain.min()) < 0


def test_relaxed_pairs_leave_outliers_out():
    x1 = torch.randn(64, 2, generator=seeded(1))
    x0 = torch.randn(64, 2, generator=seeded())
    x0[0] = 50.0
    held, relaxed = Entropic(0.1), Entropic(0.1, unbalanced=5.0, hold_target=True)
    taken = [sum(int((c.matched(x0, x1, seeded(k)).rows == 0).sum()) for k in range(50)) for c in (held, relaxed)]
    assert 20 <= taken[0] <= 100  # once a batch
    assert taken[1] == 0


@pytest.mark.fault(21)
@pytest.mark.parametrize("coupling", BOTH, ids=name)
def test_unequal_batches_are_refused(coupling):
    with pytest.raises(si.UsageError, match="unequal size") as caught:
        coupling.pair(torch.zeros(7, 2), torch.zeros(9, 2), seeded())
    assert "7 rows" in str(caught.value)
    assert "9 of x1" in str(caught.value)
    with pytest.raises(si.UsageError, match="event shapes"):
        coupling.pair(torch.zeros(7, 2), torch.zeros(7, 3), seeded())


@pytest.mark.fault(36)
@pytest.mark.parametrize("coupling", BOTH, ids=name)
@pytest.mark.parametrize("end", ["x0", "x1"])
def test_points_that_are_not_finite_are_refused(coupling, end):
    points = {"x0": torch.randn(8, 2, generator=seeded()), "x1": torch.randn(8, 2, generator=seeded(1))}
    points[end][5, 1] = math.nan
    with pytest.raises(si.NumericsError, match=f"points of {end} are not finite") as caught:
        coupling.pair(points["x0"], points["x1"], seeded())
    assert "row 5" in str(caught.value)


@pytest.mark.fault(36)
def test_a_plan_that_is_not_found_is_refused():
    x0, x1 = torch.randn(40, 2, generator=seeded()), torch.randn(40, 2, generator=seeded(1))
    with pytest.raises(si.NumericsError, match="has not converged"):
        Entropic(1e-4, iterations=5).pair(x0, x1, seeded())


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (Entropic, {"epsilon": 0.0}),
        (Entropic, {"epsilon": 1.0, "tolerance": 0.0}),
        (Entropic, {"epsilon": 1.0, "iterations": 0}),
        (Entropic, {"epsilon": 1.0, "unbalanced": -1.0}),
        (Entropic, {"epsilon": 1.0, "pool": 0}),
        (OptimalTransport, {"pool": 0}),
    ],
    ids=lambda v: str(v) if isinstance(v, dict) else v.__name__,
)
def test_options_out_of_range_are_refused(make, options):
    with pytest.raises(si.UsageError):
        make(**options)
