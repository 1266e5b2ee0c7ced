"""Samples of a model for comparison with data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from si_core import Estimate, Model, effective_sample_size, resample_alike
from si_estimators.density_ends import Bound

__all__ = ["ModelSamples", "model_samples", "samples_of_one_law"]

_NO_ERROR = (
    "samples resampled by their weights repeat each other, and may have met on their way: formulas for independent "
    "samples would make the error too small. Repeat the estimate with other seeds"
)


@dataclass(frozen=True)
class ModelSamples:
    """Samples of a model.

    Args:
        x: in model space, shape (n, *event).
        effective: their effective sample size where they were resampled by weights; None for independent ones.
    """

    x: Tensor
    effective: float | None = None

    def qualified(self, estimate: Estimate) -> Estimate:
        """A comparison of them, with what resampling leaves of its claims.

        Means over resampled states are right in the limit of many alone, and they repeat each other, which formulas of
        standard errors of independent ones don't see, nor would a bootstrap of the states: what ties them together may
        have happened at any time of sampling. The details say so in place of an error.
        """
        if self.effective is None:
            return estimate
        details = {**(estimate.details or {}), "effective_samples": self.effective, "no_standard_error": _NO_ERROR}
        bound: Bound = "approximate" if estimate.bound == "approximate" else "consistent"
        return replace(estimate, bound=bound, standard_error=None, details=details)


def model_samples(model: Model, n: int, batch: int, generator: torch.Generator) -> ModelSamples:
    """n samples in model space, independent unless the method of sampling gives weights: then they are resampled.

    They are given what the model's fields are, in turn, or else conditions as the data have them.

    Args:
        model: the model.
        n: the number of samples.
        batch: how many are made at once.
        generator: the source of randomness.
    """
    given = model.fields.condition
    parts, weights, told = [], [], []
    for first in range(0, n, batch):
        count = min(batch, n - first)
        conditions = given and {name: _in_turn(values, first, count) for name, values in given.items()}
        x, conditions = model.initial(count, generator, conditions)
        path = model.sample(count, generator, condition=conditions, start_from=x)
        parts.append(path.final)
        if path.log_weights is not None:
            weights.append(path.log_weights)
            told.append(conditions or {})
    x = torch.cat(parts)
    if not weights:
        return ModelSamples(x)
    log_weights = torch.cat(weights)
    together = {name: torch.cat([each[name] for each in told]) for name in told[0]}
    return ModelSamples(x[resample_alike(log_weights, generator, together)], effective_sample_size(log_weights))


def _in_turn(values: Tensor, first: int, count: int) -> Tensor:
    return values[torch.arange(first, first + count, device=values.device) % len(values)]


def samples_of_one_law(
    model: Model, x: Tensor, n: int, m: int, generator: torch.Generator
) -> tuple[Tensor, Tensor] | None:
    """Two independent samples of the law that the model's samples should have, to tell chance from error.

    Args:
        model: the model.
        x: reference data, shape (B, *event).
        n: the size of the first sample.
        m: the size of the second.
        generator: the source of randomness.

    Returns:
        Fresh draws of sizes n and m; where the data are finite, or the end has a density alone, two halves of the
        reference data, of those sizes at most; None for a single row.
    """
    end = model.end
    if end.size is None and end.has_samples:
        return end.sample(n, generator).to(x), end.sample(m, generator).to(x)
    if len(x) < 2:
        return None
    first, second = x[torch.randperm(len(x), generator=generator, device=x.device)].tensor_split(2)
    return first[:n], second[:m]
