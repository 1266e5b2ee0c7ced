"""Whether a posterior is calibrated: ranks of true parameters, coverage of its intervals, distances (TARP)."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from si_core import Condition, Estimate, Estimator, Largest, Model, UsageError, resample_alike
from si_estimators.options import flat, needs_generator, points, whole
from si_inference.ranks import central_coverage, chosen_bins, histogram, uniformity

__all__ = ["Calibration"]

_WHERE = "calibration"
_LEVELS = (0.5, 0.8, 0.9, 0.95)
_TARP = "distance to a reference point"


class Calibration(Estimator):
    """Simulation-based calibration on held-out pairs of parameters and observations.

    For each pair the model's samples given the observation are drawn, and the rank of the true value among them is
    found: of each parameter, and of the distance to a reference point (TARP, in units of the model), which is the
    parameters of another pair: that with the nearest observation. Where the model has the posteriors, ranks are uniform
    (:mod:`si_inference.ranks`). The value is the smallest of the p-values of their chi-square tests times the number of
    tests, at most 1: below .01, say, the model is not calibrated. It is *approximate*, for the chi-square law is that
    of many pairs, and a p-value has no standard error. Ranks of parameters are uniform for samples of the prior, too,
    which have heard of no observation; with a reference point that depends on it, those of the distance are not.

    Details: ``p_values``, ``rank_histograms`` (which the report shows), ``coverage`` of central intervals by
    their probability, and ``expected_coverage`` by TARP: how often the truth is nearer to the reference point than all
    but such a fraction of the samples.

    Args:
        pairs: the most pairs that are looked at; of more so many are chosen at random.
        draws: samples for each, L; ``draws + 1`` ranks are put into bins, and should have divisors.
        bins: of the histograms, a divisor of ``draws + 1``; None for the most, up to 32, that expect ten pairs each.
        batch: how many samples are made at once.

    Raises:
        UsageError: an option out of range; bins that are no divisor.
    """

    needs = frozenset({"fields"})

    def __init__(
        self,
        pairs: Annotated[int, Field(ge=20, le=Largest.PAIRWISE)] = 500,
        draws: Annotated[int, Field(ge=1, le=Largest.PAIRWISE)] = 63,
        bins: Annotated[int, Field(ge=2, le=Largest.PAIRWISE)] | None = None,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 4096,
    ) -> None:
        self.pairs, self.draws = whole(pairs, "pairs", _WHERE, 20), whole(draws, "draws", _WHERE)
        self.bins, self.batch = bins, whole(batch, "batch", _WHERE)
        if bins is not None and (draws + 1) % whole(bins, "bins", _WHERE, 2):
            raise UsageError(
                "bins are no divisor of the number of ranks",
                where=f"{_WHERE}: bins",
                got=bins,
                allowed=f"a divisor of draws + 1 = {draws + 1}",
            )

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model, conditioned on an observation for each of the points, or on none.
            x: true parameters in model space, shape (B, *event), B >= 20.
            generator: the source of samples and reference points.

        Raises:
            DataError: too few pairs.
        """
        generator = needs_generator(generator, _WHERE)
        x = points(x, model.process.shape, _WHERE, least=20)
        model.fields.check_conditions(len(x))
        chosen = torch.randperm(len(x), generator=generator, device=x.device)[: self.pairs]
        ranks = self._ranks(model, x, chosen, generator).cpu().numpy()
        bins = self.bins or chosen_bins(len(chosen), self.draws)
        names = [*self._names(model), _TARP]
        counts = {name: histogram(ranks[:, j], self.draws, bins) for j, name in enumerate(names)}
        p_values = {name: uniformity(each) for name, each in counts.items()}
        details: dict[str, Any] = {
            "pairs": len(chosen),
            "draws": self.draws,
            "bins": bins,
            "p_values": p_values,
            "rank_histograms": {name: [int(count) for count in each] for name, each in counts.items()},
            "coverage": {name: central_coverage(ranks[:, j], self.draws, _LEVELS) for j, name in enumerate(names[:-1])},
            "expected_coverage": self._expected(ranks[:, -1]),
        }
        value = min(1.0, len(names) * min(p_values.values()))
        return Estimate("calibration p-value", value, None, "approximate", "1", details=details)

    def _names(self, model: Model) -> list[str]:
        columns = model.process.target.frame.columns
        return list(columns or (f"x{i}" for i in range(math.prod(model.process.shape))))

    def _expected(self, ranks: NDArray[np.int64]) -> dict[str, float]:
        """P(rank below a fraction of the ranks) by that fraction, of ranks (N,) of the distance."""
        ends = {round((self.draws + 1) * k / 10) for k in range(1, 10)}
        return {f"{end / (self.draws + 1):.4g}": float((ranks < end).mean()) for end in sorted(ends)}

    def _ranks(self, model: Model, x: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """Ranks of the parameters and of the distance, shape (N, d + 1)."""
        truths = flat(x[chosen])
        references = truths[_neighbours(model, chosen)]
        found = []
        at_once = max(1, self.batch // self.draws)
        for first in range(0, len(chosen), at_once):
            rows = slice(first, first + at_once)
            samples = self._samples(model, chosen[rows], generator)
            truth, reference = truths[rows, None], references[rows, None]
            below = (samples < truth).sum(1)
            nearer = (samples - reference).norm(dim=-1) < (truth - reference).norm(dim=-1)
            found.append(torch.cat([below, nearer.sum(1, keepdim=True)], 1))
        return torch.cat(found)

    def _samples(self, model: Model, rows: Tensor, generator: torch.Generator) -> Tensor:
        """L samples given the observation of each row (n,), shape (n, L, d)."""
        count, given = len(rows) * self.draws, model.fields.condition
        told: Condition | None = given and {
            name: values if len(values) == 1 else values[rows.to(values.device)].repeat_interleave(self.draws, 0)
            for name, values in given.items()
        }
        with torch.no_grad():
            start, told = model.initial(count, generator, told)
            path = model.sample(count, generator, condition=told, start_from=start)
        x = path.final
        if path.log_weights is not None:
            x = x[resample_alike(path.log_weights, generator, told)]
        return x.reshape(len(rows), self.draws, -1)


def _neighbours(model: Model, chosen: Tensor) -> Tensor:
    """The place among the chosen pairs of another, with the nearest observation; the next one where there are none.

    In units of the standard deviation of each number. Given the observations of all pairs, a reference point is
    independent of the pair's own parameters, so ranks of the distance to it are uniform for posteriors.
    """
    given = model.fields.condition or {}
    each = [flat(values[chosen.to(values.device)]).double() for values in given.values() if len(values) > 1]
    if not each:
        return torch.arange(len(chosen), device=chosen.device).roll(1)
    rows = torch.cat(each, 1).nan_to_num()
    rows = rows / rows.std(0).clamp_min(torch.finfo(rows.dtype).tiny)
    return torch.cdist(rows, rows).fill_diagonal_(torch.inf).argmin(1).to(chosen.device)
