"""The drift together with its divergence, in calls of the network in inference mode.

Exact divergences and Hutchinson's with one probe, of the library's own network, whose layers it knows, and of one of
the same size that no library knows. flow_matching's way is timed as one Euler step of its likelihood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

import si_core as si

from .figures import Figure, Goal, Line, microseconds
from .networks import Joined, reference
from .peers import installed
from .peers.likelihood import log_likelihood
from .problems import learned_fields, points_of
from .timing import Effort, Work, ratio, spread

__all__ = ["CASES", "DivergenceCase", "divergence_lines", "divergence_work"]

EXACT = {2: 2.6, 16: 11.0, 128: 68.0}
"""The most calls that an exact divergence of the library's network may cost, by dimensions."""

HUTCHINSON = {"mlp": 1.9, "any": 2.2}
"""The most calls that one probe may cost, by network."""

SHARE = 0.75
"""The most that an exact divergence of any network may cost, in flow_matching's."""


@dataclass(frozen=True)
class DivergenceCase:
    """What is differentiated.

    Args:
        network: ``mlp`` (the reference) or ``any`` (one that no library knows).
        dim: dimensions of a state.
        exact: whether the divergence is exact, or that of one random probe.
        rows: how many states.
    """

    network: str
    dim: int
    exact: bool
    rows: int = 1000

    def __str__(self) -> str:
        return f"{self.network} {'exact' if self.exact else 'one probe'} ({self.rows}, {self.dim})"


CASES = tuple(
    DivergenceCase(network, dim, exact) for exact in (True, False) for network in ("mlp", "any") for dim in EXACT
)


def divergence_work(case: DivergenceCase) -> Work:
    """The drift with its divergence by each, and one call of the network."""
    from si_estimators.augmented import AugmentedFlow
    from si_estimators.divergence import draw_probes

    network = reference(case.dim) if case.network == "mlp" else Joined(case.dim)
    x, t = points_of(case.rows, case.dim), torch.tensor(0.5)
    probes = None if case.exact else draw_probes(x, 1, "rademacher", torch.Generator().manual_seed(0))
    flow = AugmentedFlow(si.Transport(learned_fields(network, case.dim)), (case.dim,), probes)
    state = flow.initial(x)

    def zero(points: Tensor) -> Tensor:
        return points.new_zeros(len(points))

    work: dict[str, Callable[[], object]] = {
        "call": torch.inference_mode()(lambda: network(t, x)),
        "ours": torch.no_grad()(lambda: flow.drift(0.5, state)),
    }
    if installed("flow_matching"):
        work["flow_matching"] = partial(log_likelihood, network, x, zero, 1, "euler", case.exact)
    return work


def divergence_lines(effort: Effort) -> Iterator[Line]:
    """Time divergences and calls in turn."""
    for case in CASES:
        seconds = effort.compare(divergence_work(case))
        calls = seconds.pop("call")
        for who, values in seconds.items():
            most = EXACT[case.dim] if case.exact and case.network == "mlp" else None
            most = most if case.exact else HUTCHINSON[case.network]
            goal = Goal(most) if most is not None and who == "ours" else None
            figures = [
                microseconds("time us", spread(values)),
                Figure("calls", ratio(values, calls), "1", goal),
            ]
            if who == "ours" and "flow_matching" in seconds:
                held = case.exact and case.network == "any"
                share = ratio(values, seconds["flow_matching"])
                figures.append(Figure("/ flow_matching", share, "1", Goal(SHARE) if held else None))
            yield Line(str(case), who, tuple(figures))
