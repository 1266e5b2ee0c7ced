"""Tilted fields: the law of a process multiplied by ``e^r``, with the weights by which samples have exactly that law.

For any ``r(t, x)`` the law ``rho~_t = rho_t e^{r_t} / Z_t`` has the score ``s + grad r``. States that move by the
velocity ``b + u``, for any u, and by noise of any size with that score, have it with the weights

    ``d log w = ( d_t r + b . grad r + div u + u . (s + grad r) ) dt``,    ``log w = r`` at the start

and the mean of the weights is ``Z = E_rho[e^r]`` at the time reached. The size of the noise is not in it. What is free
is how well states follow by themselves: with a good u the weights vary little. Here

    ``u = steer D grad r``,   ``D = sigma^2 beta'/beta - sigma sigma'``,   ``x_t = sigma n + beta x1``

D being what a one-sided process's velocity has of its score. With ``steer = 1`` and ``e^r = E[e^{r_1(x_1)} | x_t = x]``
that is the velocity of the process whose target is the tilted one, and the weights are all alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.combine import spread
from si_core.contract.schedule import Schedule
from si_core.errors import UsageError
from si_core.fields.base import Fields
from si_core.fields.flow import Flow
from si_core.fields.mixture_rate import inner
from si_core.fields.noise_level import NoiseLevel
from si_core.fields.steered import SteeredFields
from si_core.fields.tilt_derivatives import along, gradient, laplacian
from si_core.fields.weighting import refuse_unweightable
from si_core.process.completion import WHOLE

__all__ = ["LogTilt", "TiltedFields"]

LogTilt = Callable[[Fields, Tensor, Tensor], Tensor]
"""``r(fields, t, x)``: of fields given the conditions of the states, times () or (B,) and states (B, *event); (B,)."""

_FEW = 16
"""Up to so many numbers in a state its divergence is computed, by as many backward passes."""

_NEAR = 2.0**-10
"""How far from the ends of the clock a tilt is looked at: D has a pole at t = 0, where grad r vanishes."""


class TiltedFields(SteeredFields):
    """The fields of ``rho_t e^{r_t} / Z_t``; gradients of r are made by autograd.

    Args:
        fields: of a process, or of other guidance with weights.
        log_tilt: ``r(fields, t, x)``, shape (B,); each value depends on its own state alone, and can be differentiated
            in x. Its first argument has the fields that are tilted, given what the states are given.
        weighted: whether states are weighted. Without, velocity and score are steered alike, and samples follow no law
            that can be named.
        steer: how much of ``D grad r`` the velocity has. None for 1 where that is known and costs little: in one-sided
            processes and, with weights, for states of at most 16 numbers; else 0, so that noise alone does it.
        resample_below: as :attr:`si_core.Fields.resample_below`.

    Raises:
        UsageError: a velocity to steer in a process that is not one-sided; weights of fields without a law, or whose
            score is out of reach.
    """

    def __init__(
        self,
        fields: Fields,
        log_tilt: LogTilt,
        weighted: bool = True,
        steer: float | None = None,
        resample_below: float = 0.5,
    ) -> None:
        super().__init__(fields)
        self.log_tilt = log_tilt
        process = fields.process
        one_sided = process is not None and process.structure.one_sided
        if steer and not one_sided:
            raise UsageError(
                "how far a velocity moves with its score is known for one-sided processes only",
                got=f"steer = {steer!r}",
                allowed="steer = 0, and noise",
            )
        cheap = process is not None and (not weighted or math.prod(process.shape) <= _FEW)
        self.steer = (1.0 if one_sided and cheap else 0.0) if steer is None else float(steer)
        if weighted:
            refuse_unweightable(fields, "tilted fields")
            self.has_law, self.weighted = True, True
            self.resample_below = max(resample_below, fields.resample_below)

    def tilt(self, t: Tensor, x: Tensor) -> Tensor | None:
        """``r(t, x)`` with that of the fields within; None where theirs is not known."""
        own = self.own_tilt(t, x)
        if not self.fields.weighted:
            return own
        inner = self.fields.tilt(t, x)
        return None if inner is None else own + inner

    def own_tilt(self, t: Tensor, x: Tensor) -> Tensor:
        """``r(t, x)``, shape (B,), at times () or (B,).

        Raises:
            UsageError: the function gives something else.
        """
        value = self.log_tilt(self.fields, t, x)
        if not isinstance(value, Tensor) or value.shape != x.shape[:1] or not value.is_floating_point():
            got = f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise UsageError(
                "a log-tilt is one number for each state", got=got, allowed=f"floating-point numbers ({len(x)},)"
            )
        return value

    def added(self, name: str, s: Schedule, x: Tensor) -> Tensor | None:
        """As :meth:`SteeredFields.added`; per unit of time."""
        found = self._added(name, self.steering_schedule(s.clock, s.u), x)
        return found if found is None or name == "score" else found / spread(s.rate, x)

    def _added(self, name: str, s: Schedule, x: Tensor) -> Tensor | None:
        if name == "score":
            return self._drift_added(s, x, 1.0, 0.0)
        if name in ("velocity", "interpolant-velocity") and self.steer:
            return self._drift_added(s, x, 0.0)
        return None

    def _drift_added(self, s: Schedule, x: Tensor, weight: float, steer: float | None = None) -> Tensor | None:
        steer = self.steer if steer is None else steer
        if not steer and not weight:
            return None
        slope = gradient(self.own_tilt, _times(s, x), x)
        factor = weight if not steer else spread(steer * self._gain(s) + weight, x)
        return factor * slope

    def field(self, name: str, s: Schedule, x: Tensor) -> Tensor:
        value, added = self.fields.field(name, s, x), self._added(name, self.steering_schedule(s.clock, s.u), x)
        return value if added is None else value + added

    def steering_schedule(self, clock: Clock, u: Tensor) -> Schedule:
        return self.schedule(clock, u.clamp(_NEAR, 1 - _NEAR))

    def _gain(self, s: Schedule) -> Tensor:
        """D per unit of the schedule's clock, shape (N,)."""
        if self.process is None:
            raise UsageError("without a process it is not known how a velocity moves with its score")
        variance = torch.as_tensor(self.process.structure.noise_variance(s))
        alpha, beta = torch.as_tensor(s.alpha), torch.as_tensor(s.beta)
        changes = alpha * torch.as_tensor(s.alpha_rate) + s.gamma_gamma_rate
        return variance * torch.as_tensor(s.beta_rate) / beta - changes

    def log_weight_rate(self, s: Schedule, x: Tensor) -> Tensor | None:
        if not self.weighted:
            return None
        t = _times(s, x)
        own = self.fields.log_weight_rate(s, x)
        velocity, score = self.fields.several(("velocity", "score"), s, x) if self.steer else (None, None)
        if velocity is None or score is None:
            velocity = self.fields.field("velocity", s, x)
            rate = along(self.own_tilt, t, x, s.rate, velocity)
        else:
            slope, curvature = laplacian(self.own_tilt, t, x)
            gain = (self.steer * self._gain(s)).to(slope.device)
            rate = along(self.own_tilt, t, x, s.rate, velocity) + gain * (curvature + inner(slope, score + slope))
        return rate if own is None else rate + own

    def initial_log_weight(self, s: Schedule, x: Tensor) -> Tensor | None:
        if not self.weighted:
            return None
        try:
            tilt = self.own_tilt(_times(s, x), x).double()
        except UsageError:
            # Fields that are asked for may have no bound at the very end.
            tilt = self.own_tilt(_times(self.steering_schedule(s.clock, s.u), x), x).double()
        own = self.fields.initial_log_weight(s, x)
        return tilt if own is None else tilt + own

    def flow(
        self,
        clock: Clock,
        level: NoiseLevel | None,
        sign: float = 1.0,
        span: tuple[float, float] = WHOLE,
        freeze: bool = False,
    ) -> Flow[object]:
        if level is None and not self.steer and not self.weighted:
            raise UsageError(
                "nothing would steer the samples: the velocity has no part of the tilt, and there is no noise",
                got="an ODE, and steer = 0",
                allowed="a noise level above 0, weights, or a one-sided process",
                fix="`epsilon: 0.5`, or `weights: true`",
            )
        return super().flow(clock, level, sign, span, freeze)


def _times(s: Schedule, x: Tensor) -> Tensor:
    """The times of a schedule in the precision of states, () or (B,)."""
    t = s.t.to(x)
    return t.reshape(()) if len(t) == 1 else t
