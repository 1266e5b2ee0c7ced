"""The public door of integration: it checks once, so that integrators need not."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from si_core.contract.data import Trajectory
from si_core.contract.integrator import Integrator
from si_core.errors import NumericsError, UsageError
from si_core.transport.transport import Transport

__all__ = ["integrate"]


def integrate(
    transport: Transport,
    x: Tensor,
    integrator: Integrator,
    generator: torch.Generator | None = None,
    times: Sequence[float] | Tensor | None = None,
) -> Trajectory:
    """Solve an initial value problem.

    Args:
        transport: the problem.
        x: the initial state at the transport's start, shape (B, *event), float32 or float64.
        integrator: the method.
        generator: the source of noise; needed by an SDE.
        times: further times t between start and stop at which to keep the state.

    Returns:
        A trajectory in time t: the first state is x, the last at the transport's stop, with those at ``times`` between.

    Raises:
        UsageError: the method does not fit the problem, or times are out of order.
        NumericsError: the solution left the finite numbers.
    """
    if transport.stochastic and not integrator.stochastic:
        raise UsageError(
            f"{type(integrator).__name__} solves ODEs, and this transport has noise",
            got=f"epsilon = {transport.epsilon!r}",
            allowed="an SDE method such as euler-maruyama or stochastic-heun, or epsilon = 0",
        )
    if transport.stochastic and generator is None:
        raise UsageError("an SDE needs a source of noise", fix="pass generator=torch.Generator().manual_seed(0)")
    if not x.is_floating_point() or x.ndim < 1:
        raise UsageError("a state is a batch of floating-point rows", got=f"dtype {x.dtype}, shape {tuple(x.shape)}")
    transport.fields.check_told(len(x))
    if x.dtype in (torch.float16, torch.bfloat16):
        # Steps smaller than the rounding of the state would be lost.
        x = x.float()
    stops = _stops(transport, times)
    if len(stops) == 2:
        trajectory = integrator.solve(transport, x, generator)
        # A copy: in time itself these are the integrator's own times.
        t, states, evaluations = transport.times(trajectory.t).clone(), trajectory.x, trajectory.evaluations
        t[0], t[-1] = transport.span
    else:
        inner = [transport.part(stops[0], time).stop for time in stops[1:-1]]
        whole = integrator.solve_at(transport, x, inner, generator)
        if whole is None:
            whole = _in_parts(transport, x, integrator, generator, stops)
        t, states, evaluations = torch.tensor(stops, dtype=x.dtype, device=x.device), whole.x, whole.evaluations
    _refuse_non_finite(states[-1], t[-1])
    return Trajectory(t, states, evaluations)


def _in_parts(
    transport: Transport,
    x: Tensor,
    integrator: Integrator,
    generator: torch.Generator | None,
    stops: Sequence[float],
) -> Trajectory:
    """The solution by parts of the method between the stops."""
    kept, evaluations = [x], 0
    whole = abs(transport.stop - transport.start)
    for begin, end in itertools.pairwise(stops):
        piece = transport.part(begin, end)
        step = integrator.part(abs(piece.stop - piece.start) / whole).solve(piece, kept[-1], generator)
        kept.append(step.final)
        evaluations += step.evaluations
    return Trajectory(torch.tensor(stops, dtype=x.dtype, device=x.device), torch.stack(kept), evaluations)


def _stops(transport: Transport, times: Sequence[float] | Tensor | None) -> list[float]:
    start, stop = transport.span
    asked = [] if times is None else [float(time) for time in times]
    inner = asked[asked[:1] == [start] : len(asked) - (asked[-1:] == [stop])]
    stops = [start, *inner, stop]
    sign = 1 if stop > start else -1
    # Asked this way round, a time that is no number is out of order too.
    if not all((b - a) * sign > 0 for a, b in itertools.pairwise(stops)):
        raise UsageError(
            "times must run from the transport's start to its stop without repeats",
            got=str(asked),
            allowed=f"from {start} to {stop}, in this order",
        )
    return stops


def _refuse_non_finite(x: Tensor, t: Tensor) -> None:
    finite = torch.isfinite(x).flatten(1).all(1) if x.ndim > 1 else torch.isfinite(x)
    if not bool(finite.all()):
        row = int((~finite).nonzero()[0])
        raise NumericsError(
            f"the solution left the finite numbers: {int((~finite).sum())} of {len(x)} states",
            where=f"integration to t = {float(t):g}",
            got=f"state {row}: norm {float(x[row].norm()):g}",
            fix="more steps, float64, a smaller epsilon, or a span such as start=1e-3",
        )
