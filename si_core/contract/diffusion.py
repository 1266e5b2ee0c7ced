"""Diffusion schedules: the noise level ``epsilon(t) >= 0`` of ``dX = (b + epsilon s) dt + sqrt(2 epsilon) dW``.

Any schedule gives the same law at every time (arXiv 2303.08797, section 2.3); the choice decides how errors spread.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor

from si_core.contract.model import AnyModel

__all__ = ["Diffusion"]


class Diffusion(ABC):
    """A noise level over time."""

    @abstractmethod
    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        """The noise level at times t in [0, 1].

        Args:
            t: shape (N,).
            gamma: the process's ``gamma(t)``, shape (N,); for a one-sided process ``sqrt(alpha^2 + gamma^2)`` where
                the latent vanishes, the size of its noise.

        Returns:
            shape (N,), non-negative.
        """

    def fitted(self, model: AnyModel, seed: int) -> dict[str, Any] | None:
        """The constructor's options of this schedule as measured on a trained model, plain JSON that is stored with it.

        None where the schedule does not depend on the model, or has been measured.

        Args:
            model: the model, which samples with this schedule.
            seed: of what is drawn to measure.
        """
        return None
