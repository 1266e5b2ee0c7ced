"""What a component may ask of the model: fields of a process, and how they are sampled."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

__all__ = ["AnyModel"]


class AnyModel(Protocol):
    """A model, as components see it; :class:`si_core.Model` is one."""

    @property
    def process(self) -> Any:
        """The process."""

    @property
    def fields(self) -> Any:
        """Its fields, as far as they are known."""

    @property
    def integrator(self) -> Any:
        """The method of sampling."""

    @property
    def epsilon(self) -> Any:
        """The noise level of sampling; 0 for the ODE."""

    @property
    def start(self) -> float:
        """The time at which sampling starts."""

    @property
    def stop(self) -> float:
        """The time that it reaches."""

    @property
    def clock(self) -> Any:
        """The clock of sampling; None for the process's own."""

    @property
    def device(self) -> torch.device:
        """Where the fields' parameters are."""

    def transport(self, *, condition: Any = None) -> Any:
        """The initial value problem of sampling."""

    def sample(self, n: int, generator: torch.Generator, *, condition: Any = None) -> Any:
        """Carry n draws of the source to the target."""

    def decode(self, x: Tensor) -> Tensor:
        """Model space to data space."""
