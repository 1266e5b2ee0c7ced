"""The coefficients of the drift of a transport over (x0, x1, z), before it is known which fields give it."""

from __future__ import annotations

from torch import Tensor

from si_core.contract.schedule import Schedule
from si_core.fields.noise_level import NoiseLevel
from si_core.process.coefficients import stack
from si_core.process.completion import CoefficientFunction
from si_core.process.process import StochasticInterpolant

__all__ = ["drift_coefficients"]


def drift_coefficients(process: StochasticInterpolant, level: NoiseLevel | None, sign: float) -> CoefficientFunction:
    """The coefficients of ``(dt/du) (b + sign epsilon s)``."""

    def coefficients(s: Schedule) -> Tensor:
        velocity = stack(process.coefficients("velocity", s), s)
        if level is None:
            return velocity
        score = stack(process.structure.score_drift_coefficients(s), s)
        return velocity + sign * level(s).unsqueeze(-1) * score

    return coefficients
