"""The sliced Wasserstein distance: one-dimensional optimal transport, averaged over directions.

    ``SW_p(mu, nu) = (E_theta W_p^p(theta.X, theta.Y))^(1/p)``,   theta uniform on the unit sphere
    ``W_p^p(F, G) = int_0^1 |F^-1(q) - G^-1(q)|^p dq``                  in one dimension

(Bonneel et al., Journal of Mathematical Imaging and Vision 51, 2015).
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Model, UsageError
from si_estimators.options import needs_generator, points, positive, whole
from si_estimators.samples import model_samples, reached_end

__all__ = ["SlicedWasserstein", "directions", "sliced_powers", "wasserstein_power"]

_WHERE = "sliced-wasserstein"
_NUMBERS_AT_ONCE = 2**23
"""How many projected coordinates are held at once."""


def wasserstein_power(a: Tensor, b: Tensor, order: float) -> Tensor:
    """``W_p^p`` of one-dimensional samples, column by column.

    Args:
        a: shape (n, K).
        b: shape (m, K).
        order: p >= 1.

    Returns:
        shape (K,).
    """
    a, b = a.sort(0).values, b.sort(0).values
    n, m = len(a), len(b)
    if n == m:
        return (a - b).abs().pow(order).mean(0)
    # Both quantile functions are constant between the steps of either; the steps are whole multiples of 1/(n m).
    steps = torch.cat([torch.arange(n + 1) * m, torch.arange(m + 1) * n]).unique().to(a.device)
    left, width = steps[:-1], steps.diff().to(a.dtype) / (n * m)
    return width @ (a[left // m] - b[left // n]).abs().pow(order)


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
    x, y = x.flatten(1).to(axes), y.flatten(1).to(axes)
    at_once = max(1, _NUMBERS_AT_ONCE // (len(x) + len(y)))
    return torch.cat([wasserstein_power(x @ part, y @ part, order) for part in axes.split(at_once, 1)])


class SlicedWasserstein(Estimator):
    """The sliced Wasserstein distance between samples of the model and reference data, in model space.

    The mean of ``W_p^p`` over directions is unbiased for the given samples; for the laws behind them it is an upper
    bound in expectation, for finite samples of one law are apart, too. How far is told by the *floor* among the
    details: the distance of two fresh draws of the data's law of the same sizes, or of two halves of the reference
    data (which are about ``sqrt(2)`` further apart than two samples of its size) where the data are finite.
    The standard error is that of the choice of directions.

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
        projections: Annotated[int, Field(ge=2)] = 256,
        order: Annotated[float, Field(ge=1)] = 2.0,
        samples: Annotated[int, Field(ge=1)] | None = None,
        batch: Annotated[int, Field(ge=1)] = 4096,
    ) -> None:
        self.projections, self.batch = whole(projections, "projections", _WHERE, 2), whole(batch, "batch", _WHERE)
        self.order = positive(order, "order", _WHERE)
        if self.order < 1:
            raise UsageError("below order 1 there is no distance", where=f"{_WHERE}: order", got=order, allowed=">= 1")
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
            y = model_samples(model, self.samples or len(x), self.batch, generator)
            axes = directions(self.projections, math.prod(model.process.shape), generator)
            value, error = self._root(sliced_powers(y, x, axes, self.order))
            details = {"samples": len(y), "references": len(x), **self._floor(model, x, len(y), axes, generator)}
        return Estimate(_WHERE, value, error, "upper", "1", details=details)

    def _root(self, powers: Tensor) -> tuple[float, float]:
        """``(mean W_p^p)^(1/p)`` and its standard error by the delta method."""
        mean = float(powers.mean())
        value = mean ** (1 / self.order)
        error = float(powers.std()) / math.sqrt(len(powers))
        return value, error * value / (self.order * mean) if mean > 0 else 0.0

    def _floor(self, model: Model, x: Tensor, n: int, axes: Tensor, generator: torch.Generator) -> dict[str, float]:
        """The distance that samples of one law have by chance."""
        end = reached_end(model)
        if end.size is None:
            first, second = end.sample(n, generator), end.sample(len(x), generator)
        elif len(x) > 1:
            first, second = x[torch.randperm(len(x), generator=generator, device=x.device)].tensor_split(2)
        else:
            return {}
        floor, _ = self._root(sliced_powers(first, second, axes, self.order))
        return {"floor": floor, "floor_samples": len(first), "floor_references": len(second)}
