"""Integration of weighted states: ``d log w = R(t, X) du`` beside the motion, and resampling on the way.

The fields say how weights change (:meth:`si_core.Fields.log_weight_rate`); the method of integration need not know.
Each of its steps is a motion, and weights change between motions (Strang splitting):

    half a step of motion,   ``log w += h R(u + h/2, X)``,   half a step of motion

where the halves of neighbouring steps are one motion. So the rate is asked for once a step, never at an end of time
where scores may have no bound, and expectations ``E[w f(X)] / E[w]`` are of second order in h for methods of second
order. Steps are equal in the clock of the transport.

After each change of weights, where the effective sample size of the states of one condition has fallen below a fraction
of their number, they are resampled among themselves, and each has then the mean of their weights: so means of weights
are unbiased for the normaliser, with or without resampling, and blocks can be weighed against each other.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from si_core.contract.data import Trajectory
from si_core.contract.integrator import Integrator
from si_core.contract.weights import effective_sample_size, groups_alike, resample
from si_core.errors import NumericsError, UsageError
from si_core.transport.checked import check_trajectory
from si_core.transport.transport import Transport

__all__ = ["integrate_weighted", "refuse_lost_weights"]

_PIECES = 64
"""Changes of weights for methods that choose their own steps."""

_log = logging.getLogger(__name__)


def integrate_weighted(
    transport: Transport,
    x: Tensor,
    integrator: Integrator,
    generator: torch.Generator | None,
    stops: Sequence[float],
) -> Trajectory:
    """States with their weights at the stops, of which the first and the last are the ends of the span.

    What is kept at earlier times are the ancestors of the last states: each row is a path, and paths are weighted as
    their ends are.

    Args:
        transport: the problem, of weighted fields.
        x: the initial states.
        integrator: the method. One that uses steps before its own begins anew with each motion, so it is no better than
            the first step it makes.
        generator: of the noise, and of resampling.
        stops: times from the start to the stop.

    Raises:
        UsageError: resampling without a generator.
        NumericsError: weights that are not finite.
    """
    fields = transport.fields
    if generator is None and fields.resample_below > 0:
        raise UsageError(
            "weighted states are resampled on their way, which needs a source of randomness",
            fix="pass generator=torch.Generator().manual_seed(0), or `resample_below: 0`",
        )
    if integrator.multistep:
        # Once for the problem, which blocks of samples share.
        transport.memo(("weights of a multistep method", type(integrator)), partial(_warn, integrator))
    particles = _Particles.begin(transport, x)
    kept, evaluations = [x], 0
    for begin, end in itertools.pairwise(transport.position(time) for time in stops):
        count = _pieces(integrator, abs(end - begin) / abs(transport.stop - transport.start))
        h = (end - begin) / count
        middles = [begin + h * (k + 0.5) for k in range(count)]
        rates = _Rates(transport, middles, x)
        transport.prepare([begin, *middles, end], x)
        for k, (first, last) in enumerate(itertools.pairwise((begin, *middles, end))):
            evaluations += particles.move(transport.piece(first, last), integrator, generator)
            if k < count:
                particles.weigh(h, rates(k, particles.x), last)
                chosen = particles.resampled(fields.resample_below, generator)
                if chosen is not None:
                    kept = [state[chosen] for state in kept]
        kept.append(particles.x)
    t = torch.tensor(stops, dtype=x.dtype, device=x.device)
    return Trajectory(t, torch.stack(kept), evaluations, particles.log_weights)


def refuse_lost_weights(log_weights: Tensor, reached: str) -> None:
    """Refuse weights (B,) that are not finite, or all 0.

    Args:
        log_weights: their logarithms.
        reached: how far the integration has come, for the error.

    Raises:
        NumericsError: they are.
    """
    if not math.isfinite(float(log_weights.logsumexp(0))):
        raise NumericsError(
            "the weights of the states are not finite, or all are 0",
            where=f"integration to {reached}",
            fix="more steps, or a weaker steering",
        )


def _warn(integrator: Integrator) -> None:
    _log.warning(
        "weights change after every step, and %s, which uses the steps before, begins anew with each: a method of one "
        "step, such as heun or stochastic-heun, is the better choice",
        type(integrator).__name__,
    )


def _pieces(integrator: Integrator, fraction: float) -> int:
    """Changes of weights in a fraction of the span: as many as there are steps."""
    return max(1, round((integrator.steps or _PIECES) * fraction))


class _Rates:
    """The rates of the weights at some times, whose scalars are computed at once."""

    def __init__(self, transport: Transport, times: Sequence[float], x: Tensor) -> None:
        self._fields = transport.fields
        # Out of inference mode: fields may be differentiated.
        with torch.inference_mode(False), torch.no_grad():
            u = torch.tensor(times, dtype=torch.float64).to(x.device)
            self._schedules = self._fields.schedule(transport.clock, u).split(len(times))

    def __call__(self, k: int, x: Tensor) -> Tensor:
        rate = self._fields.log_weight_rate(self._schedules[k], x)
        if rate is None or rate.shape != x.shape[:1]:
            got = "None" if rate is None else str(tuple(rate.shape))
            raise UsageError(
                "weighted fields say how each weight changes",
                where=f"{type(self._fields).__name__}.log_weight_rate",
                got=got,
                allowed=f"({len(x)},)",
            )
        return rate.detach().double()


@dataclass
class _Particles:
    """States, their log-weights (B,) in float64, and the places of those of each condition."""

    x: Tensor
    log_weights: Tensor
    groups: list[Tensor]

    @staticmethod
    def begin(transport: Transport, x: Tensor) -> _Particles:
        with torch.inference_mode(False), torch.no_grad():
            u = torch.tensor([transport.start], dtype=torch.float64).to(x.device)
            s = transport.fields.schedule(transport.clock, u)
        first = transport.fields.initial_log_weight(s, x)
        weights = x.new_zeros(len(x), dtype=torch.float64) if first is None else first.detach().double()
        return _Particles(x, weights, groups_alike(transport.fields.condition, len(x), x.device))

    def move(self, piece: Transport, integrator: Integrator, generator: torch.Generator | None) -> int:
        """Move the states; says how often the drift was evaluated."""
        method = integrator
        if integrator.steps is not None:
            # One step, whole or half.
            method = integrator.part(min(1.0, 1.0 / integrator.steps))
        step = check_trajectory(method, method.solve(piece, self.x, generator), self.x)
        self.x = step.final
        if step.log_weights is not None:
            self.log_weights = self.log_weights + step.log_weights.double()
        return step.evaluations

    def weigh(self, h: float, rate: Tensor, position: float) -> None:
        """Change the weights by a step."""
        self.log_weights = self.log_weights + h * rate
        refuse_lost_weights(self.log_weights, f"the clock position {position:g}")

    def resampled(self, below: float, generator: torch.Generator | None) -> Tensor | None:
        """Resample groups of too small an effective sample size; the places taken, (B,), or None for no group."""
        if below <= 0 or generator is None:
            return None
        chosen = None
        for places in self.groups:
            own = self.log_weights[places]
            if len(places) == 1 or effective_sample_size(own) >= below * len(places):
                continue
            if chosen is None:
                chosen = torch.arange(len(self.x), device=self.x.device)
                self.log_weights = self.log_weights.clone()
            chosen[places] = places[resample(own, generator)]
            self.log_weights[places] = own.logsumexp(0) - math.log(len(places))
        if chosen is not None:
            self.x = self.x[chosen]
        return chosen
