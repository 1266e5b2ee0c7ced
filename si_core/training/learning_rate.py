"""The learning rate as a pure function of the step, so that there is nothing to save or restore."""

from __future__ import annotations

import math

import torch

from si_core.contract.learning_rate import LearningRate
from si_core.errors import NumericsError, PluginError
from si_core.models.parts import build_selection
from si_core.recipes.recipe import Recipe

__all__ = ["LearningRates", "own_rates"]


class LearningRates:
    """The learning rates of a recipe: the schedule's factor of a step times the optimizer's own rate.

    Args:
        recipe: the recipe, whose schedule is built here.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._steps, self._where = recipe.train.steps, recipe.where("train.schedule")
        built = build_selection(recipe, "train.schedule", recipe.train.schedule)
        if not isinstance(built, LearningRate):
            raise PluginError("no learning rate", where=self._where, got=repr(built))
        self._schedule, self._name = built, recipe.train.schedule.name

    def factor(self, step: int) -> float:
        """The factor of a step, counted from 0.

        Raises:
            NumericsError: the schedule answers with a negative number, or with none that is finite.
        """
        value = float(self._schedule.factor(step, self._steps))
        if not 0 <= value < math.inf:
            raise NumericsError(
                f"the learning rate {self._name!r} gives no factor",
                where=f"{self._where}, step {step + 1}",
                got=value,
                allowed="a finite number >= 0",
                fix="change its options, or choose another schedule",
            )
        return value

    def put(self, optimizer: torch.optim.Optimizer, rates: list[float], step: int) -> None:
        """Give each parameter group of an optimizer its rate in a step.

        Args:
            optimizer: whose groups they are.
            rates: of the groups where the factor is 1, as :func:`own_rates` finds them.
            step: the step, counted from 0.
        """
        factor = self.factor(step)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor


def own_rates(optimizer: torch.optim.Optimizer) -> list[float]:
    """The learning rates of a new optimizer's groups."""
    return [float(group["lr"]) for group in optimizer.param_groups]
