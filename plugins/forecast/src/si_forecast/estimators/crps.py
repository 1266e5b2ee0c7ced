"""The continuous ranked probability score of roll-outs, by lead.

    ``CRPS = E|X - y| - 1/2 E|X - X'|``,    X, X' independent forecasts, y what came

The score is proper: no forecast has a lower mean than the law of y itself. Of M members the estimate is

    ``1/M sum_i |x_i - y| - 1/(2 M (M - 1)) sum_(i,j) |x_i - x_j|``

which is unbiased for every M (Ferro 2014, "fair"); with M^2 in place of M (M - 1) few members would look worse than
they are. Of several columns it is the mean over them, each in units of its own standard deviation over the training
rows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from si_core import Estimate
from si_forecast.estimators.block_errors import error_of_mean
from si_forecast.estimators.held_out import Ensemble, ForecastEstimator, Leads, Members, MostStarts
from si_forecast.estimators.linear import LinearModel

__all__ = ["Crps", "fair_crps"]

_LAW_MEMBERS = 200


class Crps(ForecastEstimator):
    """The mean CRPS over starts, leads and columns, in standard deviations of the training rows.

    Details have it by lead, with the same of two other forecasts from the same starts: of the best linear model with
    Gaussian residuals (least squares on the training windows, :mod:`.linear`), and of the data's own law where that is
    known. ``skill`` is how much lower than the linear model's it is, with the error of the difference. Errors are those
    of means over blocks of neighbouring starts (:mod:`.block_errors`).

    Args:
        lead: the steps ahead, each of ``ahead`` rows.
        members: forecasts of each start.
        starts: how many starts at most, of the part held out.
    """

    def __init__(self, lead: Leads = [1], members: Members = 50, starts: MostStarts = 200) -> None:  # noqa: B006
        super().__init__(lead, members, starts)

    def measured(self, ensemble: Ensemble, generator: torch.Generator) -> Estimate:
        """The mean of the scores; unbiased given the starts."""
        scores = self._scores(ensemble.x, ensemble.truth)
        others = {"linear": self._linear(ensemble, generator), "data_law": self._law(ensemble)}
        by_lead: list[dict[str, Any]] = []
        for k, lead in enumerate(self.lead):
            own = scores[:, k].numpy()
            found: dict[str, Any] = {"lead": lead, "value": float(own.mean()), "standard_error": error_of_mean(own)}
            for name, other in others.items():
                if other is not None:
                    found[name] = float(other[:, k].mean())
                    found[f"{name}_minus_value"] = float((other[:, k].numpy() - own).mean())
                    found[f"{name}_minus_value_standard_error"] = error_of_mean(other[:, k].numpy() - own)
            by_lead.append(found)
        per_start = scores.mean(1)
        details: dict[str, Any] = {"by_lead": by_lead, "members": self.members, "starts": len(ensemble.starts)}
        if others["data_law"] is not None:
            details["value_of_data_law"] = float(others["data_law"].mean())
        if others["linear"] is not None:
            details["linear"] = float(others["linear"].mean())
        return Estimate(
            "crps",
            float(per_start.mean()),
            error_of_mean(per_start.numpy()),
            "unbiased",
            "standard deviations",
            per_start,
            details,
        )

    def _scores(self, x: Tensor, truth: Tensor) -> Tensor:
        """By start and lead, shape (S, L)."""
        return fair_crps(x, truth).flatten(2).mean(2)

    def _linear(self, ensemble: Ensemble, generator: torch.Generator) -> Tensor | None:
        if ensemble.rows.layout.past == 0:
            return None
        linear = LinearModel.fitted(ensemble.rows)
        past = ensemble.starts.past
        stream = torch.Generator().manual_seed(
            int(torch.randint(2**62, (), generator=generator, device=generator.device))
        )
        drawn = linear.forecasts(past, self.lead, max(self.members, _LAW_MEMBERS), stream)
        return self._scores(drawn / ensemble.scale, ensemble.truth)

    def _law(self, ensemble: Ensemble) -> Tensor | None:
        rows = ensemble.rows
        present = torch.from_numpy(rows.data.values[ensemble.newest])
        stream = torch.Generator().manual_seed(0)
        drawn = rows.law_forecasts(present, self.lead, max(self.members, _LAW_MEMBERS), stream)
        if drawn is None:
            return None
        states = rows.frame.encode(drawn.reshape(-1, *rows.shape)).reshape(drawn.shape)
        return self._scores(states / ensemble.scale, ensemble.truth)


def fair_crps(x: Tensor, truth: Tensor) -> Tensor:
    """The unbiased CRPS of members, entry by entry.

    Args:
        x: members, shape (M, *shape), M >= 2.
        truth: what came, shape (*shape,).

    Returns:
        Shape (*shape,). By the sorted members, ``sum_(i<j) |x_i - x_j| = sum_i (2 i - M - 1) x_(i)``.
    """
    count = len(x)
    weight = torch.arange(1 - count, count, 2, dtype=x.dtype).reshape(-1, *(1 for _ in truth.shape))
    spread = (weight * x.sort(0).values).sum(0) / (count * (count - 1))
    return (x - truth).abs().mean(0) - spread
