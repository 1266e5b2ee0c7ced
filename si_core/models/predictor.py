"""The networks of a recipe, tried on draws before anything is trained."""

from __future__ import annotations

import inspect
from dataclasses import replace

import torch
from torch import Tensor

from si_core.contract.answers import form_of, misbehaved
from si_core.contract.data import Draw
from si_core.discovery.first_calls import first_calls_watched
from si_core.discovery.lookup import load
from si_core.discovery.parameters import constructor_names
from si_core.errors import RecipeError, SIError, UsageError, one_line, too_large
from si_core.fields.parametrisation import Parametrisation
from si_core.fields.predictor import Predictor
from si_core.models.own_network import own_networks
from si_core.models.parts import located, own_stream, selected
from si_core.models.streams import stream_seed
from si_core.process.process import StochasticInterpolant
from si_core.recipes.recipe import Recipe

__all__ = ["build_predictor", "dropout_of", "made_networks"]


def build_predictor(
    recipe: Recipe,
    process: StochasticInterpolant,
    names: list[str],
    parametrisation: Parametrisation,
    draw: Draw,
    two_times: bool = False,
) -> Predictor:
    """The untrained networks of a recipe, in the precision of its data.

    Args:
        recipe: the recipe.
        process: its process.
        names: the fields to learn.
        parametrisation: how their outputs stand for them.
        draw: of the process, to try them on.
        two_times: whether they are given a second time.

    Raises:
        RecipeError: a network that does not fit the process, with the position of what asked for it.
    """
    if recipe.network.in_memory:
        module = selected(recipe, "network", recipe.network)
        with located(recipe, "network"):
            own = own_networks(module, process.conditions, draw, len(names), recipe.network.shared, two_times)  # type: ignore[arg-type]
        predictor = Predictor(own, len(names), two_times)
    else:
        predictor = made_networks(recipe, process, names, parametrisation, two_times)
    with located(recipe, "network"):
        _try(predictor, process.shape, draw, len(names), f"the target at {recipe.where('target')}")
    optional = dropout_of(recipe, process)
    if optional and draw.condition:
        left_out = {name: process.conditions[name].absent(draw.xt) for name in optional}
        with located(recipe, "train.condition_dropout"):
            _try_left_out(predictor, replace(draw, condition={**draw.condition, **left_out}))
    return predictor


def made_networks(
    recipe: Recipe, process: StochasticInterpolant, names: list[str], parametrisation: Parametrisation, two_times: bool
) -> Predictor:
    """The networks of a recipe, as they are drawn and not yet tried.

    Raises:
        RecipeError: a network that can't be given what the process has.
    """
    selection, count = recipe.network, len(names)
    with located(recipe, "network"):
        network = load("network", selection.qualified)
        parameters = constructor_names(network)
    if two_times and not _takes_second_time(network):
        raise RecipeError(
            f"network {selection.name!r} takes one time, and an objective needs two",
            where=recipe.where("network"),
            allowed="a network whose `forward` takes `s`",
            fix="network: mlp",
        )
    if process.conditions and "conditions" not in parameters:
        raise RecipeError(
            f"network {selection.name!r} takes no conditions, and the process has some",
            where=recipe.where("network"),
            got="; ".join(spec.described(name) for name, spec in process.conditions.items()),
            allowed="a network whose constructor takes `conditions`",
            fix="network: mlp, or leave the conditions out (`label: false`, a coupling without `forecast`)",
        )
    one = selection.shared and count > 1 and "heads" in parameters
    networks = []
    with own_stream(stream_seed(recipe.seed, "initialisation")):
        for fields in [names] if one else [[name] for name in names]:
            networks.append(
                selected(
                    recipe,
                    "network",
                    selection,
                    shape=process.shape,
                    heads=count if one else None,
                    conditions=dict(process.conditions),
                    two_times=two_times,
                    process=process,
                    fields=fields,
                    parametrisation=parametrisation,
                )
            )
    return Predictor(networks, count, two_times)  # type: ignore[arg-type]


def _takes_second_time(network: object) -> bool:
    forward = getattr(network, "forward", None)
    return callable(forward) and "s" in inspect.signature(forward).parameters


def dropout_of(recipe: Recipe, process: StochasticInterpolant) -> dict[str, float]:
    """How often training leaves each condition out; without those that it never does.

    Raises:
        RecipeError: a condition that the process does not have, or the given x0, which fields are made of.
    """
    chosen = recipe.train.condition_dropout
    names = [name for name in process.conditions if not (name == "x0" and process.coupling.anchored)]
    asked = chosen if isinstance(chosen, dict) else dict.fromkeys(names, chosen)
    for name in asked:
        if name not in names:
            raise RecipeError(
                f"no condition {name!r} to leave out",
                where=recipe.where("train.condition_dropout"),
                allowed=", ".join(names) or "none: the process has no conditions that can be left out",
            )
    return {name: probability for name, probability in asked.items() if probability > 0}


def _try_left_out(predictor: Predictor, draw: Draw) -> None:
    """Whether the networks know conditions that are left out.

    Raises:
        UsageError: they fail on them, or give numbers that are not finite.
    """
    try:
        outputs = _outputs(predictor, draw)
    except SIError:
        raise
    except Exception as error:
        if too_large(error):
            raise
        problem = one_line(error)
    else:
        if all(bool(torch.isfinite(output).all()) for output in outputs):
            return
        problem = "outputs that are not finite"
    raise UsageError(
        "the network does not know what to do where a condition is left out",
        got=problem,
        allowed="labels of -1 and values of NaN, which stand for a condition that is left out",
        fix="train.condition_dropout: 0, or network: mlp",
    )


def _outputs(predictor: Predictor, draw: Draw) -> tuple[Tensor, ...]:
    if draw.schedule is None:
        raise TypeError("the process drew without a schedule")
    predictor.eval()
    try:
        with torch.no_grad(), first_calls_watched((network, "forward") for network in predictor.networks):
            outputs: tuple[Tensor, ...] = predictor(draw.schedule.u.to(draw.xt.dtype), draw.xt, draw.condition)
    finally:
        predictor.train()
    return outputs


def _try(predictor: Predictor, shape: tuple[int, ...], draw: Draw, count: int, target: str) -> None:
    """Give the networks the precision of the process and draws of it.

    An output of another shape would be broadcast against its target without a word.

    Raises:
        UsageError: they fail, or give something else than fields.
    """
    predictor.to(draw.xt.dtype)
    try:
        outputs = _outputs(predictor, draw)
    except SIError:
        raise
    except Exception as error:
        if too_large(error):
            raise
        raise UsageError(
            "the network fails on draws of the process",
            got=one_line(error),
            allowed=f"a network for events of shape {shape}, those of {target}",
        ) from error
    for index, output in enumerate(outputs):
        if not isinstance(output, Tensor) or len(output) != len(draw.xt) or output.dtype != draw.xt.dtype:
            raise misbehaved(
                predictor.behind(index),
                "forward",
                "a network gives a field for each state, in the precision of the states",
                got=form_of(output),
                allowed=f"{tuple(draw.xt.shape)} of {str(draw.xt.dtype).removeprefix('torch.')}",
            )
    shapes = [tuple(output.shape[1:]) for output in outputs]
    if shapes != [shape] * count:
        raise UsageError(
            "the network's outputs have another shape than the events",
            got=", ".join(map(str, shapes)),
            allowed=f"{shape} for each of {count} objectives, as {target} has",
        )
