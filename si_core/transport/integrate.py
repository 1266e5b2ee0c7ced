"""The entry point of integration: it checks once, so that integrators need not."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from si_core.contract.data import Trajectory
from si_core.contract.integrator import Integrator
from si_core.errors import NumericsError, UsageError
from si_core.process.spread import largest_mean_square
from si_core.transport.checked import check_trajectory
from si_core.transport.rehearsal import refuse_long_steps
from si_core.transport.transport import Transport
from si_core.transport.weighted import integrate_weighted, refuse_lost_weights

__all__ = ["integrate"]

_FAR = 30.0
"""How many times as large as the process ever is, in root mean square, states are garbage: by Markov's inequality less
than one batch in 900 is by chance, whatever the law."""

_log = logging.getLogger(__name__)


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
        x: the initial state at the transport's start, shape (B, *event), float32 or float64; half precision is raised
            to float32, with a warning.
        integrator: the method.
        generator: the source of noise; needed by an SDE, and by weighted fields that resample.
        times: further times t between start and stop at which to keep the state.

    Returns:
        A trajectory in time t: the first state is x, the last at the transport's stop, with those at ``times`` between;
        with the weights of the last states where the fields or the method have some. Weighted fields may resample, and
        each row is then the path of its last state: earlier states are repeated or gone, the first ones as well.

    Raises:
        UsageError: the method does not fit the problem, or times are out of order.
        NumericsError: the solution left the finite numbers, or all that the process ever is, or its steps are too long
            for the noise.
        PluginError: the method returned what is no trajectory from x.
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
    transport.fields.check_conditions(len(x))
    if x.dtype in (torch.float16, torch.bfloat16):
        # Steps smaller than the rounding of the state would be lost.
        _log.warning("states of %s are integrated in torch.float32, and come back in it", x.dtype)
        x = x.float()
    stops = _stops(transport, times)
    refuse_long_steps(transport, integrator)
    if transport.fields.weighted:
        trajectory = integrate_weighted(transport, x, integrator, generator, stops)
    elif len(stops) == 2:
        trajectory = check_trajectory(integrator, integrator.solve(transport, x, generator), x)
        trajectory = replace(trajectory, t=_in_time(transport, trajectory.t))
    else:
        inner = [transport.part(stops[0], time).stop for time in stops[1:-1]]
        whole = integrator.solve_at(transport, x, inner, generator)
        if whole is None:
            whole = _in_parts(transport, x, integrator, generator, stops)
        whole = check_trajectory(integrator, whole, x, len(stops))
        trajectory = replace(whole, t=torch.tensor(stops, dtype=x.dtype, device=x.device))
    _refuse_garbage(transport, trajectory)
    return trajectory


def _in_time(transport: Transport, positions: Tensor) -> Tensor:
    """The times t of clock positions from the start to the stop, of which both ends are known exactly."""
    if len(positions) == 2:
        # Made where they are needed: a copy from the host would wait for the device.
        return torch.linspace(*transport.span, 2, dtype=positions.dtype, device=positions.device)
    # A copy: in time itself these are the integrator's own times.
    t = transport.times(positions).clone()
    t[0], t[-1] = transport.span
    return t


def _in_parts(
    transport: Transport,
    x: Tensor,
    integrator: Integrator,
    generator: torch.Generator | None,
    stops: Sequence[float],
) -> Trajectory:
    """The solution by parts of the method between the stops; the weights of the parts are multiplied."""
    kept, evaluations, log_weights = [x], 0, list[Tensor]()
    whole = abs(transport.stop - transport.start)
    for begin, end in itertools.pairwise(stops):
        piece = transport.part(begin, end)
        method = integrator.part(abs(piece.stop - piece.start) / whole)
        step = check_trajectory(method, method.solve(piece, kept[-1], generator), x)
        kept.append(step.final)
        evaluations += step.evaluations
        if step.log_weights is not None:
            log_weights.append(step.log_weights)
    t = torch.tensor(stops, dtype=x.dtype, device=x.device)
    return Trajectory(t, torch.stack(kept), evaluations, sum(log_weights) if log_weights else None)  # type: ignore[arg-type]


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


def _refuse_garbage(transport: Transport, trajectory: Trajectory) -> None:
    x, t, weights = trajectory.final.detach(), trajectory.t[-1], trajectory.log_weights
    if weights is not None:
        refuse_lost_weights(weights, f"t = {float(t):g}")
    # One pass for both: a norm is finite only of finite numbers. It may overflow, so what it does not settle is looked
    # at.
    norm = float(torch.linalg.vector_norm(x))
    if not math.isfinite(norm):
        _refuse_non_finite(x, float(t))
    process = transport.fields.process
    largest = None if process is None else largest_mean_square(process)
    if largest is None or norm * norm <= _FAR * _FAR * largest * x.numel():
        return
    # States may start outside as well.
    first = float(torch.linalg.vector_norm(trajectory.x[0].detach().double())) ** 2 / max(x.numel(), 1)
    size = math.sqrt(float(x.double().square().mean()))
    if size > _FAR * math.sqrt(max(largest, first)):
        raise NumericsError(
            "the solution left all that the process ever is",
            where=f"integration to t = {float(t):g}",
            got=f"states of root mean square {size:.3g}",
            allowed=f"about {math.sqrt(largest):.3g} at most, by the moments of its ends",
            fix="more steps, a smaller epsilon, or a longer training",
        )


def _refuse_non_finite(x: Tensor, t: float) -> None:
    finite = torch.isfinite(x).flatten(1).all(1) if x.ndim > 1 else torch.isfinite(x)
    if not bool(finite.all()):
        row = int((~finite).nonzero()[0])
        raise NumericsError(
            f"the solution left the finite numbers: {int((~finite).sum())} of {len(x)} states",
            where=f"integration to t = {t:g}",
            got=f"state {row}: norm {float(x[row].norm()):g}",
            fix="more steps, float64, a smaller epsilon, or a span such as start=1e-3",
        )
