"""Paths of a model's SDE: one chain of Gaussian steps, run forward or backward on one grid.

In the clock u of sampling, on equal steps ``u_0 < ... < u_K`` of length h:

    forward    ``X_{k+1} = X_k + h f_F(u_k, X_k) + sqrt(h V_k) w``
    backward   ``X_k = X_{k+1} - h f_B(u_{k+1}, X_{k+1}) + sqrt(h V_k) w``        w ~ N(0, I)

with ``f_F = (dt/du)(b + epsilon s)``, ``f_B = (dt/du)(b - epsilon s)`` and ``g^2 = 2 epsilon dt/du``. Both ways share
the variance of a step, ``V_k = (g^2(u_k) + g^2(u_{k+1}))/2``. It is positive also where g vanishes at one end of the
step, as at both ends of the sine clock: the Euler-Maruyama step with ``g^2(u_k)`` alone would be degenerate there, and
the two ways would have no density relative to each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from si_core import Clock, Fields, Model, Transport, UsageError

__all__ = ["Chain", "chain_of", "sde_transport"]


@dataclass(frozen=True)
class Chain:
    """The two ways of a model's SDE on one grid.

    Args:
        forward: the forward transport, whose drift is ``f_F``.
        backward: the backward transport, whose drift is ``f_B``.
        positions: ``u_0 < ... < u_K``.
        variances: ``V_0, ..., V_{K-1}``, each > 0.
    """

    forward: Transport
    backward: Transport
    positions: tuple[float, ...]
    variances: tuple[float, ...]

    def steps(self, backward: bool) -> Iterator[tuple[float, float, float]]:
        """``(r, t, sqrt(|t-r| V))`` for each step from r to t, in the order of travel."""
        ends = zip(pairwise(self.positions), self.variances, strict=True)
        steps = [(r, t, ((t - r) * variance) ** 0.5) for (r, t), variance in ends]
        return iter([(t, r, deviation) for r, t, deviation in reversed(steps)] if backward else steps)


def sde_transport(
    model: Model,
    fields: Fields,
    epsilon: float | None,
    where: str,
    backward: bool = False,
    clock: Clock | None = None,
) -> Transport:
    """The SDE of a model over its span of times.

    Args:
        model: the model.
        fields: its fields, or those for some conditions.
        epsilon: the noise level; None for the model's own.
        where: the place that an error names.
        backward: which way it runs.
        clock: the clock; None for that of sampling.

    Raises:
        UsageError: there is no noise, or the SDE is out of reach of what the model learned.
    """
    span = sorted((model.start, model.stop), reverse=backward)
    level = model.epsilon if epsilon is None else epsilon
    transport = Transport(fields, level, span[0], span[1], clock or model.clock, model.freeze)
    if not transport.stochastic:
        raise UsageError(
            "this needs an SDE, and the model samples with an ODE",
            where=f"{where}: epsilon",
            got=f"epsilon = {level!r}",
            allowed="a number > 0",
            fix="epsilon: 1.0",
        )
    return transport


def chain_of(model: Model, fields: Fields, x: Tensor, epsilon: float | None, steps: int, where: str) -> Chain:
    """The chain of a model's SDE with equal steps in the clock of sampling, prepared for states like x.

    Raises:
        UsageError: as for :func:`sde_transport`; or the noise vanishes over a whole step.
    """
    forward, backward = (sde_transport(model, fields, epsilon, where, way) for way in (False, True))
    start, stop = forward.start, forward.stop
    positions = (*(start + (stop - start) * (k / steps) for k in range(steps)), stop)
    for way in (forward, backward):
        way.prepare(positions, x)
    squares = [forward.noise(u) ** 2 for u in positions]
    variances = tuple((a + b) / 2 for a, b in pairwise(squares))
    for u, variance in zip(positions, variances, strict=False):
        if not variance > 0:
            raise UsageError(
                "the noise vanishes over a step, where forward and backward paths can't be compared",
                where=f"{where}: epsilon",
                got=f"epsilon = 0 from clock position {u:g} on",
                fix="a noise level that is positive inside (0, 1), such as epsilon: 1.0, or fewer steps",
            )
    return Chain(forward, backward, positions, variances)
