"""Estimators: numbers measured on a model, each with its error and what it bounds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from si_core.contract.data import Bound, Estimate

if TYPE_CHECKING:
    from si_core.runs.model import Model

__all__ = ["Estimator"]


class Estimator(ABC):
    """A measurement."""

    needs: frozenset[str] = frozenset()
    """What is measured on: of ``"fields"``, ``"samples"``, ``"densities"`` (a source or target with a density),
    ``"exact"`` (a process with closed-form fields)."""

    points_of: Literal["target", "source"] = "target"
    """The end of the process whose points are measured on; a comparison of samples has those of the end they reach."""

    @abstractmethod
    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: fields, process and sampler.
            x: points or reference data in model space, shape (B, *event).
            generator: the source of randomness.
        """

    @staticmethod
    def batches(x: Tensor, size: int | None) -> Iterator[Tensor]:
        """x in pieces of at most ``size`` rows."""
        return iter(torch.split(x, size or max(len(x), 1)))

    @staticmethod
    def mean(name: str, per_sample: Tensor, bound: Bound, unit: str, details: dict[str, Any] | None = None) -> Estimate:
        """The mean over samples with its standard error, from values of shape (B,)."""
        values = per_sample.detach().double()
        error = float(values.std() / len(values) ** 0.5) if len(values) > 1 else None
        return Estimate(name, float(values.mean()), error, bound, unit, per_sample.detach(), details)
