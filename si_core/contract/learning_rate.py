"""The learning rate over the steps of a training."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["LearningRate"]


class LearningRate(ABC):
    """A schedule of the learning rate: a function of the step alone, so that nothing of it has to be saved."""

    @abstractmethod
    def factor(self, step: int, steps: int) -> float:
        """What the optimizer's learning rate is multiplied by in a step, >= 0 and finite.

        Args:
            step: number of the step, from 0.
            steps: steps in all.
        """
