"""The ODE solvers of torchdiffeq, held to the interface of an integrator.

torchdiffeq integrates in both directions and over any event shape. Three things are set right here. Its adaptive
methods step past the end and interpolate back, unless the end is a time they must step on (``step_t``); so are further
times. Their search
for a first step evaluates the drift outside the span and lets gradients flow into the length of that step, so the first
step is given. And torchdiffeq's own checks are assert statements, gone under ``python -O``;
:class:`~si_torchdiffeq.watch.Watch` makes them errors.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor
from torchdiffeq import odeint

from si_core import Integrator, Largest, NumericsError, Problem, Trajectory, UsageError
from si_torchdiffeq.watch import Watch

__all__ = ["AdaptiveMethod", "FixedMethod", "TorchDiffEq"]

AdaptiveMethod = Literal["dopri5", "dopri8", "bosh3", "fehlberg2", "adaptive_heun"]
FixedMethod = Literal["euler", "midpoint", "heun2", "heun3", "rk4", "explicit_adams", "implicit_adams"]

_ADAPTIVE: dict[str, float] = {"dopri5": 5.0, "dopri8": 8.0, "bosh3": 3.0, "fehlberg2": 2.0, "adaptive_heun": 2.0}
_FIXED: dict[str, float] = {
    "euler": 1.0,
    "midpoint": 2.0,
    "heun2": 2.0,
    "heun3": 3.0,
    "rk4": 4.0,
    "explicit_adams": 4.0,
    "implicit_adams": 4.0,
}
_ORDERS = {**_ADAPTIVE, **_FIXED}
# torchdiffeq's Adams methods go up to order 12 by default, where steps must be far smaller to be stable; these are of
# order 4, and the implicit one may iterate to its tolerance.
_ADAMS: dict[str, dict[str, Any]] = {
    "explicit_adams": {"max_order": 5},
    "implicit_adams": {"max_order": 4, "max_iters": 20},
}
_REMEDIES = {
    True: "looser rtol and atol, float64, a method with equal steps such as rk4, or a span such as start=1e-3",
    False: "more steps, float64, or a span such as start=1e-3",
}


class TorchDiffEq(Integrator):
    """A solver of torchdiffeq, for ODEs.

    An adaptive method measures its error by the root mean square over the whole batch, so the steps, and hence the last
    digits of a sample, depend on the rest of the batch. Gradients flow through the solver's steps.

    Args:
        method: dopri5, dopri8, bosh3, fehlberg2 and adaptive_heun choose their steps; euler, midpoint, heun2, heun3,
            rk4, explicit_adams and implicit_adams take equal steps.
        rtol: the relative tolerance of an adaptive method, and of the iteration of implicit_adams.
        atol: the absolute tolerance of the same.
        steps: the number of equal steps; without effect on an adaptive method.
        max_steps: how many steps, accepted and rejected, an adaptive method may try.

    Raises:
        UsageError: an unknown method or an option out of its range.
    """

    def __init__(
        self,
        method: AdaptiveMethod | FixedMethod = "dopri5",
        rtol: Annotated[float, Field(gt=0, lt=1)] = 1e-5,
        atol: Annotated[float, Field(gt=0)] = 1e-5,
        steps: Annotated[int, Field(ge=1, le=Largest.STEPS)] = 100,
        max_steps: Annotated[int, Field(ge=1, le=Largest.STEPS)] = 10_000,
    ) -> None:
        if method not in _ORDERS:
            raise UsageError("unknown method", where="torchdiffeq", got=repr(method), allowed=", ".join(_ORDERS))
        _refuse("rtol", rtol, "0 < rtol < 1", 0 < rtol < 1)
        _refuse("atol", atol, "a finite number > 0", 0 < atol < math.inf)
        for name, value in (("steps", steps), ("max_steps", max_steps)):
            whole = isinstance(value, int) and not isinstance(value, bool)
            _refuse(name, value, "a whole number >= 1", whole and value >= 1)
        self.method, self.rtol, self.atol, self.steps, self.max_steps = method, rtol, atol, steps, max_steps
        self.adaptive, self.multistep = method in _ADAPTIVE, method in _ADAMS
        self.order = _ORDERS[method]

    def solve(self, transport: Problem, x: Tensor, generator: torch.Generator | None = None) -> Trajectory:
        """Integrate; see :meth:`si_core.Integrator.solve`. The trajectory has the first and the last state.

        Raises:
            UsageError: a problem with noise, or states in half precision.
            NumericsError: the solver's step became 0, it took too many steps, or the state left the finite numbers.
        """
        return self._solve(transport, x, ())

    def solve_at(
        self, transport: Problem, x: Tensor, times: Sequence[float], generator: torch.Generator | None = None
    ) -> Trajectory | None:
        """Integrate with steps that end at further times too; see :meth:`si_core.Integrator.solve_at`.

        None for a method with equal steps.

        Raises:
            UsageError, NumericsError: as for :meth:`solve`.
        """
        return self._solve(transport, x, times) if self.adaptive else None

    def _solve(self, transport: Problem, x: Tensor, inner: Sequence[float]) -> Trajectory:
        if transport.stochastic:
            raise UsageError(
                "the method solves ODEs, and this problem has noise",
                where="torchdiffeq",
                allowed="euler-maruyama, stochastic-heun, torchsde or another SDE method; or epsilon = 0",
            )
        if x.dtype not in (torch.float32, torch.float64):
            raise UsageError(
                "torchdiffeq's step control needs single or double precision",
                where="torchdiffeq",
                got=str(x.dtype),
                allowed="torch.float32, torch.float64",
                fix="pass x.float()",
            )
        watch = Watch(transport, self.max_steps if self.adaptive else self.steps, _REMEDIES[self.adaptive])
        # Times in double precision, whatever the state: the last one must be the stop and not its rounding.
        times = torch.tensor((transport.start, *inner, transport.stop), dtype=torch.float64, device=x.device)
        if self.adaptive:
            first_step = self._first_step(abs(transport.stop - transport.start))
            options: dict[str, Any] = {"step_t": times[1:], "first_step": first_step}
        else:
            options = {"grid_constructor": self._grid, **_ADAMS.get(self.method, {})}
        states = _solve(watch, x, times, self.method, self.rtol, self.atol, options)
        return Trajectory(times.to(x.dtype), states, watch.evaluations)

    def part(self, fraction: float) -> TorchDiffEq:
        """This method; with equal steps, ``max(1, round(fraction steps))`` of them.

        Raises:
            UsageError: a fraction outside (0, 1].
        """
        _refuse("fraction", fraction, "0 < fraction <= 1", 0 < fraction <= 1)
        part = copy.copy(self)
        part.steps = max(1, round(self.steps * fraction))
        return part

    def _first_step(self, span: float) -> float:
        """A tenth of the step whose error would be the tolerance if everything were of order 1; it may grow tenfold."""
        return 0.1 * span * min(1.0, math.pow(self.rtol + self.atol, 1 / self.order))

    def _grid(self, function: Any, x: Tensor, times: Tensor) -> Tensor:
        start, stop = times.tolist()
        grid = [start + (stop - start) * (k / self.steps) for k in range(self.steps)] + [stop]
        return times.new_tensor(grid)


def _solve(
    watch: Watch, x: Tensor, times: Tensor, method: str, rtol: float, atol: float, options: dict[str, Any]
) -> Tensor:
    try:
        states: Tensor = odeint(watch, x, times, rtol=rtol, atol=atol, method=method, options=options)
    except AssertionError as error:
        if not _from_torchdiffeq(error):
            raise
        raise NumericsError(f"torchdiffeq gave up: {error}", where=watch.where, fix=watch.fix) from error
    watch.refuse_non_finite(times[-1], states[-1])
    return states


def _from_torchdiffeq(error: BaseException) -> bool:
    """Whether torchdiffeq itself raised the error, and not the drift."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return frame is not None and str(frame.tb_frame.f_globals.get("__name__")).startswith("torchdiffeq.")


def _refuse(name: str, value: object, allowed: str, good: bool) -> None:
    if not good:
        raise UsageError("option out of range", where="torchdiffeq", got=f"{name}={value!r}", allowed=allowed)
