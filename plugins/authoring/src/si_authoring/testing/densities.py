"""Checks that draws and the log-density of a distribution belong together.

* **One or two coordinates.** The midpoint sum of the density over a box around all draws is 1, and over the blocks of
  the box it agrees with the fractions of draws. Of each four nodes along an axis the outer two, or the inner two, are a
  rule of their own; what their sums differ by says how far off the rule is, for smooth densities and for those with
  edges. Peaks between the nodes no sum can see, and draws do.
* **More coordinates.** With q a Gaussian of the mean and covariance of draws, a little narrower or wider than they,

      ``E_p[q/p] = q(p > 0) <= 1``,      ``E_q[p/q] = p(q > 0) <= 1``,

  and 1 for a normalised density. The ratios are positive and their means are skewed: with few draws they come out too
  small, and not too large. So a density that is too small somewhere that matters shows in the first, one that is too
  large in the second, if the law is near to a Gaussian; of others they prove little.
"""

from __future__ import annotations

import math
from itertools import product

import torch
from torch import Tensor

from si_authoring.testing.check import Deviations, Measured, NotApplicable, Violation, check
from si_core import Distribution

__all__ = ["density_of_draws", "drawn", "entropy"]

_ERRORS = 5.0
_PLANAR, _MANY, _LARGEST = 20_000, 10_000, 256
_NODES = {1: 2048, 2: 128}
_BLOCKS = {1: 16, 2: 4}
_MARGIN = 0.25
_SAFETY = 2.0
_PEAKS, _SHARP = 2000, 2.0


def drawn(law: Distribution, n: int, seed: int = 0) -> Tensor:
    """n draws of a generator of their own, flattened to (n, d), in double precision."""
    return law.sample(n, torch.Generator().manual_seed(seed)).double().flatten(1)


def _density(law: Distribution, rows: Tensor) -> Tensor:
    return law.log_prob(rows.reshape(-1, *law.shape)).double()


@check
def density_of_draws(law: Distribution) -> Measured | None:
    """The density integrates to 1, and draws fall where it says."""
    if not law.has_density:
        raise NotApplicable("it has no density")
    if not law.normalised:
        raise NotApplicable("it is an energy: its density is known up to a constant")
    size = math.prod(law.shape)
    if size > _LARGEST:
        raise NotApplicable(f"it has {size} coordinates, too many for an integral")
    return _on_a_grid(law, size) if size <= 2 else _by_ratios(law)


@check
def entropy(law: Distribution) -> Measured | None:
    """``entropy`` is the mean of ``-log p`` over draws, to 5 standard errors."""
    if law.entropy is None:
        raise NotApplicable("it tells no entropy")
    if not law.has_density or not law.normalised:
        raise NotApplicable("it has no density to hold its entropy against")
    surprise = -_density(law, drawn(law, _MANY))
    error = _ERRORS * float(surprise.std()) / math.sqrt(_MANY) + 1e-5 * (1 + abs(law.entropy))
    measured = Measured(abs(law.entropy - float(surprise.mean())), error, f"{float(surprise.mean()):.6g} at draws")
    if not measured.deviation <= measured.allowed:
        raise Violation(
            f"entropy is {law.entropy:.6g}, and the mean of -log p is {float(surprise.mean()):.6g}", measured
        )
    return measured


def _on_a_grid(law: Distribution, size: int) -> Measured | None:
    draws = drawn(law, _PLANAR)
    low, high = draws.amin(0), draws.amax(0)
    margin = _MARGIN * (high - low)
    low, high = low - margin, high + margin
    mass, blocks = _masses(law, low, high), _BLOCKS[size]
    cell_size = float(((high - low) / _NODES[size]).prod())
    if float(_density(law, draws[:_PEAKS]).exp().max()) * cell_size > _SHARP * float(mass.max()):
        raise NotApplicable("its density has peaks that a grid over all draws does not resolve")
    cell = ((draws - low) / (high - low) * blocks).long().clamp(0, blocks - 1)
    number = cell[:, 0] if size == 1 else cell[:, 0] * blocks + cell[:, 1]
    found = torch.bincount(number, minlength=blocks**size) / len(draws)
    total, error = (float(value) for value in _sums(mass, 1))
    # Beyond the most extreme of n draws there is, but for once in a million, at most 14/n at each end of an axis.
    beyond = 2 * size * 14 / len(draws)
    measured = Measured(abs(total - 1), error + beyond, "a box around all draws")
    if not measured.deviation <= measured.allowed:
        raise Violation(f"the density integrates to {total:.4g} in place of 1", measured)
    fractions, errors = _sums(mass, blocks)
    deviations = Deviations("draws do not fall where the density says")
    for k, (fraction, off) in enumerate(zip(found.tolist(), errors.tolist(), strict=True)):
        # The variance of a fraction is p(1-p)/n, and no draw at all is compatible with p = 14/n.
        statistical = _ERRORS * math.sqrt(max(fraction * (1 - fraction), 1 / len(draws)) / len(draws)) + 14 / len(draws)
        deviations.close(float(fractions[k]), fraction, off + statistical, f"block {k} of {len(fractions)}")
    return deviations.result()


def _masses(law: Distribution, low: Tensor, high: Tensor) -> Tensor:
    """The density at the middle of each cell of a grid, times the cell: (M,) or (M, M)."""
    size = len(low)
    nodes, step = _NODES[size], (high - low) / _NODES[size]
    axes = [low[i] + step[i] * (torch.arange(nodes, dtype=torch.float64) + 0.5) for i in range(size)]
    points = torch.cartesian_prod(*axes).reshape(-1, size)
    density: Tensor = _density(law, points).exp()
    return (density * step.prod()).reshape([nodes] * size)


def _sums(mass: Tensor, blocks: int) -> tuple[Tensor, Tensor]:
    """The mass of each block by the midpoint rule, and how far off it may be, each (blocks^d,)."""
    # Of each four nodes the outer two, or the inner two: both lie evenly in a block, as all do.
    k = torch.arange(mass.shape[0]) % 4
    halves = [((k == 0) | (k == 3)).nonzero().flatten(), ((k == 1) | (k == 2)).nonzero().flatten()]
    chosen = product(halves, repeat=mass.ndim)
    coarse = torch.stack([_by_blocks(mass[torch.meshgrid(*c, indexing="ij")], blocks) for c in chosen])
    spread = (coarse.amax(0) - coarse.amin(0)) * 2**mass.ndim
    return _by_blocks(mass, blocks), _SAFETY * spread + 1e-9


def _by_blocks(mass: Tensor, blocks: int) -> Tensor:
    cells = mass.reshape([part for length in mass.shape for part in (blocks, length // blocks)])
    return cells.sum(tuple(range(1, 2 * mass.ndim, 2))).flatten()


def _by_ratios(law: Distribution) -> Measured:
    fitted, draws = drawn(law, _MANY, 1), drawn(law, _MANY, 2)
    size = draws.shape[1]
    mean, covariance = fitted.mean(0), fitted.T.cov()
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if bool(failed):
        raise NotApplicable("its draws lie in a subspace, where no Gaussian has a density")
    noise = torch.randn(draws.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    # So little narrower or wider that the ratio of Gaussians in d dimensions stays of order 1.
    narrow, wide = math.sqrt(1 - 1 / (size + 1)), math.sqrt(1 + 1 / (size + 1))
    from_q = mean + wide * noise @ factor.T
    ratios = {
        "small": _gaussian(draws, mean, factor * narrow) - _density(law, draws),
        "large": _density(law, from_q) - _gaussian(from_q, mean, factor * wide),
    }
    worst = Measured(0.0, 1.0)
    for name, logs in ratios.items():
        ratio = logs.exp()
        measured = Measured(float(ratio.mean()), 1 + _ERRORS * float(ratio.std()) / math.sqrt(len(ratio)), "mean ratio")
        if not measured.deviation <= measured.allowed:
            raise Violation(f"the density is too {name}: it integrates to another number than 1", measured)
        worst = max(worst, measured, key=lambda one: one.deviation / one.allowed)
    return worst


def _gaussian(x: Tensor, mean: Tensor, factor: Tensor) -> Tensor:
    z = torch.linalg.solve_triangular(factor, (x - mean).T, upper=False)
    log_det = float(factor.diagonal().log().sum())
    log_q: Tensor = -0.5 * z.square().sum(0) - log_det - 0.5 * len(mean) * math.log(2 * math.pi)
    return log_q
