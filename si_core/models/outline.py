"""The networks of a recipe without their numbers: what is too large for this machine can still be counted."""

from __future__ import annotations

import torch

from si_core.contract.clock import UniformClock
from si_core.errors import NumericsError, SIError, one_line
from si_core.fields.parametrisation import Parametrisation
from si_core.fields.predictor import Predictor
from si_core.models.parts import build_process, build_selection
from si_core.models.predictor import made_networks
from si_core.process.process import StochasticInterpolant
from si_core.recipes.recipe import Recipe

__all__ = ["outlined"]


def outlined(recipe: Recipe) -> tuple[StochasticInterpolant, Predictor]:
    """The process of a recipe, and its networks on torch's ``meta`` device, where parameters have shapes and no memory.

    Raises:
        SIError: parts that can't be built.
        NumericsError: a network that asks for the numbers of its parameters while it is made.
    """
    if recipe.network.in_memory:
        raise NumericsError("an object in memory has its numbers already", where=recipe.where("network"))
    process = build_process(recipe)
    objectives = [build_selection(recipe, f"objectives.{i}", each) for i, each in enumerate(recipe.objectives)]
    names = [str(objective.field) for objective in objectives]  # type: ignore[attr-defined]
    two_times = any(getattr(objective, "two_times", False) for objective in objectives)
    try:
        with torch.device("meta"):
            parametrisation = Parametrisation(UniformClock(), recipe.train.precondition)
            return process, made_networks(recipe, process, names, parametrisation, two_times)
    except SIError:
        raise
    except Exception as error:
        raise NumericsError(
            "the network can't be built without its numbers",
            where=recipe.where("network"),
            got=one_line(error, 200),
            fix="a machine with more memory",
        ) from error
