"""Moderators: what keeps a run calm."""

from __future__ import annotations

from abc import ABC, abstractmethod

from si_core import Run, StochasticInterpolant

__all__ = ["Gentle", "Moderator"]


class Moderator(ABC):
    """Looks at each step of a run."""

    @abstractmethod
    def after_step(self, run: Run) -> None:
        """A step is done."""


class Gentle(Moderator):
    """Ends training when the recorded loss is below a number.

    Args:
        enough: the loss below which training ends.
        process: the run's process, from the builder.
    """

    def __init__(self, enough: float = 1e9, process: StochasticInterpolant | None = None) -> None:
        self.enough, self.process = enough, process

    def after_step(self, run: Run) -> None:
        """End training where the loss is enough."""
        if run.metrics.get("step") == run.step and run.metrics["loss"] < self.enough:
            run.request_stop(f"a loss of {run.metrics['loss']:.3g} is enough")
