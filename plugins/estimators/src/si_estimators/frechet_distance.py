"""The Frechet distance between Gaussians of the moments of two samples.

    ``|m_X - m_Y|^2 + tr(C_X + C_Y - 2 (C_X C_Y)^(1/2))``

It is the squared 2-Wasserstein distance of those Gaussians (Dowson and Landau, Journal of Multivariate Analysis 12,
1982); on features of a network for images it is the FID (Heusel et al., arXiv 1706.08500). With ``C_X = A^T A`` and
``C_Y = B^T B`` the last trace is the sum of the singular values of ``A B^T``, for singular covariances as well.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Largest, Model
from si_estimators.comparison import LIMIT, ComparisonSizes
from si_estimators.feature_comparison import compared_features
from si_estimators.features import FeatureOption, Features
from si_estimators.jackknife import GROUPS, without_each_group

__all__ = ["FrechetDistance", "frechet", "moments"]

_WHERE = "frechet-distance"

Moments = tuple[Tensor, Tensor]
"""The mean (k,) and a factor A (r, k) of the covariance ``A^T A``, unbiased."""


def moments(x: Tensor) -> Moments:
    """Those of a sample (n, k), n >= 2."""
    mean = x.mean(0)
    centred = (x - mean) / math.sqrt(len(x) - 1)
    return mean, torch.linalg.qr(centred, mode="r").R if len(x) > x.shape[1] else centred


def frechet(one: Moments, other: Moments) -> float:
    """The distance of two Gaussians."""
    (m, a), (n, b) = one, other
    shift = float((m - n).square().sum())
    spread = float(a.square().sum() + b.square().sum() - 2 * torch.linalg.svdvals(a @ b.T).sum())
    return shift + max(0.0, spread)


class FrechetDistance(Estimator):
    """The squared Frechet distance of samples of the model and reference data, by means and covariances of features.

    ``|m_X - m_Y|^2 + tr(C_X + C_Y - 2 (C_X C_Y)^(1/2))``, with unbiased covariances: 0 for equal means and covariances,
    and blind to all else. Finite samples of one law are apart, by about ``1/n`` times what grows with the square of the
    number of features, so numbers are compared at equal numbers of samples alone (arXiv 1911.07023); the value is
    *consistent*. How much of it may be that is told by the *floor* among the details, the distance of two fresh draws
    of the data's law of the same size, or of two halves of the reference data where these are finite; and by ``bias``,
    what the jackknife says of the value above its limit. The standard error is that of both samples by a jackknife
    over 10 groups of each. All three want several times more samples than features.

    Args:
        features: a network component with its options, ``{use: NAME, ...}``, whose output, or that of a ``layer``, is
            compared; None for the events themselves, in model space. From Python also a function of states.
        run: in its place the folder of a run, whose trained network gives the features.
        layer: the module within the network, by its dotted name, whose output is taken, averaged over places.
        time: what the network is given for t.
        components: principal axes of the reference data's features that are compared; None for all.
        samples: the number of model samples; None for as many as there are reference data, up to the limit.
        limit: of the number of samples where it is left open, and of data.
        batch: how many samples are made at once, and how many events a network is given.

    Raises:
        UsageError: an option out of range, or no such network, run or layer.
    """

    needs = frozenset({"samples"})
    quantity = "distance"

    def __init__(
        self,
        features: FeatureOption = None,
        run: Path | None = None,
        layer: str | None = None,
        time: Annotated[float, Field(ge=0, le=1)] = 1.0,
        components: Annotated[int, Field(ge=1, le=Largest.WIDTH)] | None = None,
        samples: Annotated[int, Field(ge=GROUPS, le=Largest.POINTS)] | None = None,
        limit: Annotated[int, Field(ge=GROUPS, le=Largest.POINTS)] = LIMIT,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 4096,
    ) -> None:
        self.sizes = ComparisonSizes(_WHERE, samples, limit, batch, GROUPS, balanced=False)
        self.feature_choice = Features(_WHERE, features, run, layer, time, components, batch)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model to sample.
            x: reference data in model space, shape (B, *event), B >= 20.
            generator: the source of samples.
        """
        with torch.no_grad():
            compared = compared_features(self.sizes, self.feature_choice, model, x, generator, least=2 * GROUPS)
            found = [compared.references, compared.samples, *(compared.one_law or ())]
            # A common offset is no part of any difference, and would take digits from each.
            centre = found[0].mean(0)
            found = [part - centre for part in found]
            whole = [moments(part) for part in found]
            value = frechet(whole[0], whole[1])
            parts = [
                without_each_group(mine, lambda rest, other=whole[1 - k]: frechet(moments(rest), other))
                for k, mine in enumerate(found[:2])
            ]
        details: dict[str, Any] = {
            **compared.details,
            "distance": math.sqrt(value),
            "bias": sum(part.bias(value) for part in parts),
        }
        if compared.one_law is not None:
            details |= {"floor": frechet(whole[2], whole[3]), **compared.floor_sizes}
        error = math.hypot(*(part.error for part in parts))
        return compared.drawn.qualified(Estimate(_WHERE, value, error, "consistent", "1", details=details))
