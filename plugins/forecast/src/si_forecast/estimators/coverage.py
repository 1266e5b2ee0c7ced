"""How often central intervals of the members hold what came.

What came lies in the central interval of level p where its position u among the members (:mod:`.ranks`) has
``|u - 1/2| < p/2``: with probability p exactly where the forecast is calibrated, whatever the number of members.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from si_core import Estimate, UsageError
from si_forecast.estimators.block_errors import error_of_mean
from si_forecast.estimators.held_out import Ensemble, ForecastEstimator, Leads, Members, MostStarts
from si_forecast.estimators.ranks import positions

__all__ = ["Coverage"]


class Coverage(ForecastEstimator):
    """The fraction of what came, over starts, leads and columns, that the central intervals of the first level hold.

    Details have it by level and lead. Errors are those of means over blocks of neighbouring starts.

    Args:
        lead, members, starts: as for `crps`.
        levels: of the intervals.

    Raises:
        UsageError: a level that is not between 0 and 1.
    """

    def __init__(
        self,
        lead: Leads = [1],  # noqa: B006
        members: Members = 50,
        starts: MostStarts = 200,
        levels: list[Annotated[float, Field(gt=0, lt=1)]] = [0.9, 0.5],  # noqa: B006
    ) -> None:
        super().__init__(lead, members, starts)
        if not levels or not all(0 < level < 1 for level in levels):
            got, allowed = repr(levels), "numbers between 0 and 1"
            raise UsageError("levels of intervals", where="coverage: levels", got=got, allowed=allowed)
        self.levels = tuple(levels)

    def measured(self, ensemble: Ensemble, generator: torch.Generator) -> Estimate:
        """The fraction at the first level; 1 for all and 0 for none."""
        u = positions(ensemble.x, ensemble.truth, generator).flatten(2)
        inside = {level: ((u - 0.5).abs() < level / 2).double().mean(2) for level in self.levels}
        by_level: list[dict[str, Any]] = [
            {
                "level": level,
                "by_lead": [
                    {
                        "lead": lead,
                        "value": float(held[:, k].mean()),
                        "standard_error": error_of_mean(held[:, k].numpy()),
                    }
                    for k, lead in enumerate(self.lead)
                ],
            }
            for level, held in inside.items()
        ]
        per_start = inside[self.levels[0]].mean(1)
        details = {"by_level": by_level, "members": self.members, "starts": len(ensemble.starts)}
        error = error_of_mean(np.asarray(per_start))
        name = f"coverage of {100 * self.levels[0]:g} %"
        return Estimate(name, float(per_start.mean()), error, "unbiased", "1", per_start, details)
