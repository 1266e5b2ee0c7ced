"""The maximum mean discrepancy with a polynomial kernel, on features: the KID.

``E k(X, X') + E k(Y, Y') - 2 E k(X, Y)``,   ``k(a, b) = (a . b / d + 1)^3``   for d features

(Binkowski et al., *Demystifying MMD GANs*, arXiv 1801.01401, section 4).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import DataError, Estimate, Estimator, Largest, Model
from si_estimators.comparison import LIMIT, ComparisonSizes
from si_estimators.feature_comparison import compared_features
from si_estimators.features import FeatureOption, Features
from si_estimators.options import needs_generator, whole
from si_estimators.two_sample import two_sample

__all__ = ["KernelDistance", "polynomial"]

_WHERE = "kernel-distance"


def polynomial(a: Tensor, b: Tensor, degree: int = 3) -> Tensor:
    """``(a . b / d + 1)^degree`` of all pairs, (n, d) and (m, d) -> (n, m)."""
    return (a @ b.T).div_(a.shape[1]).add_(1).pow_(degree)


class KernelDistance(Estimator):
    """The squared kernel distance of samples of the model and reference data, on features, *unbiased*.

    ``E k(X, X') + E k(Y, Y') - 2 E k(X, Y)`` with ``k(a, b) = (a . b / d + 1)^degree`` for d features, over pairs of
    different points: it is 0 for laws whose moments are equal up to the degree, scatters about 0 for them, and may be
    negative. Unlike the Frechet distance its mean does not depend on the number of samples. All pairs are used; the
    published means over subsets of 1000 have the same mean, and scatter more. With ``subset`` the samples are cut into
    disjoint subsets of that size, for a time that grows with n alone.

    Args:
        features: a network component with its options, ``{use: NAME, ...}``, whose output, or that of a ``layer``, is
            compared; None for the events themselves, in model space. From Python also a function of states.
        run: in its place the folder of a run, whose trained network gives the features.
        layer: the module within the network, by its dotted name, whose output is taken, averaged over places.
        time: what the network is given for t.
        components: principal axes of the reference data's features that are compared; None for all.
        degree: of the kernel.
        subset: the size of disjoint subsets whose mean is taken, at least two of them; None for all pairs.
        samples: the number of model samples; None for as many as there are reference data, up to the limit.
        limit: of the number of samples where it is left open, and of data. The time is that of n^2 products.
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
        degree: Annotated[int, Field(ge=1, le=10)] = 3,
        subset: Annotated[int, Field(ge=4, le=Largest.PAIRWISE)] | None = None,
        samples: Annotated[int, Field(ge=4, le=Largest.POINTS)] | None = None,
        limit: Annotated[int, Field(ge=4, le=Largest.PAIRWISE)] = LIMIT,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 4096,
    ) -> None:
        self.degree = whole(degree, "degree", _WHERE)
        self.subset = None if subset is None else whole(subset, "subset", _WHERE, 4)
        self.sizes = ComparisonSizes(_WHERE, samples, limit, batch, 4)
        self.feature_choice = Features(_WHERE, features, run, layer, time, components, batch)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model to sample.
            x: reference data in model space, shape (B, *event), B >= 4.
            generator: the source of samples.

        Raises:
            DataError: fewer than two subsets.
        """
        generator = needs_generator(generator, _WHERE)
        with torch.no_grad():
            compared = compared_features(self.sizes, self.feature_choice, model, x, generator, least=4, floor=False)
            references, drawn, details = compared.references, compared.samples, compared.details
            if self.subset is None:
                value, error = two_sample(self._kernel, drawn, references, of_difference=False)
            else:
                value, error, details["subsets"] = self._of_subsets(drawn, references, self.subset, generator)
        return compared.drawn.qualified(Estimate(_WHERE, value, error, "unbiased", "1", details=details))

    def _kernel(self, a: Tensor, b: Tensor) -> Tensor:
        return polynomial(a, b, self.degree)

    def _of_subsets(self, x: Tensor, y: Tensor, size: int, generator: torch.Generator) -> tuple[float, float, int]:
        """The mean over disjoint subsets, its standard error, and their number; what is left over is not used."""
        count = min(len(x), len(y)) // size
        if count < 2:
            raise DataError(
                "two subsets or more tell how they scatter",
                where=f"{_WHERE}: subset",
                got=f"{size} for {len(x)} samples and {len(y)} data",
                allowed=f"<= {min(len(x), len(y)) // 2}",
            )
        parts = [
            rows[torch.randperm(len(rows), generator=generator, device=rows.device)[: count * size]].split(size)
            for rows in (x, y)
        ]
        values = torch.tensor(
            [two_sample(self._kernel, a, b, of_difference=False)[0] for a, b in zip(*parts, strict=True)],
            dtype=torch.float64,
        )
        return float(values.mean()), float(values.std()) / count**0.5, count
