"""The log-likelihood by RK4: time at equal accuracy.

First the fewest steps with which the root mean square error of ``log rho1(x)`` is at most 1e-2 nats, for points of a
smooth mixture in 2 dimensions and its exact fields in double precision; then the time of so many steps with the
reference network for the drift, 1000 points, exact divergence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

import si_core as si

from .figures import Figure, Goal, Line, fixed, milliseconds
from .networks import reference
from .peers import installed
from .peers.likelihood import log_likelihood
from .problems import exact_process, learned_fields, points_of
from .timing import Effort, ratio, spread

__all__ = ["likelihood_lines"]

ERROR, SHARE, POINTS = 1e-2, 0.35, 1000
"""The error allowed, the most time in that of flow_matching, and how many points."""

STEPS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128)


def likelihood_lines(effort: Effort) -> Iterator[Line]:
    """Find the steps, then time them in turn."""
    process = exact_process(0.3, "none")
    fields = si.exact_fields(process)
    x = process.target.sample(POINTS, torch.Generator().manual_seed(7)).double()
    truth = process.target.log_prob(x)
    model = si.Model(process, fields, si.build("integrator", "rk4"))
    learned = learned_fields(reference(2), 2)
    learned_model = si.Model(learned.process, learned, si.build("integrator", "rk4"))
    single, base = points_of(POINTS, 2), process.source.log_prob

    def ours(steps: int) -> Tensor:
        return _per_sample(model, x, steps)

    def theirs(steps: int) -> Tensor:
        return log_likelihood(fields.velocity, x, base, steps)

    found = {"ours": _fewest(ours, truth)}
    work: dict[str, Callable[[], object]] = {"ours": partial(_per_sample, learned_model, single, found["ours"][0])}
    if installed("flow_matching"):
        found["flow_matching"] = _fewest(theirs, truth)
        steps = found["flow_matching"][0]
        work["flow_matching"] = partial(log_likelihood, reference(2), single, base, steps)
    seconds = effort.compare(work, seconds=10.0)
    for who, (steps, error) in found.items():
        figures = [
            fixed("steps", steps),
            fixed("rms error", error, Goal(ERROR) if who == "ours" else None),
            milliseconds("time ms", spread(seconds[who])),
        ]
        if who == "ours" and "flow_matching" in seconds:
            figures.append(Figure("/ flow_matching", ratio(seconds[who], seconds["flow_matching"]), "1", Goal(SHARE)))
        yield Line(f"rk4, exact divergence ({POINTS}, 2)", who, tuple(figures))


def _per_sample(model: si.Model, x: Tensor, steps: int) -> Tensor:
    estimator = si.build("estimator", "log-likelihood", method="rk4", steps=steps)
    return estimator.estimate(model, x).per_sample  # type: ignore[no-any-return]


def _fewest(estimate: Callable[[int], Tensor], truth: Tensor) -> tuple[int, float]:
    """The fewest steps that are accurate enough, and their error; the most steps where none is."""
    steps, error = STEPS[0], float("inf")
    for steps in STEPS:
        error = float((estimate(steps) - truth).square().mean().sqrt())
        if error <= ERROR:
            break
    return steps, error
