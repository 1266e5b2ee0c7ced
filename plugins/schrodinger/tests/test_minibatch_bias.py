"""The minibatch bias: how much of the cross-covariance pairs of a batch lack, over its size.

Run ``pytest -s -m slow`` on this file for the table.
"""

from __future__ import annotations

import itertools

import pytest
import torch

from si_schrodinger.costs import half_squared_distances
from si_schrodinger.optimal_transport import OptimalTransport
from si_schrodinger.sinkhorn import sinkhorn

SIZES = (32, 64, 128, 256, 512, 1024)
EPSILONS = (0.1, 0.5, 2.0)
POINTS, FEWEST = 40_000, 40

A = torch.tensor([[1.0, 0.3], [0.3, 0.5]], dtype=torch.float64)
B = torch.tensor([[0.8, -0.4], [-0.4, 1.2]], dtype=torch.float64)


def root(matrix):
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.sqrt()) @ vectors.T


def exact_trace(epsilon):
    """tr Cov(x0, x1) of the bridge; for epsilon = 0 that of the optimal map."""
    middle, identity = root(A) @ B @ root(A), torch.eye(2, dtype=torch.float64)
    return (middle @ torch.linalg.inv(root(middle + epsilon**2 * identity) + epsilon * identity)).trace()


def batch_trace(x0, x1, epsilon):
    """tr E (x0 x1^T) under the plan of the batch, without the noise of drawing from it."""
    if epsilon == 0:
        return (x0[OptimalTransport().matched(x0, x1, None).rows] * x1).sum() / len(x0)
    plan = sinkhorn(half_squared_distances(x0, x1), 2 * epsilon, tolerance=1e-4).log_plan.exp()
    return ((x0.T @ plan) * x1.T).sum()


def lack(epsilon, n):
    """The missing fraction of the trace with its standard error, over batches of n.

    Errors of the batch's own second moments, whose expectation is known, are regressed out.
    """
    generator, batches = torch.Generator().manual_seed(n), max(FEWEST, POINTS // n)
    found, known = [], []
    for _ in range(batches):
        x0, x1 = (torch.randn(n, 2, dtype=torch.float64, generator=generator) @ root(c) for c in (A, B))
        found.append(batch_trace(x0, x1, epsilon))
        errors = [(x.T @ x / n - c)[[0, 0, 1], [0, 1, 1]] for x, c in ((x0, A), (x1, B))]
        known.append(torch.cat([torch.ones(1, dtype=torch.float64), *errors]))
    wanted, features = 1 - torch.stack(found) / exact_trace(epsilon), torch.stack(known)
    solution = torch.linalg.lstsq(features, wanted[:, None]).solution[:, 0]
    rest = wanted - features @ solution
    variance = rest.square().sum() / (batches - features.shape[1])
    return float(solution[0]), float((variance / batches).sqrt())


@pytest.mark.slow
def test_bias_falls_with_the_batch():
    columns = {f"entropic, epsilon {e}": e for e in EPSILONS} | {"optimal-transport": 0.0}
    table = {name: [lack(epsilon, n) for n in SIZES] for name, epsilon in columns.items()}
    print("\n| batch | " + " | ".join(table) + " |\n| ---: |" + " ---: |" * len(table))
    for k, n in enumerate(SIZES):
        cells = [f"{100 * of[k][0]:.1f} ± {100 * of[k][1]:.1f} %" for of in table.values()]
        print(f"| {n} | " + " | ".join(cells) + " |")
    for name, found in table.items():
        for (bias, error), (larger, larger_error) in itertools.pairwise(found):
            assert bias > 4 * error or name.endswith(" 2.0"), name
            # 1/n halves it at every doubling, n^(-1/2) takes 0.7 of it.
            assert larger < 0.71 * bias + 4 * (error + larger_error), name
