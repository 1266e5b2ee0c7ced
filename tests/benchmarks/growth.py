"""How times grow: against steps, states, dimensions and batch, with the exponent p of ``time ~ size^p``.

The exponent is the slope of a least-squares line through the logarithms of size and median time. A loop cannot grow
faster than its steps and states; against dimensions the reference network grows slower at first, as its inner layers
stay as wide as they are, and an exact divergence of d products by about one power more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from .divergences import DivergenceCase, divergence_work
from .figures import Figure, Goal, Line, fixed, microseconds
from .ode_steps import OdeCase, ode_work
from .sde_steps import SdeCase, sde_work
from .timing import Effort, Spread, Work, spread
from .training import TrainingCase, training_work

__all__ = ["exponent", "growth_lines"]

MARGIN = 0.05
"""By how much an exponent may be above 1, and above that of the bare work where caches make it more."""

LINEAR = ("steps", "states", "batch")
BARE = ("calls", "call", "by hand")


def growth_lines(effort: Effort) -> Iterator[Line]:
    """Time each size, what is compared in turn."""
    less = Effort(min(effort.repetitions, 15), effort.processor)
    yield from _grown(
        less, "euler, free (1000, 2)", "steps", {n: _solution(1000, 2, "free", n) for n in (8, 32, 128, 512)}
    )
    states = (256, 1024, 4096, 16384)
    yield from _grown(
        less, "euler, free, d = 128, 8 steps", "states", {n: _solution(n, 128, "free", 8) for n in states}
    )
    yield from _grown(less, "euler, mlp, d = 2, 2 steps", "states", {n: _solution(n, 2, "mlp", 2) for n in states})
    yield from _grown(less, "euler-maruyama, free, d = 2", "states", {n: _noisy(n, 2) for n in states})
    dims = (2, 16, 128, 1024)
    yield from _grown(
        less, "euler, free, 1000 states, 8 steps", "dim", {d: _solution(1000, d, "free", 8) for d in dims}
    )
    yield from _grown(less, "euler, mlp, 1000 states, 2 steps", "dim", {d: _solution(1000, d, "mlp", 2) for d in dims})
    exact = {d: divergence_work(DivergenceCase("any", d, True, 250)) for d in (4, 16, 64)}
    yield from _grown(less, "exact divergence, any network, 250 rows", "dim", exact)
    batches = {n: training_work(TrainingCase(2, n, "free")) for n in (512, 2048, 8192, 32768)}
    yield from _grown(
        less, "training, free, d = 2, a block of steps", "batch", batches, lambda n: TrainingCase(2, n).steps
    )


def exponent(sizes: Sequence[float], times: Sequence[float]) -> float:
    """The slope of the least-squares line through ``(log size, log time)``."""
    x, y = [math.log(size) for size in sizes], [math.log(time) for time in times]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return covariance / sum((a - mean_x) ** 2 for a in x)


def _solution(states: int, dim: int, network: str, steps: int) -> Work:
    return ode_work(OdeCase("euler", dim, network, states, steps))


def _noisy(states: int, dim: int) -> Work:
    return sde_work(SdeCase(dim, "free", states=states))


def _grown(
    effort: Effort, case: str, size: str, work: Mapping[int, Work], each: Callable[[int], int] = lambda _: 1
) -> Iterator[Line]:
    found: dict[int, dict[str, Spread]] = {}
    for n, pieces in work.items():
        seconds = effort.compare(pieces, each(n), seconds=1.5)
        found[n] = {who: spread(values) for who, values in seconds.items()}
    sizes = list(found)
    slopes = {who: exponent(sizes, [found[n][who].median for n in sizes]) for who in found[sizes[0]]}
    least = max(1.0, *(slopes[who] for who in BARE if who in slopes))
    for who, slope in slopes.items():
        goal = Goal(least + MARGIN) if who == "ours" and size in LINEAR else None
        figures: tuple[Figure, ...] = (
            fixed("exponent", slope, goal),
            microseconds("largest us", found[sizes[-1]][who]),
        )
        yield Line(f"{case}: {size} {sizes[0]} to {sizes[-1]}", who, figures)
