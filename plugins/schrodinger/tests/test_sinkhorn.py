"""Sinkhorn's plan: against the definition, its limits in both parameters, and over decades of regularisation."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.optimize import linear_sum_assignment

import si_core as si
from si_schrodinger import scaling
from si_schrodinger.costs import half_squared_distances
from si_schrodinger.newton import newton
from si_schrodinger.potentials import Potentials
from si_schrodinger.scaling import _best_omega, scale
from si_schrodinger.sinkhorn import sinkhorn

DECADES = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e2]
"""Regularisations beside the mean of the cost."""


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def cloud_cost(n, m, dim=2, seed=0):
    """Half squared distances of two clouds, with mean one."""
    generator = seeded(seed)
    x = torch.randn(n, dim, generator=generator, dtype=torch.float64)
    y = 0.7 * torch.randn(m, dim, generator=generator, dtype=torch.float64) + 1
    cost = (x[:, None] - y).square().sum(2) / 2
    return cost / cost.mean()


def weights(n, seed):
    w = torch.rand(n, generator=seeded(seed), dtype=torch.float64) + 0.1
    return w / w.sum()


def by_definition(cost, r, rho=math.inf, a=None, b=None, updates=20_000):
    """The plan by plain alternation in the log domain, from the formula alone."""
    n, m = cost.shape
    a = torch.full((n,), 1 / n, dtype=torch.float64) if a is None else a
    b = torch.full((m,), 1 / m, dtype=torch.float64) if b is None else b
    damping = 1.0 if math.isinf(rho) else rho / (rho + r)
    g = torch.zeros(m, dtype=torch.float64)
    for _ in range(updates):
        f = -damping * r * torch.logsumexp(b.log() + (g - cost) / r, 1)
        g, last = -damping * r * torch.logsumexp(a.log()[:, None] + (f[:, None] - cost) / r, 0), g
        if float((g - last).abs().max()) < 1e-15:
            break
    return a[:, None] * b * ((f[:, None] + g - cost) / r).exp()


def marginal_errors(plan, a, b):
    p = plan.log_plan.exp()
    return float((p.sum(1) - a).abs().sum()), float((p.sum(0) - b).abs().sum())


@pytest.mark.parametrize("sizes", [(12, 12), (7, 15), (1, 5), (5, 1), (1, 1)], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_plan_is_that_of_the_definition(sizes, weighted):
    cost = cloud_cost(*sizes)
    a, b = (weights(n, k) for k, n in enumerate(sizes)) if weighted else (None, None)
    for r in (0.05, 0.5, 5.0):
        found = sinkhorn(cost, r, tolerance=1e-12, weights0=a, weights1=b)
        # Potentials differ by the residual times the condition of the problem: at most exp(2 max C / r) as a bound,
        # some hundreds here.
        torch.testing.assert_close(found.log_plan.exp(), by_definition(cost, r, a=a, b=b), rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("rho", [0.05, 1.0, 20.0])
def test_relaxed_plan_is_that_of_the_definition(rho):
    cost = cloud_cost(9, 14)
    a, b = 3 * weights(9, 0), weights(14, 1)
    for r in (0.05, 1.0):
        found = sinkhorn(cost, r, tolerance=1e-11, relaxation=rho, weights0=a, weights1=b)
        expected = by_definition(cost, r, rho, a, b)
        torch.testing.assert_close(found.log_plan.exp(), expected, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_marginals_over_decades(dtype, scale):
    cost = (scale * cloud_cost(24, 24)).to(dtype)
    a = torch.full((24,), 1 / 24, dtype=torch.float64)
    for decade in DECADES:
        plan = sinkhorn(cost, decade * scale)
        assert plan.log_plan.dtype == torch.float64
        assert all(bool(torch.isfinite(x).all()) for x in (plan.log_plan, plan.f, plan.g))
        errors = marginal_errors(plan, a, a)
        assert max(errors) <= 1e-6
        assert plan.residual == pytest.approx(max(errors), rel=1e-6, abs=1e-13)
        logs = (plan.f[:, None] + plan.g - cost.double()) / (decade * scale) - 2 * math.log(24)
        torch.testing.assert_close(logs, plan.log_plan, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_towards_the_assignment(seed):
    cost = cloud_cost(40, 40, seed=seed)
    rows, columns = linear_sum_assignment(cost.numpy())
    least = float(cost[rows, columns].mean())
    for r in (1e-2, 1e-3, 1e-4, 1e-5):
        plan = sinkhorn(cost, r, tolerance=1e-8).log_plan.exp()
        # By optimality of the plan and of the assignment: least <= <C, P> <= least + r (log n - KL(P | a b)), up to
        # what an L1 error of the marginals costs.
        slack = 1e-8 * float(cost.max())
        assert least - slack <= float((plan * cost).sum()) <= least + r * math.log(40) + slack
    assert float(plan[rows, columns].sum()) > 0.999


def test_towards_independence():
    cost, a, b = cloud_cost(10, 20), weights(10, 0), weights(20, 1)
    for r in (1e2, 1e4, 1e6):
        plan = sinkhorn(cost, r, weights0=a, weights1=b)
        # P = a b exp((f + g - C) / r), and |f + g - C| is at most twice the range of C.
        assert float((plan.log_plan - (a[:, None] * b).log()).abs().max()) <= 2 * float(cost.max()) / r


@pytest.mark.parametrize("r", [1e-3, 0.1, 10.0])
def test_a_symmetric_cost_has_a_symmetric_plan(r):
    x = torch.randn(20, 2, generator=seeded(), dtype=torch.float64)
    plan = sinkhorn(half_squared_distances(x, x), r, tolerance=1e-11)
    if r >= 0.1:  # below, each point keeps to itself and hardly anything ties the potentials together
        torch.testing.assert_close(plan.f, plan.g, rtol=0, atol=1e-7)
    p = plan.log_plan.exp()
    torch.testing.assert_close(p, p.T, rtol=1e-5, atol=1e-8)


def test_a_constant_of_the_cost_goes_into_the_potentials():
    cost = cloud_cost(8, 9)
    plan, shifted = sinkhorn(cost, 0.1, tolerance=1e-12), sinkhorn(cost + 1e4, 0.1, tolerance=1e-10)
    torch.testing.assert_close(shifted.log_plan.exp(), plan.log_plan.exp(), rtol=1e-5, atol=1e-9)
    torch.testing.assert_close(shifted.f, plan.f + 5e3, rtol=0, atol=1e-6)


@pytest.mark.parametrize("r", [1e-3, 0.1, 10.0])
def test_relaxed_marginals_in_both_limits(r):
    cost, a, b = cloud_cost(12, 12), weights(12, 0), weights(12, 1)
    balanced = sinkhorn(cost, r, weights0=a, weights1=b, tolerance=1e-9).log_plan.exp()
    last = math.inf
    for rho in (1e2, 1e4, 1e6):
        held = sinkhorn(cost, r, relaxation=rho, weights0=a, weights1=b, tolerance=1e-9).log_plan.exp()
        off = float((held.sum(1) - a).abs().sum())
        # Marginals are a exp(-f / rho), and |f| is at most about the range of the cost.
        assert off <= 2 * float(cost.max()) / rho
        assert float((held - balanced).abs().sum()) < last
        last = float((held - balanced).abs().sum())
    assert last < 1e-3
    # Without any weight on the marginals the plan is the reference tilted by the cost.
    free = sinkhorn(cost, r, relaxation=1e-6 * r, weights0=a, weights1=b).log_plan
    tilted = (a[:, None] * b).log() - cost / r
    torch.testing.assert_close(free, tilted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rho", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("r", [1e-5, 1e-2, 10.0])
def test_relaxed_potentials_are_a_fixed_point(r, rho):
    cost = cloud_cost(16, 11)
    plan = sinkhorn(cost, r, relaxation=rho)
    damping = rho / (rho + r)
    f = -damping * r * torch.logsumexp((plan.g - cost) / r, 1) + damping * r * math.log(11)
    assert float((f - plan.f).abs().max()) / r <= 2e-6
    assert bool(torch.isfinite(plan.log_plan).all())


@pytest.mark.parametrize("seed", range(16))
def test_few_points_of_unequal_weight_over_decades(seed):
    # Sums of weights hardly ever agree, so mass has to pass between groups of points that are far apart beside r.
    generator = seeded(seed)
    n, m = torch.randint(2, 10, (2,), generator=generator).tolist()
    cost = torch.rand(n, m, generator=generator)
    for decade in DECADES:
        plan = sinkhorn(cost, decade, iterations=2000, weights0=weights(n, seed), weights1=weights(m, seed + 1))
        assert plan.residual <= 1e-6


@pytest.mark.parametrize("rho", [math.inf, 100.0, 1.0])
@pytest.mark.parametrize("r", [1e-4, 1e-3, 1e-2, 1.0])
def test_scaling_tells_the_residual_of_its_potentials(r, rho):
    state = potentials(cloud_cost(15, 15), r, rho)
    for _ in range(6):
        told = scale(state, 1e-10, 10_000)
        assert told == pytest.approx(true_residual(state), rel=1e-5, abs=1e-11)


def test_a_kernel_whose_rows_underflow_is_left_for_the_log_domain():
    state = potentials(1e3 * cloud_cost(15, 15), 1e-3, 1e-4)
    # Each update is a contraction by rho / (rho + r) = 1/11 in either potential; the first error is below 1e7.
    assert scale(state, 1e-8, 100) <= 1e-8
    assert true_residual(state) <= 1e-8
    assert bool((state.log_plan().exp().sum(1) == 0).any())


@pytest.mark.parametrize("rho", [None, 5.0])
@pytest.mark.parametrize("n", [30, 300])
def test_a_loose_tolerance_is_met_in_double_precision(n, rho):
    # Loose tolerances are iterated for in single precision.
    cost = cloud_cost(n, n)
    for decade in DECADES:
        plan = sinkhorn(cost, decade, tolerance=1e-4, relaxation=rho)
        state = potentials(cost, decade, math.inf if rho is None else rho)
        state.f, state.g = plan.f, plan.g
        assert plan.residual <= 1e-4
        # The logarithm (f + g - c) / r of an entry is rounded in its largest term, to a side that depends on the
        # processor, and an entry is at most 1/n.
        largest = max(float(x.abs().max()) for x in (plan.f, plan.g, cost))
        rounding = 3 * torch.finfo(torch.float64).eps * largest / decade / n
        assert true_residual(state) == pytest.approx(plan.residual, rel=1e-6, abs=max(rounding, 1e-12))


def test_where_single_precision_was_wrong_about_the_residual_double_goes_on(monkeypatch):
    monkeypatch.setattr(scaling, "_MARGIN", 50.0)  # as if it took 50 times the tolerance for the tolerance
    assert scale(potentials(cloud_cost(200, 200), 0.05, math.inf), 1e-4, 1000) > 1e-4
    assert sinkhorn(cloud_cost(200, 200), 0.05, tolerance=1e-4).residual <= 1e-4


def test_a_kernel_in_single_precision_whose_rows_underflow_is_left_for_the_log_domain():
    state = potentials(1e3 * cloud_cost(15, 15), 1e-3, 1e-4)
    assert scale(state, 1e-3, 100) <= 1e-3
    assert true_residual(state) <= 1e-3


@pytest.mark.parametrize("omega", [1.0, 1.3, 1.6])
@pytest.mark.parametrize("rate", [0.5, 0.9, 0.999])
def test_the_best_over_relaxation_is_found_from_any_smaller_one(rate, omega):
    best = 2 / (1 + math.sqrt(1 - rate))
    # The largest root of (seen + w - 1)^2 = w^2 rate seen (Young's relation), real for w below the best.
    half = omega * omega * rate / 2 - (omega - 1)
    seen = half + math.sqrt(max(half * half - (omega - 1) ** 2, 0.0))
    if omega < best:
        assert _best_omega(seen, omega) == pytest.approx(best, rel=1e-6)
    else:
        assert _best_omega(omega - 1, omega) == omega


def test_over_relaxed_iterations_are_few_where_plain_ones_are_many():
    cost, r, tolerance = cloud_cost(400, 400, dim=8), 0.02, 1e-10
    plain, fast = potentials(cost, r, math.inf), potentials(cost, r, math.inf)
    residuals = [plain.update()]
    while residuals[-1] > tolerance:
        residuals.append(plain.update())
    assert scale(fast, tolerance, 10_000) <= tolerance
    rate = (residuals[-1] / residuals[-101]) ** 0.01
    assert rate > 0.9
    # At the best over-relaxation w the rate is w - 1; plain iterations come before it, as the observed rate approaches
    # the asymptotic one from below.
    best = 2 / (1 + math.sqrt(1 - rate)) - 1
    assert fast.updates < 3 * len(residuals) * math.log(rate) / math.log(best)
    assert fast.updates < 0.5 * len(residuals)
    # Each is off by no more than the sum of the changes that are left, residual / (1 - rate) in L1.
    off = float((fast.log_plan().exp() - plain.log_plan().exp()).abs().sum())
    assert off <= 2 * 2 * tolerance / (1 - rate)


@pytest.mark.parametrize("rho", [math.inf, 100.0, 1.0, 0.01])
def test_newton_is_quadratic(rho):
    state = potentials(cloud_cost(15, 12), 0.01, rho)
    state.g = state.g + 1e-3 * torch.randn(12, generator=seeded(), dtype=torch.float64)
    for _ in range(2000):
        state.update()
    state.f = state.f + 1e-4 * torch.randn(15, generator=seeded(1), dtype=torch.float64)
    state.g = state.best_g(state.f)
    start, before = true_residual(state), state.updates
    assert start > 1e-4
    newton(state, 1e-11, before + 4)
    # From an error e the errors are about e^2, e^4, e^8: three steps and one to spare.
    assert true_residual(state) <= 1e-11


def potentials(cost, r, rho):
    n, m = cost.shape
    logs = (torch.full((k,), -math.log(k), dtype=torch.float64) for k in (n, m))
    state = Potentials(cost, *logs, rho)
    state.at(r)
    return state


def true_residual(state):
    log_plan = state.log_plan()
    return state.residual(torch.logsumexp(log_plan, 1), torch.logsumexp(log_plan, 0), state.f, state.g)


def test_ties_and_duplicates_are_no_obstacle():
    x = torch.randn(30, 2, generator=seeded(1), dtype=torch.float64).round()
    cost = half_squared_distances(x, x.roll(1, 0))
    for r in (1e-4, 1e-2, 1.0):
        plan = sinkhorn(cost, r)
        assert plan.residual <= 1e-6
        assert float((plan.log_plan.exp() * cost).sum()) <= r * math.log(30) + 1e-5
    flat = sinkhorn(torch.ones(4, 6), 1e-5)
    torch.testing.assert_close(flat.log_plan.exp(), torch.full((4, 6), 1 / 24, dtype=torch.float64))


@pytest.mark.fault(36)
def test_what_has_not_converged_is_refused():
    with pytest.raises(si.NumericsError, match="has not converged") as caught:
        sinkhorn(cloud_cost(40, 40), 1e-4, iterations=12)
    text = str(caught.value)
    assert "residual" in text
    assert "12 iterations" in text
    assert "larger epsilon" in text
    assert "more iterations" in text


@pytest.mark.fault(36)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_cost_that_is_not_finite_is_refused(value):
    cost = cloud_cost(5, 6)
    cost[3, 2] = cost[4, 0] = value
    with pytest.raises(si.NumericsError, match="not finite") as caught:
        sinkhorn(cost, 0.1)
    assert "row 3, column 2" in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"regularisation": 0.0},
        {"regularisation": math.nan},
        {"tolerance": -1.0},
        {"iterations": 0},
        {"relaxation": 0.0},
        {"weights0": torch.ones(4)},
        {"weights0": torch.tensor([0.5, 0.5, 0.0])},
        {"weights1": torch.tensor([0.5, 0.7])},
        {"cost": torch.ones(3)},
        {"cost": torch.ones(3, 0)},
    ],
    ids=str,
)
def test_calls_that_make_no_sense_are_refused(options):
    with pytest.raises(si.UsageError):
        sinkhorn(**{"cost": torch.ones(3, 2), "regularisation": 1.0, **options})


def test_the_cost_is_left_alone_and_the_result_has_no_gradient():
    cost = cloud_cost(6, 6).requires_grad_()
    before = cost.detach().clone()
    plan = sinkhorn(cost, 0.01)
    assert torch.equal(cost.detach(), before)
    assert not plan.log_plan.requires_grad


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_distances_are_exact_far_from_the_origin(offset):
    x = torch.randn(6, 3, 2, generator=seeded(), dtype=torch.float64) + offset
    y = torch.randn(9, 3, 2, generator=seeded(1), dtype=torch.float64) + offset
    expected = (x[:, None] - y).square().sum((2, 3)) / 2
    torch.testing.assert_close(half_squared_distances(x, y), expected, rtol=1e-13, atol=1e-13)
    assert half_squared_distances(x.float(), y.float()).dtype == torch.float64


@pytest.mark.gpu
def test_on_an_accelerator():
    cost = cloud_cost(64, 64)
    for decade in DECADES:
        here, there = sinkhorn(cost, decade), sinkhorn(cost.cuda(), decade)
        assert there.log_plan.is_cuda
        assert float((there.log_plan.exp().cpu().sum(1) - 1 / 64).abs().sum()) <= 1e-6
        if decade >= 0.1:
            torch.testing.assert_close(there.log_plan.exp().cpu(), here.log_plan.exp(), rtol=1e-3, atol=1e-6)
