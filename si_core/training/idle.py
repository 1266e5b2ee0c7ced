"""Parameters that nothing trains: named before the first step is taken.

A parameter without a gradient has no part in any loss, which is a mistake more often than not. Of a process it is
refused, for the path would not be the one that is meant to be learned; networks may hold some in reserve, so there it
is said.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from si_core.contract.answers import misbehaved
from si_core.contract.objective import Objective
from si_core.errors import PluginError, RecipeError
from si_core.fields.predictor import Predictor
from si_core.recipes.recipe import Recipe

__all__ = ["grad_mode_switched_off", "refuse_constant", "refuse_detached", "refuse_idle", "tell_idle"]

_log = logging.getLogger(__name__)
_SHOWN = 6


def refuse_idle(recipe: Recipe, loss: Tensor, parameters: Mapping[str, Tensor]) -> None:
    """Refuse parameters of a process that a loss does not depend on.

    Args:
        recipe: the recipe, whose keys are told.
        loss: the loss of the process, shape (), at any draw.
        parameters: those to train, by ``key.name`` with the key of their part.

    Raises:
        RecipeError: some have no gradient; names the part and the parameters.
    """
    found: tuple[Tensor | None, ...] = (None,) * len(parameters)
    if loss.requires_grad:
        found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
    idle = [name for name, gradient in zip(parameters, found, strict=True) if gradient is None]
    if not idle:
        return
    part = idle[0].partition(".")[0]
    names = [name.partition(".")[2] for name in idle if name.startswith(f"{part}.")]
    raise RecipeError(
        f"the {part} has parameters to train that no loss depends on",
        where=recipe.where(part),
        got=_listed(names),
        fix="use them in what the part computes, without detach() or torch.no_grad(); or freeze them in its "
        "constructor: parameter.requires_grad_(False)",
    )


def grad_mode_switched_off(step: int) -> PluginError:
    """The error of a step whose losses have no gradient because a component has switched torch's grad mode off."""
    return PluginError(
        "a component switched the grad mode off while it worked, so the losses have no gradient",
        where=f"step {step}",
        fix="networks, objectives and distributions leave torch.set_grad_enabled alone; `with torch.no_grad():` ends",
    )


def refuse_constant(objectives: Sequence[Objective], losses: Sequence[Tensor]) -> None:
    """Refuse a loss that no parameter of a network has any part in.

    Raises:
        PluginError: names the objective.
    """
    for objective, loss in zip(objectives, losses, strict=True):
        if not loss.requires_grad:
            raise misbehaved(
                objective,
                None,
                "the loss does not depend on the network",
                got="a loss without gradient",
                allowed="a loss computed from the field, without detach() or torch.no_grad()",
            )


def refuse_detached(predictor: Predictor, predictions: Sequence[Tensor | None]) -> None:
    """Refuse a network whose output no gradient leads back from.

    Args:
        predictor: the networks, some of whose parameters are trained.
        predictions: of each field, at any draw; None where the objective calls the network itself.

    Raises:
        PluginError: names the network.
    """
    if all(prediction is None or prediction.requires_grad for prediction in predictions):
        return
    index = [prediction is not None and not prediction.requires_grad for prediction in predictions].index(True)
    network = predictor.behind(index)
    if any(parameter.requires_grad for parameter in network.parameters()):
        raise misbehaved(
            network,
            "forward",
            "the network's output does not depend on its parameters",
            got="an output without gradient",
            allowed="an output computed from them without detach() or torch.no_grad()",
        )


def tell_idle(predictor: nn.Module) -> None:
    """Warn of parameters of networks that have no gradient after the losses' backward pass."""
    idle = [
        name for name, parameter in predictor.named_parameters() if parameter.requires_grad and parameter.grad is None
    ]
    if idle:
        _log.warning(
            "the network has parameters that no loss depends on; they stay as they began: %s (if that is meant, freeze "
            "them: parameter.requires_grad_(False))",
            _listed(idle),
        )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
