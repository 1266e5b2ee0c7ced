"""Adaptive ODE solutions: dopri5 of ours against that of torchdiffeq, at one tolerance, relative and absolute.

* **Time** with the reference network, in units of as many bare calls as the solver made: what it adds to them.
* **Calls and error**, the same with exact fields in double precision: five modes in 128 dimensions.

The error, in tolerances, is that at the end against a solution in double precision at a tolerance of 1e-10:

    sqrt(mean((|x - x*| / (tolerance (1 + |x*|)))^2))
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

import si_core as si

from .figures import Goal, Line, factor, fixed, microseconds
from .networks import Free, reference
from .peers import installed
from .peers.ode import adaptive
from .problems import learned_fields, points_of
from .timing import Effort, beyond, ratio, spread

__all__ = ["adaptive_lines"]

TOLERANCE, DIM, ROWS, GAIN = 1e-5, 128, 1000, 30.0
"""The gain makes the drift of the untrained network as large as that of a trained one."""

SHARE, ERROR = 1.15, 2.0
"""The most time in bare calls, and the most error in tolerances."""


class Counted(nn.Module):
    """A network that counts its calls."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.calls = network, 0

    def forward(self, t: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        self.calls += 1
        return self.network(t, x)  # type: ignore[no-any-return]


def adaptive_lines(effort: Effort) -> Iterator[Line]:
    """Time with networks, then calls and errors with exact fields."""
    yield from _times(effort, "free", Free())
    yield from _times(effort, "mlp", reference(DIM, gain=GAIN))
    yield from _accuracy()


def _times(effort: Effort, name: str, network: nn.Module) -> Iterator[Line]:
    x, integrator = points_of(ROWS, DIM), si.build("integrator", "dopri5", rtol=TOLERANCE, atol=TOLERANCE)
    transport = si.Transport(learned_fields(network, DIM, precondition=False, latent="none"))
    solve: dict[str, Callable[[], object]] = {"ours": lambda: si.integrate(transport, x, integrator)}
    first = si.integrate(transport, x, integrator)
    finals, calls = {"ours": first.final}, {"ours": first.evaluations}
    if installed("torchdiffeq"):
        solve["torchdiffeq"] = partial(adaptive, network, x, TOLERANCE)
        counted = Counted(network)
        finals["torchdiffeq"] = adaptive(counted, x, TOLERANCE)
        calls["torchdiffeq"] = counted.calls
    exact, t = _exact(copy.deepcopy(network).double(), x.double()), torch.tensor(0.5)
    work = solve | {f"calls of {who}": partial(_repeat, network, t, x, number) for who, number in calls.items()}
    seconds = effort.compare({name: torch.inference_mode()(run) for name, run in work.items()})
    for who in solve:
        own = seconds[f"calls of {who}"]
        goal = SHARE if who == "ours" and name == "mlp" else None
        yield Line(
            f"{name} ({ROWS}, {DIM})",
            who,
            (
                microseconds("us / call", spread(seconds[who]).times(1 / calls[who])),
                microseconds("added us / call", beyond(seconds[who], own).times(1 / calls[who])),
                factor("/ own calls", ratio(seconds[who], own), goal),
                fixed("calls", calls[who]),
                fixed("error / tolerance", _error(finals[who], exact)),
            ),
        )


def _accuracy() -> Iterator[Line]:
    velocity, x = Mixture(DIM), points_of(ROWS, DIM, torch.float64)
    transport, exact = si.Transport(si.FunctionFields(velocity=velocity)), _exact(velocity, x)
    ours = si.integrate(transport, x, si.build("integrator", "dopri5", rtol=TOLERANCE, atol=TOLERANCE))
    lines, most = {"ours": (ours.final, ours.evaluations)}, None
    if installed("torchdiffeq"):
        peer = Counted(velocity)
        lines["torchdiffeq"] = (adaptive(peer, x, TOLERANCE), peer.calls)
        most = Goal(peer.calls)
    for who, (final, calls) in lines.items():
        held = who == "ours"
        error = fixed("error / tolerance", _error(final, exact), Goal(ERROR) if held else None)
        found = (fixed("calls", calls, most if held else None), error)
        yield Line(f"exact fields, five modes ({ROWS}, {DIM})", who, found)


@torch.inference_mode()
def _exact(velocity: nn.Module, x: Tensor) -> Tensor:
    transport = si.Transport(si.FunctionFields(velocity=velocity))
    return si.integrate(transport, x, si.build("integrator", "dopri5", rtol=1e-10, atol=1e-10)).final


def _error(x: Tensor, exact: Tensor) -> float:
    return float(((x - exact) / (TOLERANCE * (1 + exact.abs()))).square().mean().sqrt())


class Mixture(nn.Module):
    """The velocity from a standard normal to five modes ``N(m_k, c I)`` in d dimensions, ``x_t = (1-t) x0 + t x1``.

    ``b = sum_k w_k (m_k + (c t - (1-t)) (x - t m_k)/C)``,   ``C = (1-t)^2 + c t^2``,   ``w_k ~ N(x; t m_k, C I)``.
    """

    variance = 0.25

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.means = torch.randn(5, dim, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def forward(self, t: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        t = t.reshape(-1, 1) if t.numel() > 1 else t
        c = (1 - t).square() + self.variance * t.square()
        # Up to what all modes share, log w = t (x . m - t |m|^2 / 2) / C.
        logits = t * (x @ self.means.T - t / 2 * self.means.square().sum(1)) / c
        mean = logits.softmax(1) @ self.means
        return mean + (self.variance * t - (1 - t)) / c * (x - t * mean)


def _repeat(network: nn.Module, t: Tensor, x: Tensor, number: int) -> None:
    for _ in range(number):
        network(t, x)
