"""The forecast of a run: what is found out, in order, as far as this machine can tell."""

from __future__ import annotations

from dataclasses import dataclass

from si_core.contract.runtime import Runtime
from si_core.errors import NumericsError
from si_core.fields.predictor import Predictor
from si_core.models.outline import outlined
from si_core.recipes.recipe import Recipe
from si_core.runs.forecast.evaluations import SamplingCalls, sampling_calls
from si_core.runs.forecast.measuring import Cost, cost_of_calls, cost_of_steps
from si_core.runs.forecast.memory import TrainingMemory, counted
from si_core.runs.plan import prepare
from si_core.storage.machine import free_memory

__all__ = ["Forecast", "forecast"]


@dataclass(frozen=True)
class Forecast:
    """What is known of a run before it begins.

    Args:
        recipe: the recipe.
        runtime: where it would run.
        shape: of an event.
        networks: those that it trains.
        memory: that training holds.
        calls: how sampling asks the networks; None where that is not known.
        step: the cost of a step of training; None where none was tried.
        call: the cost of a call of the networks in sampling; None where none was tried.
        untried: why no step was tried.
    """

    recipe: Recipe
    runtime: Runtime
    shape: tuple[int, ...]
    networks: Predictor
    memory: TrainingMemory
    calls: SamplingCalls | None = None
    step: Cost | None = None
    call: Cost | None = None
    untried: str = ""


def forecast(recipe: Recipe, runtime: Runtime) -> Forecast:
    """Find out what a run of a recipe will need and take; a few steps are tried, and nothing is written.

    Args:
        recipe: the recipe.
        runtime: where it would run.

    Raises:
        SIError: as a run of it would before its first step; but for a network that is too large for this machine.
    """
    try:
        assembly = prepare(recipe, runtime).assembly
    except NumericsError as error:
        try:
            process, networks = outlined(recipe)
        except NumericsError:
            raise error from None
        memory, why = counted(recipe, networks), f"unknown: {error.problem} to build it"
        return Forecast(recipe, runtime, process.shape, networks, memory, untried=why)
    networks, memory = assembly.fields.predictor, counted(recipe, assembly.fields.predictor)
    calls, step, why = sampling_calls(assembly), None, "nothing is trained"
    free = free_memory(runtime.device)
    # On the CPU the weights are there already, and no longer among what is free.
    added = memory.total - (memory.weights if runtime.device.type == "cpu" else 0)
    if recipe.train.steps and free is not None and added > free:
        why = "unknown: not enough memory here to try a step"
    elif recipe.train.steps:
        step, memory = cost_of_steps(assembly, runtime)
    call = cost_of_calls(assembly, runtime)
    return Forecast(recipe, runtime, assembly.process.shape, networks, memory, calls, step, call, why)
