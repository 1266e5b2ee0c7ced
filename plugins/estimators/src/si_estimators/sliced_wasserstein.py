"""The sliced Wasserstein distance: one-dimensional optimal transport, averaged over directions.

    ``SW_p(mu, nu) = (E_theta W_p^p(theta.X, theta.Y))^(1/p)``,   theta uniform on the unit sphere

(Bonneel et al., Journal of Mathematical Imaging and Vision 51, 2015). Its scatter by the samples is that of the mean
over directions of the potentials on the line; see :mod:`si_estimators.line_transport`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Largest, Model, UsageError
from si_estimators.centring import centred
from si_estimators.density_ends import Bound
from si_estimators.line_transport import line_potential, wasserstein_power
from si_estimators.options import needs_generator, points, positive, whole
from si_estimators.samples import model_samples, samples_of_one_law

__all__ = ["SlicedWasserstein", "directions", "sliced_potentials", "sliced_powers"]

_WHERE = "sliced-wasserstein"
_NUMBERS_AT_ONCE = 2**23
"""How many projected coordinates are held at once."""


def directions(count: int, dimensions: int, generator: torch.Generator) -> Tensor:
    """Random unit vectors, uniform on the sphere, as columns: shape (dimensions, count), float64."""
    normal = torch.randn(dimensions, count, dtype=torch.float64, device=generator.device, generator=generator)
    return normal / normal.norm(dim=0)


def sliced_powers(x: Tensor, y: Tensor, axes: Tensor, order: float) -> Tensor:
    """``W_p^p(theta.X, theta.Y)`` for each direction, shape (K,), float64.

    Args:
        x: samples, shape (n, *event).
        y: samples, shape (m, *event).
        axes: unit vectors as columns, shape (d, K).
        order: p >= 1.
    """
    x, y = centred(x, y)
    return torch.cat([wasserstein_power(x @ part, y @ part, order) for part in _pieces(x, y, axes)])


def sliced_potentials(x: Tensor, y: Tensor, axes: Tensor, order: float) -> Tensor:
    """The mean over directions of the potentials at the points of x, shape (n,); arguments as for sliced_powers."""
    x, y = centred(x, y)
    sums = [line_potential(x @ part, y @ part, order).sum(1) for part in _pieces(x, y, axes)]
    return torch.stack(sums).sum(0) / axes.shape[1]


def _pieces(x: Tensor, y: Tensor, axes: Tensor) -> tuple[Tensor, ...]:
    return axes.split(max(1, _NUMBERS_AT_ONCE // (len(x) + len(y))), 1)


class SlicedWasserstein(Estimator):
    """The sliced Wasserstein distance between samples of the model and reference data, in model space.

    ``SW_p = (mean_theta W_p^p(theta.X, theta.Y))^(1/p)`` over random unit vectors theta (Bonneel et al., 2015), with
    the exact distance of projected samples. The mean of ``W_p^p`` over directions is unbiased for the given samples;
    for the laws behind them it is an *upper* bound in expectation, by convexity: finite samples of one law are apart,
    too. So is the value, for p = 1. For p > 1 the root takes about (p-1)/2 times the squared error over the value from
    it, and it is *consistent*: right in the limit of many samples and directions. How far samples of one law are apart
    is told by the *floor* among the details: the distance of two fresh draws of the data's law of the same sizes, or of
    two halves of the reference data (which are about ``sqrt(2)`` further apart than two samples of its size) where the
    data are finite.

    The standard error is that of samples and directions, by the potentials of the transport and the delta method; the
    part of the directions, which more projections make smaller, is ``directions_error`` among the details. For nearly
    equal laws the error is cautious.

    Args:
        projections: the number of random directions.
        order: p >= 1.
        samples: the number of model samples; None for as many as there are reference data.
        batch: how many samples are made at once.

    Raises:
        UsageError: an option out of range.
    """

    needs = frozenset({"samples"})

    def __init__(
        self,
        projections: Annotated[int, Field(ge=2, le=Largest.COPIES)] = 256,
        order: Annotated[float, Field(ge=1)] = 2.0,
        samples: Annotated[int, Field(ge=1, le=Largest.POINTS)] | None = None,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 4096,
    ) -> None:
        self.projections, self.batch = whole(projections, "projections", _WHERE, 2), whole(batch, "batch", _WHERE)
        self.order = positive(order, "order", _WHERE)
        if self.order < 1:
            raise UsageError("below order 1 there is no distance", where=f"{_WHERE}: order", got=order, allowed=">= 1")
        self.quantity = "sliced-wasserstein" if order == 2 else "distance"
        self.samples = None if samples is None else whole(samples, "samples", _WHERE)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model to sample.
            x: reference data in model space, shape (B, *event).
            generator: the source of samples and directions.
        """
        generator = needs_generator(generator, _WHERE)
        x = points(x, model.process.shape, _WHERE)
        with torch.no_grad():
            drawn = model_samples(model, self.samples or len(x), self.batch, generator)
            y = drawn.x
            axes = directions(self.projections, math.prod(model.process.shape), generator)
            value, of_directions = self._root(sliced_powers(y, x, axes, self.order))
            error = math.hypot(of_directions, self._sampling_error(y, x, axes, value))
            details: dict[str, Any] = {"samples": len(y), "references": len(x), "directions_error": of_directions}
            pair = samples_of_one_law(model, x, len(y), len(x), generator)
            if pair is not None:
                floor, _ = self._root(sliced_powers(*pair, axes, self.order))
                details |= {"floor": floor, "floor_samples": len(pair[0]), "floor_references": len(pair[1])}
        bound: Bound = "upper" if self.order == 1 else "consistent"
        return drawn.qualified(Estimate(_WHERE, value, error, bound, "1", details=details))

    def _root(self, powers: Tensor) -> tuple[float, float]:
        """``(mean W_p^p)^(1/p)`` and its standard error by the choice of directions."""
        mean = float(powers.mean())
        value = mean ** (1 / self.order)
        return value, self._of_power(value, float(powers.std()) / math.sqrt(len(powers)))

    def _sampling_error(self, y: Tensor, x: Tensor, axes: Tensor, value: float) -> float:
        """The standard error of the distance by the choice of samples."""
        ways = ((y, x), (x, y))
        variances = (float(sliced_potentials(a, b, axes, self.order).var()) / len(a) for a, b in ways if len(a) > 1)
        return self._of_power(value, math.sqrt(sum(variances)))

    def _of_power(self, value: float, error: float) -> float:
        """An error of ``W_p^p`` as one of ``W_p``, by the delta method."""
        return error / (self.order * value ** (self.order - 1)) if value > 0 else 0.0
