"""Steps that are too long for the noise, found out before they are taken.

Noise of the level epsilon comes with a pull of the rate ``epsilon/C`` on a law of variance C. A method whose steps are
long beside ``C/epsilon`` does not hold that law: its states are thrown out, stay finite for a while, and look like
samples. How wide a method leaves them is a property of its steps alone where the drift is linear, so it is tried out:
the method itself solves the Gaussian process whose ends have the variances of this one's, a number a column,

    dX = (C'/(2C) -+ g^2/(2C)) X du + g dW,    X ~ N(0, C) at the start,

and what it leaves is compared with C at the stop. That costs a few microseconds a step, once for a problem and a
method, and nothing where noise is weak or steps are many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from si_core.contract.drift_parts import DriftFunction, DriftParts
from si_core.contract.integrator import Integrator
from si_core.contract.largest import Largest
from si_core.contract.problem import LinearPart
from si_core.contract.problem_wrapper import ProblemWrapper
from si_core.errors import NumericsError
from si_core.process.spread import EndVariances, end_variances
from si_core.transport.transport import Transport

__all__ = ["refuse_long_steps"]

_CELLS = 64
_WEAK = 1.0
"""The pull over the whole span, in units of the rate, that no number of steps makes unstable: ``|1 - z| <= 1``."""
_SHORT, _ADVISED = 0.25, 0.5
"""The pull in the hardest step, for equal steps, at which no method errs by much (Euler-Maruyama leaves ``C/(1 - z/2)``
where it is stationary), and the one that is advised."""
_OFF = 2.0
"""By which factor a variance is garbage."""
_FLOOR = 1e-4
"""The least variance that matters, in units of the largest: of a constant all are wrong by infinite factors."""
_ROWS, _SEED = 512, 0
"""States of a rehearsal: their variance has a standard error of 6 %."""


@dataclass(frozen=True)
class _Pull:
    """How hard noise pulls: over the span, and at most, times the span; of each of the Gaussians."""

    whole: float
    hardest: float


class _Gaussian(ProblemWrapper):
    """The linear problem of Gaussians with the schedule, the noise and the scalars of a transport.

    Args:
        inner: the transport.
        ends: the variances at the ends of each Gaussian, one a column of the states.
    """

    def __init__(self, inner: Transport, ends: Sequence[EndVariances]) -> None:
        super().__init__(inner)
        self._transport, self._ends = inner, ends
        self._rates: dict[float, Tensor] = {}

    def prepare(self, times: Sequence[float], x: Tensor) -> None:
        missing = [time for time in dict.fromkeys(times) if time not in self._rates]
        if missing:
            rates = [self._transport.flow.gaussian_rate(missing, ends) for ends in self._ends]
            self._rates.update(zip(missing, torch.stack(rates, -1), strict=True))

    def drift(self, time: float, x: Tensor) -> Tensor:
        if time not in self._rates:
            self.prepare([time], x)
        return x * self._rates[time]

    def drift_parts(self) -> DriftFunction:
        return lambda time, x: DriftParts(self.drift(time, x), x)

    def linear(self, times: Sequence[float], spread: float | None = None) -> LinearPart:
        # About their means: a centre of the states would be none of these.
        return replace(self.inner.linear(times, spread), centre=None, centre_rate=None)

    def variances(self, time: float) -> Tensor:
        """C of each Gaussian at a time, shape (columns,)."""
        s = self._transport.flow.schedule(torch.tensor([time], dtype=torch.float64))
        return torch.stack([ends.variance(s)[0] for ends in self._ends])

    def head(self, rows: int) -> None:
        return None


def refuse_long_steps(transport: Transport, integrator: Integrator) -> None:
    """Refuse a method whose steps are too long for the noise.

    Nothing is said where the sizes of the ends are not known (:attr:`si_core.Distribution.moments`), and of methods
    that choose their own steps.

    Raises:
        NumericsError: the variance of a Gaussian process with these ends would be wrong by more than a factor 2.
    """
    process = transport.fields.process
    if process is None or not transport.stochastic or integrator.adaptive:
        return
    ends = [end_variances(process, narrowest) for narrowest in (False, True)]
    known = [end for end in ends if end is not None]
    if not known:
        return
    # What is found holds for all transports of the process with this noise; of a function, for this transport alone.
    numbers = isinstance(transport.epsilon, int | float)
    memo = process.memo if numbers else transport.memo
    problem = (transport.start, transport.stop, transport.clock, transport.epsilon if numbers else None)
    pull = memo(("pull", *problem), lambda: _pull(transport, known))
    if pull.whole <= _WEAK or (integrator.steps is not None and pull.hardest <= _SHORT * integrator.steps):
        return
    found = memo(("rehearsal", *problem, integrator), lambda: _rehearsed(transport, known, integrator))
    (wide, narrow), due, largest = found
    floor = _FLOOR * largest
    # What is narrower than the whole may come out wider, as fine structure does; it must not outgrow the whole.
    for got, least in ((wide, due / _OFF - floor), (narrow, 0.0)):
        if least <= got <= _OFF * due + floor:
            continue
        steps = pull.hardest / _ADVISED
        raise NumericsError(
            "the steps are too long for the noise: states would not keep their spread",
            where=f"integration to t = {transport.span[1]:g} by {type(integrator).__name__}",
            got=f"on a Gaussian of the same size a variance of {got:.3g} where {due:.3g} is right",
            allowed=f"wrong by less than a factor {_OFF:g}",
            fix=(f"about {math.ceil(steps)} steps, " if steps <= Largest.STEPS else "")
            + "a smaller epsilon or one that vanishes where the process is narrow (`epsilon: gamma`), or an adaptive "
            "method (adaptive-stochastic-heun)",
        )


def _pull(transport: Transport, ends: Sequence[EndVariances]) -> _Pull:
    low, span = min(transport.start, transport.stop), abs(transport.stop - transport.start)
    u = low + span * (torch.arange(_CELLS, dtype=torch.float64) + 0.5) / _CELLS
    s, noise = transport.flow.schedule(u), transport.flow.noise_squared(u)
    rates = torch.stack([noise / (2.0 * each.variance(s)) for each in ends])
    return _Pull(span * float(rates.mean(1).max()), span * float(rates.max()))


def _rehearsed(
    transport: Transport, ends: Sequence[EndVariances], integrator: Integrator
) -> tuple[list[float], float, float]:
    """The variances that a method leaves at the stop, that of the whole which is due, and the larger one at an end."""
    problem = _Gaussian(transport, ends)
    generator = torch.Generator().manual_seed(_SEED)
    x = torch.randn(_ROWS, len(ends), generator=generator, dtype=torch.float64)
    first, last = problem.variances(transport.start), problem.variances(transport.stop)
    x = x * (first / x.square().mean(0)).sqrt()
    with torch.no_grad():
        final = integrator.solve(problem, x, generator).final
    left = final.square().mean(0).nan_to_num(nan=math.inf, posinf=math.inf)
    return left.tolist(), float(last[0]), float(max(first[0], last[0]))
