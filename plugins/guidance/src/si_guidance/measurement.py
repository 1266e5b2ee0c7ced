"""Guidance by a measurement ``y = A x1 + noise n``, n standard normal: samples of the posterior ``rho(x | y)``.

With ``D(t, x) = E[x1 | x_t = x]`` and v(t) the variance of x1 given x_t,

    ``r_t(x) = log N( y ; A D(t, x),  noise^2 I + v(t) A A^T )``,   ``v = c sigma^2 / (sigma^2 + c beta^2)``

which is the likelihood of x itself at t = 1, where ``D = x`` and v = 0. Where the data are ``N(m, c I)`` and the
process one-sided, ``x_t = sigma n + beta x1``, it is ``log E[N(y; A x1, noise^2 I) | x_t = x]``, and so the measurement
needs no weights there. For other data it is the Gaussian guess of Song et al. (*Pseudoinverse-guided diffusion models*,
ICLR 2023), and with v = 0 that of Chung et al. (arXiv:2209.14687), which weights make exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from si_core import Fields, Largest, Nested, UniformClock, UsageError
from si_guidance.linear_map import LinearMap, Operator
from si_guidance.observation import read_observation
from si_guidance.options import Fraction, Steer, finite
from si_guidance.tilt import TiltGuidance

__all__ = ["Measurement"]

_WHERE = "guidance measurement"


class Measurement(TiltGuidance):
    """Samples given a noisy linear measurement of them, in data space, by a model that was never told of it.

    With weights their law is exactly ``rho(x) N(y; A x, noise^2 I) / Z``, and log Z, the log-evidence of y, is the log
    of their mean weight. Without, they are those of reconstruction guidance, which have no law that can be named.

    Args:
        operator: A, a component of the kind ``operator`` that is not random; from Python anything with ``apply(x)``,
            linear, from (B, *event) to (B, *out), or such a function.
        observation: y: a .npy file of shape (*out), numbers in order, or one number for all of them; from Python a
            tensor or an array as well.
        noise: its standard deviation.
        variance: c, that of the data about their mean in model space, where each coordinate of most data has about 1; 0
            for a guess without v.
        weights: whether samples are weighted to have exactly the law; their mean weight is Z.
        steer: how much the velocity follows the tilt, as :class:`si_core.TiltedFields` has it; None for 1 where that is
            known and cheap, else 0.
        resample_below: with weights: the effective sample size, as a fraction of the samples of one condition, below
            which they are resampled on their way; 0 for never.

    Raises:
        DataError: no file of finite numbers.
        UsageError: numbers out of range; when it guides: an observation of another shape than the operator gives, or a
            target denoiser or a score out of reach.
    """

    def __init__(
        self,
        operator: Annotated[Operator | Callable[[Tensor], Tensor], Nested("operator")],
        observation: Path | Annotated[list[float], Field(min_length=1, max_length=Largest.POINTS)] | float,
        noise: Annotated[float, Field(gt=0, le=1e12)] = 0.1,
        variance: Annotated[float, Field(ge=0, le=1e12)] = 1.0,
        weights: bool = False,
        steer: Steer | None = None,
        resample_below: Fraction = 0.5,
    ) -> None:
        if getattr(operator, "random", False):
            raise UsageError(
                "a measurement was made by one operator, and a random one is another for each event",
                where=_WHERE,
                got=type(operator).__name__,
                fix="an operator that is given, such as a mask with `hidden: given`",
            )
        super().__init__(_WHERE, weights, steer, resample_below)
        self.operator = operator
        self.observation = read_observation(observation, _WHERE)
        self.noise = finite(noise, "noise", _WHERE, 0.0)
        self.variance = finite(variance, "variance", _WHERE)
        if self.variance < 0:
            raise UsageError("variance", where=_WHERE, got=repr(variance), allowed=">= 0")
        self._map: tuple[Any, LinearMap] | None = None

    def guided(self, fields: Fields) -> Fields:
        """The tilted fields."""
        if fields.process is None:
            raise UsageError("a measurement is of the target of a process, and these fields have none", where=_WHERE)
        return super().guided(fields)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_map": None}

    def _linear_map(self, fields: Fields, x: Tensor) -> LinearMap:
        """A from model space, with what is known of ``A A^T``; made once."""
        process = fields.process
        if process is None:
            raise UsageError("a measurement is of the target of a process", where=_WHERE)
        key = (process, x.device)
        if self._map is None or self._map[0] != key:
            self._map = key, LinearMap(self.operator, process.target.decode, tuple(process.shape), x.device)
        return self._map[1]

    def tilt(self, fields: Fields, t: Tensor, x: Tensor) -> Tensor:
        """The log-density of the observation, as it is expected at the time."""
        linear = self._linear_map(fields, x)
        seen = linear.apply(fields.target_denoiser(t, x))
        expected = self.observation.to(seen)
        if not expected.ndim:
            expected = expected.expand(seen.shape[1:])
        if not _fits(tuple(expected.shape), tuple(seen.shape[1:])):
            raise UsageError(
                "the observation has another shape than what the operator gives",
                where=_WHERE,
                got=str(tuple(expected.shape)),
                allowed=str(tuple(seen.shape[1:])),
            )
        return linear.log_normal(expected.reshape(seen.shape[1:]) - seen, self.noise**2, self._spread(fields, t))

    def _spread(self, fields: Fields, t: Tensor) -> Tensor:
        """v at times () or (B,), shape (1,) or (B,), float64."""
        process = fields.process
        if process is None or not self.variance:
            return torch.zeros(t.reshape(-1).shape, dtype=torch.float64, device=t.device)
        s = process.schedule(UniformClock(), t.detach().double())
        noise = torch.as_tensor(process.structure.noise_variance(s)).double()
        beta = torch.as_tensor(s.beta).double()
        return self.variance * noise / (noise + self.variance * beta.square())


def _fits(given: tuple[int, ...], due: tuple[int, ...]) -> bool:
    """Whether numbers have a shape, up to axes of length 1, or are so many in order."""
    return given == (math.prod(due),) or [n for n in given if n != 1] == [n for n in due if n != 1]
