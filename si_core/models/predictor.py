"""The networks of a recipe, tried on draws before anything is trained."""

from __future__ import annotations

import torch

from si_core.contract.data import Draw
from si_core.discovery.lookup import load
from si_core.discovery.parameters import constructor_names
from si_core.errors import RecipeError, SIError, UsageError
from si_core.fields.learned import Predictor
from si_core.fields.parametrisation import Parametrisation
from si_core.models.parts import build_selection, located
from si_core.models.streams import generator, stream_seed
from si_core.process.process import StochasticInterpolant
from si_core.recipes.recipe import Recipe

__all__ = ["build_predictor"]


def build_predictor(
    recipe: Recipe, process: StochasticInterpolant, names: list[str], parametrisation: Parametrisation
) -> Predictor:
    """The untrained networks of a recipe, in the precision of its data.

    Args:
        recipe: the recipe.
        process: its process.
        names: the fields to learn.
        parametrisation: how their outputs stand for them.

    Raises:
        RecipeError: a network that does not fit the process, with the position of what asked for it.
    """
    predictor = _predictor(recipe, process, names, parametrisation)
    with located(recipe, "coupling"):
        draw = process.draw(2, generator(0, "initialisation"), clock=parametrisation.clock)
    with located(recipe, "network"):
        _try(predictor, process.shape, draw, len(names), f"the target at {recipe.where('target')}")
    return predictor


def _predictor(
    recipe: Recipe, process: StochasticInterpolant, names: list[str], parametrisation: Parametrisation
) -> Predictor:
    selection, count = recipe.network, len(names)
    with located(recipe, "network"):
        parameters = constructor_names(load("network", selection.qualified))
    if process.coupling.anchored and "given" not in parameters:
        raise RecipeError(
            f"the coupling tells networks x0, and {selection.name!r} takes no given state",
            where=recipe.where("network"),
            got=f"coupling {recipe.coupling.name} at {recipe.where('coupling')}",
            fix="network: mlp",
        )
    one = selection.shared and count > 1 and "heads" in parameters
    networks = []
    # Initialisers draw from the global generator; its state is put back.
    with torch.random.fork_rng(devices=[]):
        # Networks are made on the CPU; torch.manual_seed would set the generators of accelerators too.
        torch.default_generator.manual_seed(stream_seed(recipe.seed, "initialisation"))
        for fields in [names] if one else [[name] for name in names]:
            networks.append(
                build_selection(
                    recipe,
                    "network",
                    selection,
                    shape=process.shape,
                    heads=count if one else None,
                    classes=process.target.classes,
                    given=process.shape if process.coupling.anchored else None,
                    process=process,
                    fields=fields,
                    parametrisation=parametrisation,
                )
            )
    return Predictor(networks, count)  # type: ignore[arg-type]


def _try(predictor: Predictor, shape: tuple[int, ...], draw: Draw, count: int, target: str) -> None:
    """Give the networks the precision of the process and draws of it.

    An output of another shape would be broadcast against its target without a word.

    Raises:
        UsageError: they fail, or give something else than fields.
    """
    if draw.schedule is None:
        raise TypeError("the process drew without a schedule")
    predictor.to(draw.xt.dtype).eval()
    try:
        with torch.no_grad():
            outputs = predictor(draw.schedule.u.to(draw.xt.dtype), draw.xt, draw.condition)
    except (SIError, MemoryError):
        raise
    except Exception as error:
        raise UsageError(
            "the network fails on draws of the process",
            got=f"{type(error).__name__}: {error}",
            allowed=f"a network for events of shape {shape}, those of {target}",
        ) from error
    finally:
        predictor.train()
    shapes = [tuple(output.shape[1:]) for output in outputs]
    if shapes != [shape] * count:
        raise UsageError(
            "the network's outputs have another shape than the events",
            got=", ".join(map(str, shapes)),
            allowed=f"{shape} for each of {count} objectives, as {target} has",
        )
