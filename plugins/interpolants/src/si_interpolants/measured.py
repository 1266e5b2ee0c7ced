"""The noise level that the errors of a trained model ask for (arXiv 2303.08797, section 2.4)."""

from __future__ import annotations

import itertools
import math
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

import si_core as si
from si_core import Diffusion, UsageError

__all__ = ["Measured"]


class Measured(Diffusion):
    """``epsilon*(t) = sqrt(E|db|^2/E|ds|^2)``: the level at which the bound on the KL divergence is least at each time.

    db and ds are the errors of velocity and score of the trained model, from the estimator ``optimal-epsilon``: against
    the exact fields where they are known; else from residuals on held-out data, which bound the errors from above. It
    is measured when the model has been trained, and kept with it. Between the measured times the level is a line, and
    beyond the first and the last it is constant. Before it is measured it is ``gamma``.

    Args:
        t: measured times, rising within [0, 1]; None to measure them.
        epsilon: the levels at these times.
        limit: the most that the level may be.
    """

    def __init__(
        self,
        t: list[float] | None = None,
        epsilon: list[float] | None = None,
        limit: Annotated[float, Field(gt=0)] = 100.0,
    ) -> None:
        if not 0 < limit < math.inf:
            raise UsageError("the limit of a noise level", got=limit, allowed="a finite number > 0")
        times, levels = t or [], epsilon or []
        rising = all(a < b for a, b in itertools.pairwise(times)) and all(0 <= time <= 1 for time in times)
        if len(times) != len(levels) or not rising or not all(0 <= level < math.inf for level in levels):
            raise UsageError(
                "measured levels", got=f"t {t}, epsilon {epsilon}", allowed="rising times in [0, 1], a level >= 0 each"
            )
        self.limit, self._t, self._level = limit, times, levels

    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        if not self._t:
            return gamma.clamp(max=self.limit)
        times, levels = (torch.tensor(part, dtype=t.dtype, device=t.device) for part in (self._t, self._level))
        if len(times) == 1:
            return levels.expand_as(t).clamp(max=self.limit)
        right = torch.searchsorted(times, t.contiguous()).clamp(1, len(times) - 1)
        fraction = ((t - times[right - 1]) / (times[right] - times[right - 1])).clamp(0, 1)
        return torch.lerp(levels[right - 1], levels[right], fraction).clamp(max=self.limit)

    def fitted(self, model: si.Model, seed: int) -> dict[str, Any] | None:
        if self._t:
            return None
        found = si.estimate(model, "optimal-epsilon", seed=seed).details or {}
        return {"t": found["t"], "epsilon": found["epsilon"], "limit": self.limit}
