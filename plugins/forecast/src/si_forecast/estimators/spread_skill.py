"""The spread of the members over the error of their mean.

    ``(((M + 1)/M) mean var(x))^(1/2) / (mean (y - mean x)^2)^(1/2)``

with the variance of the M members in its unbiased form. For a calibrated forecast y and a member are exchangeable, so
``E (y - mean x)^2 = (1 + 1/M) E var``: the ratio is 1 (Fortin et al. 2014). Below 1 the forecast is too sure.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from si_core import Estimate
from si_forecast.estimators.block_errors import jackknife
from si_forecast.estimators.held_out import Ensemble, ForecastEstimator, Leads, Members, MostStarts

__all__ = ["SpreadSkill"]


class SpreadSkill(ForecastEstimator):
    """The ratio of spread and error over starts, leads and columns, each column in its own standard deviations.

    Details have it by lead, with both parts. Errors are those of the jackknife over blocks of neighbouring starts.

    Args:
        lead, members, starts: as for `crps`.
    """

    def __init__(self, lead: Leads = [1], members: Members = 50, starts: MostStarts = 200) -> None:  # noqa: B006
        super().__init__(lead, members, starts)

    def measured(self, ensemble: Ensemble, generator: torch.Generator) -> Estimate:
        """The ratio; consistent in the number of starts."""
        count = len(ensemble.x)
        spread = (1 + 1 / count) * ensemble.x.var(0).flatten(2).mean(2).numpy()
        error = (ensemble.truth - ensemble.x.mean(0)).square().flatten(2).mean(2).numpy()
        by_lead = [
            {
                "lead": lead,
                "value": _ratio(spread[:, k], error[:, k]),
                "standard_error": _ratio_error(spread[:, k], error[:, k]),
                "spread": float(np.sqrt(spread[:, k].mean())),
                "error": float(np.sqrt(error[:, k].mean())),
            }
            for k, lead in enumerate(self.lead)
        ]
        whole = spread.mean(1), error.mean(1)
        details = {"by_lead": by_lead, "members": self.members, "starts": len(ensemble.starts)}
        return Estimate("spread-skill", _ratio(*whole), _ratio_error(*whole), "consistent", "1", None, details)


def _ratio(spread: NDArray[np.float64], error: NDArray[np.float64]) -> float:
    return float(np.sqrt(spread.mean() / max(float(error.mean()), np.finfo(float).tiny)))


def _ratio_error(spread: NDArray[np.float64], error: NDArray[np.float64]) -> float | None:
    return jackknife(len(spread), lambda rows: _ratio(spread[rows], error[rows]))
