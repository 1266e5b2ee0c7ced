"""Whether what came stands anywhere among the members with equal probability, and the histogram of where it stands.

Positions u (:mod:`.ranks`) are counted in K bins of [0, 1]. Pearson's chi-square takes counts for independent, which
those of neighbouring starts are not, so the frequencies of blocks of neighbours, ``f_b`` in R^(K-1), b = 1, ..., B, are
compared with ``1/K`` by Hotelling's statistic,

    ``T^2 = B (mean f - 1/K)' C^-1 (mean f - 1/K)``,    C their sample covariance,

of which ``T^2 (B - K + 1) / ((B - 1) (K - 1))`` has the F distribution with (K - 1, B - K + 1) degrees of freedom for
calibrated forecasts, as far as frequencies of blocks are independent and normal.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from si_core import DataError, Estimate, Largest, UsageError
from si_forecast.estimators.block_errors import blocks_of
from si_forecast.estimators.held_out import Ensemble, ForecastEstimator, Leads, Members, MostStarts
from si_forecast.estimators.ranks import positions

__all__ = ["RankHistogram", "uniformity"]

_BLOCKS_A_BIN = 4


class RankHistogram(ForecastEstimator):
    """The p-value of uniform ranks: of the lead where it is least, times the number of leads (Bonferroni), at most 1.

    Small values say that the forecast is not calibrated. Details have the histogram of each lead, as frequencies times
    the number of bins (1 everywhere if calibrated) with their standard errors, and its p-value.

    Args:
        lead, members, starts: as for `crps`.
        bins: of the histogram.

    Raises:
        UsageError: fewer than two bins.
    """

    def __init__(
        self,
        lead: Leads = [1],  # noqa: B006
        members: Members = 50,
        starts: MostStarts = 400,
        bins: Annotated[int, Field(ge=2, le=Largest.SIDE)] = 10,
    ) -> None:
        super().__init__(lead, members, starts)
        if isinstance(bins, bool) or not isinstance(bins, int) or bins < 2:
            raise UsageError("the number of bins", where="rank-histogram: bins", got=repr(bins), allowed=">= 2")
        self.bins = bins

    def measured(self, ensemble: Ensemble, generator: torch.Generator) -> Estimate:
        """The p-value; approximate, as blocks of finite length are not quite independent."""
        u = positions(ensemble.x, ensemble.truth, generator).flatten(2).numpy()
        by_lead: list[dict[str, Any]] = []
        for k, lead in enumerate(self.lead):
            frequencies, p = self._tested(u[:, k])
            heights = self.bins * frequencies
            errors = heights.std(0, ddof=1) / np.sqrt(len(heights))
            by_lead.append(
                {"lead": lead, "p_value": p, "heights": heights.mean(0).tolist(), "standard_errors": errors.tolist()}
            )
        least = min(found["p_value"] for found in by_lead)
        details = {"by_lead": by_lead, "members": self.members, "starts": len(ensemble.starts), "bins": self.bins}
        value = min(1.0, len(self.lead) * least)
        return Estimate("rank-histogram p-value", value, None, "approximate", "1", None, details)

    def _tested(self, u: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Frequencies of blocks, shape (B, K), and the p-value, from positions (S, columns)."""
        places = np.minimum((u * self.bins).astype(np.int64), self.bins - 1)
        counts = np.stack([(places == k).mean(1) for k in range(self.bins)], 1)
        blocks = blocks_of(len(u), _BLOCKS_A_BIN * self.bins)
        if len(blocks) <= self.bins:
            got = f"{len(u)} starts for {self.bins} bins"
            allowed = f"{4 * (self.bins + 1)} starts at least"
            fix = "more starts, more rows held out, or fewer bins"
            raise DataError("too few starts for a histogram", where="rank-histogram", got=got, allowed=allowed, fix=fix)
        frequencies = np.stack([counts[rows].mean(0) for rows in blocks])
        return frequencies, uniformity(frequencies)


def uniformity(frequencies: NDArray[np.float64]) -> float:
    """The p-value of Hotelling's test that the mean of independent frequencies (B, K) is 1/K; see the module."""
    from scipy import stats

    blocks, bins = frequencies.shape
    off = frequencies[:, :-1].mean(0) - 1 / bins
    covariance = np.cov(frequencies[:, :-1], rowvar=False).reshape(bins - 1, bins - 1)
    squared = blocks * float(off @ np.linalg.pinv(covariance) @ off)
    scaled = squared * (blocks - bins + 1) / ((blocks - 1) * (bins - 1))
    return float(stats.f.sf(scaled, bins - 1, blocks - bins + 1))
