"""Guidance by a reward: samples of ``rho(x) e^{r(x)} / Z``.

    ``r_t(x) = strength t^power r(E[x1 | x_t = x])``, or of x itself in place of the denoised state

is a path from ``r_0 = 0`` to the reward that is meant, for at t = 1 both are ``strength r(x)``
(:class:`si_core.TiltedFields`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from si_core import Fields, Nested
from si_guidance.options import Fraction, Steer, finite
from si_guidance.rewards import Reward
from si_guidance.tilt import TiltGuidance
from si_guidance.units import in_data_units

__all__ = ["RewardGuidance"]

_WHERE = "guidance reward"


class RewardGuidance(TiltGuidance):
    """Samples of the model's law times ``e^{strength r(x)}``, with r in data space.

    Without weights this is the steering that others call reward or loss guidance, and its samples have no law that can
    be named. With weights they have exactly the law that is meant, by the ODE and at every noise level.

    Args:
        reward: a component of the kind ``reward``; from Python any function of points (B, *event) that gives (B,) and
            can be differentiated.
        strength: what multiplies it.
        power: of the time by which it comes in.
        of: whether the reward is that of the denoised state (through the networks), or of the state itself.
        weights: whether samples are weighted to have exactly the law; their mean weight is Z.
        steer: how much the velocity follows the tilt, as :class:`si_core.TiltedFields` has it; None for 1 where that is
            known and cheap, else 0.
        resample_below: with weights: the effective sample size, as a fraction of the samples of one condition, below
            which they are resampled on their way; 0 for never.

    Raises:
        UsageError: numbers out of range; when it guides: steering of a velocity in a process that is not one-sided, or
            a score out of reach.
    """

    def __init__(
        self,
        reward: Annotated[Reward | Callable[[Tensor], Tensor], Nested("reward")],
        strength: Annotated[float, Field(ge=-1e9, le=1e9)] = 1.0,
        power: Annotated[float, Field(gt=0, le=100)] = 1.0,
        of: Literal["denoised", "state"] = "denoised",
        weights: bool = False,
        steer: Steer | None = None,
        resample_below: Fraction = 0.5,
    ) -> None:
        super().__init__(_WHERE, weights, steer, resample_below)
        self.reward, self.of = reward, of
        self.strength, self.power = finite(strength, "strength", _WHERE), finite(power, "power", _WHERE, 0.0)

    def tilt(self, fields: Fields, t: Tensor, x: Tensor) -> Tensor:
        """The reward that has come in by the time."""
        state = fields.target_denoiser(t, x) if self.of == "denoised" else x
        reward = self.reward(in_data_units(fields, state))
        return self.strength * t**self.power * reward
