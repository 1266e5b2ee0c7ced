"""Precision and recall of samples by nearest neighbours (Kynkaanniemi et al., arXiv 1904.06991).

*Precision* is the fraction of samples that lie within a ball about some datum which reaches to its k-th nearest other
datum: how many are realistic. *Recall* is the fraction of data within such balls about samples: how much of the data's
variety the model has.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from si_core import DataError, Estimate, Estimator, Largest, Model
from si_estimators.centring import centred
from si_estimators.comparison import ComparisonSizes
from si_estimators.feature_comparison import compared_features
from si_estimators.features import FeatureOption, Features
from si_estimators.jackknife import GROUPS, Jackknife
from si_estimators.neighbourhoods import covered
from si_estimators.options import choice, whole

__all__ = ["PrecisionRecall"]

_WHERE = "precision-recall"
_LIMIT = 5000


class PrecisionRecall(Estimator):
    """Precision, the fraction of samples near data, and recall, the fraction of data near samples, on features.

    Near is what lies within a ball about a point of the other sample that reaches to its k-th nearest neighbour there:
    ``|y - x_i| <= r_k(x_i)`` for some i.
    The value is one of the two; both are among the details with their standard errors, and with their *floor*, which
    is what two samples of the data's own law have: fresh draws, or two halves of the reference data where these are
    finite. They depend on k, on the number of points and on the features, and are *approximate*: metrics to compare
    models by, at equal numbers. The standard errors are those of both samples: of the fraction, and of the balls by a
    jackknife over groups.

    Args:
        of: which of the two is the value.
        neighbours: k.
        features: a network component with its options, ``{use: NAME, ...}``, whose output, or that of a ``layer``, is
            compared; None for the events themselves, in model space. From Python also a function of states.
        run: in its place the folder of a run, whose trained network gives the features.
        layer: the module within the network, by its dotted name, whose output is taken, averaged over places.
        time: what the network is given for t.
        components: principal axes of the reference data's features that are compared; None for all.
        samples: the number of model samples; None for as many as there are reference data, up to the limit.
        limit: of the number of samples where it is left open, and of data. The time is that of n^2 distances.
        batch: how many samples are made at once, and how many events a network is given.

    Raises:
        UsageError: an option out of range, or no such network, run or layer.
    """

    needs = frozenset({"samples"})

    def __init__(
        self,
        of: Literal["precision", "recall"] = "precision",
        neighbours: Annotated[int, Field(ge=1, le=Largest.COPIES)] = 3,
        features: FeatureOption = None,
        run: Path | None = None,
        layer: str | None = None,
        time: Annotated[float, Field(ge=0, le=1)] = 1.0,
        components: Annotated[int, Field(ge=1, le=Largest.WIDTH)] | None = None,
        samples: Annotated[int, Field(ge=GROUPS, le=Largest.POINTS)] | None = None,
        limit: Annotated[int, Field(ge=GROUPS, le=Largest.PAIRWISE)] = _LIMIT,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 4096,
    ) -> None:
        self.of = choice(of, ("precision", "recall"), "of", _WHERE)
        self.neighbours = whole(neighbours, "neighbours", _WHERE)
        self.sizes = ComparisonSizes(_WHERE, samples, limit, batch, GROUPS)
        self.feature_choice = Features(_WHERE, features, run, layer, time, components, batch)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model to sample.
            x: reference data in model space, shape (B, *event), B >= 10.
            generator: the source of samples.

        Raises:
            DataError: fewer points than neighbours.
        """
        with torch.no_grad():
            compared = compared_features(self.sizes, self.feature_choice, model, x, generator, least=GROUPS)
            precision, recall = self._both(compared.samples, compared.references)
            details: dict[str, Any] = {
                **compared.details,
                "precision": precision.value,
                "precision_standard_error": precision.error,
                "recall": recall.value,
                "recall_standard_error": recall.error,
            }
            if compared.one_law is not None and self._enough(*compared.one_law):
                floors = self._both(*compared.one_law)
                details |= {"precision_floor": floors[0].value, "recall_floor": floors[1].value}
                details |= compared.floor_sizes
        chosen = precision if self.of == "precision" else recall
        return compared.drawn.qualified(
            Estimate(_WHERE, chosen.value, chosen.error, "approximate", "1", details=details)
        )

    def _enough(self, *samples: Tensor) -> bool:
        return all(len(x) - -(-len(x) // GROUPS) > self.neighbours for x in samples)

    def _both(self, samples: Tensor, data: Tensor) -> tuple[_Fraction, _Fraction]:
        """Precision and recall of samples (n, k) and data (m, k)."""
        samples, data = centred(samples, data)
        if not self._enough(samples, data):
            raise DataError(
                "as many nearest neighbours as there are points",
                where=f"{_WHERE}: neighbours",
                got=f"{self.neighbours} of {len(samples)} samples and {len(data)} data",
                fix="fewer neighbours, or more points",
            )
        return _fraction(covered(data, samples, self.neighbours)), _fraction(covered(samples, data, self.neighbours))


@dataclass(frozen=True)
class _Fraction:
    value: float
    error: float


def _fraction(inside: Tensor) -> _Fraction:
    """The fraction of points (m,) that are covered, by what covers them as a whole and without each group."""
    fractions = inside.double().mean(1)
    value = float(fractions[0])
    of_balls = Jackknife(fractions[1:]).error
    return _Fraction(value, math.hypot(of_balls, math.sqrt(value * (1 - value) / inside.shape[1])))
