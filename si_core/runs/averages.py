"""Averages of the weights that a run keeps: ``averages/step-00000500.safetensors``, all tracked lengths in one file.

From them the average of any length is made after training (:mod:`si_core.models.power_profile`). They are taken at
equal distances over the steps, the last at the last step, which has the tracked averages themselves.
"""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from si_core.contract.processes import Processes
from si_core.errors import RecipeError, StorageError, UsageError
from si_core.fields.predictor import Predictor
from si_core.models.acceleration.networks import with_predictor
from si_core.models.model import Model
from si_core.models.power_profile import LONGEST, SHORTEST, combination
from si_core.recipes.recipe import Recipe
from si_core.recipes.training import PowerAverages
from si_core.runs.directory import ExportedModel, RunDirectory
from si_core.runs.same_recipe import check_same_recipe, kept_text, parsed_recipe
from si_core.storage.atomic import storage_error
from si_core.storage.tensors import load_metadata, load_tensors, save_tensors
from si_core.training.reduction import begin_alike
from si_core.training.spread_tensors import whole
from si_core.training.trainer import Trainer

__all__ = ["average_of_leader", "refuse_out_of_reach", "save_averages", "with_average"]

_log = logging.getLogger(__name__)
_NAME = re.compile(r"step-(\d{8,18})\.safetensors")
_MISSING = 0.1
"""Of a profile, what may be missing at most in a combination of others."""


class _Kept(NamedTuple):
    """A file of averages, after so many steps that were taken."""

    path: Path
    step: int
    taken: int
    lengths: tuple[float, ...]


def refuse_out_of_reach(recipe: Recipe) -> None:
    """See to it, before training, that the average to sample with can be made of those that will be kept.

    Raises:
        RecipeError: it can't.
    """
    chosen, steps, length = recipe.train.ema, recipe.train.steps, recipe.sample.ema
    if not isinstance(chosen, PowerAverages) or length is None or length in chosen.lengths or not steps:
        return
    kept = sorted({-(-part * steps // chosen.snapshots) for part in range(1, chosen.snapshots + 1)})
    missing = combination([(own, step) for step in kept for own in chosen.lengths], length, steps)[1]
    if missing > _MISSING:
        raise RecipeError(
            "an average out of reach of those kept in training",
            where=recipe.where("sample.ema"),
            got=f"relative length {length:g}, with {missing:.0%} of its profile missing",
            allowed=f"lengths near {', '.join(f'{one:g}' for one in chosen.lengths)}",
            fix=f"train.ema: {{use: power, lengths: {[*chosen.lengths, length]}}}, or more snapshots",
        )


def save_averages(directory: RunDirectory | None, trainer: Trainer) -> None:
    """Keep the averages of a training, where they are due after the step that was just done.

    Args:
        directory: the run's folder; None in a process that helps to gather them.
        trainer: the training.

    Raises:
        StorageError: the file can't be written.
    """
    chosen, steps, step = trainer.train.ema, trainer.train.steps, trainer.step
    if not isinstance(chosen, PowerAverages) or trainer.averages.count == 0:
        return
    due = step * chosen.snapshots // steps > (step - 1) * chosen.snapshots // steps
    if not (due or trainer.finished):
        return
    tensors = {
        f"{index}.{name}": whole(parameter.detach())
        for index, module in enumerate(trainer.averages.lengths.values())
        for name, parameter in module.named_parameters()
    }
    if directory is None:
        return
    metadata = {
        "step": str(step),
        "count": str(trainer.averages.count),
        "lengths": " ".join(map(repr, trainer.averages.lengths)),
        "recipe": kept_text(trainer.assembly.recipe),
    }
    try:
        directory.averages.mkdir(exist_ok=True)
    except OSError as error:
        raise storage_error(directory.averages, error) from error
    save_tensors(directory.averages / f"step-{step:08d}.safetensors", tensors, metadata)


def with_average(directory: RunDirectory, model: Model, length: float, step: int) -> Model:
    """A run's model with the average of another relative length: a tracked one, or a combination of those kept.

    Args:
        directory: the run's folder.
        model: its model; what is no parameter, such as running statistics, stays as it is.
        length: the relative length of the profile.
        step: the steps that the model was trained; before the first one averages are the weights themselves.

    Raises:
        UsageError: a length that is none, or is out of reach of the averages that were kept.
        StorageError: no averages were kept, or they are damaged or another run's.
    """
    if not SHORTEST <= length <= LONGEST:
        raise UsageError("no relative length of an average", got=length, allowed=f"{SHORTEST:g} to {LONGEST:g}")
    if isinstance(directory, ExportedModel):
        raise UsageError("an exported model has one set of weights", where=str(directory.path), got=f"ema {length:g}")
    if model.recipe is None or not isinstance(model.recipe.train.ema, PowerAverages):
        fix = "train with `ema: {use: power, lengths: [0.05, 0.1]}`"
        raise UsageError("the run keeps no averages to choose from", where=str(directory.path), fix=fix)
    if step == 0:
        return model
    kept = [each for each in _kept(directory, model.recipe) if each.step <= step]
    if not kept or kept[-1].step != step:
        raise StorageError(
            f"the averages of step {step} are not there",
            where=str(directory.averages),
            got=kept[-1].path.name if kept else "none",
            fix="put the folder's own files back, or train the run again",
        )
    weights, missing = _weights(kept, length)
    if missing > _MISSING:
        raise UsageError(
            f"an average of relative length {length:g} is out of reach of those kept",
            where=str(directory.averages),
            got=f"{sum(len(each.lengths) for each in kept)} averages, with {missing:.0%} of its profile missing",
            allowed=f"lengths near {', '.join(f'{one:g}' for one in kept[-1].lengths)}",
            fix="another length, or train with more `lengths` or `snapshots` (train.ema)",
        )
    if missing:
        _log.info("average of relative length %g: %.1g of its profile is missing", length, missing)
    return _with_networks(model, lambda predictor: _combined(predictor, kept, weights))


def average_of_leader(model: Model, processes: Processes | None) -> Model:
    """A model with the weights that process 0 has made of its files, which the others don't have.

    Args:
        model: the model, of equal networks on all processes.
        processes: those that share it; None for one that works alone.

    Raises:
        LostProcess: one of them has ended.
    """
    if processes is None:
        return model

    def taken(predictor: Predictor) -> Predictor:
        result = copy.deepcopy(predictor)
        begin_alike(result, processes)
        return result

    return _with_networks(model, taken)


def _with_networks(model: Model, change: Callable[[Predictor], Predictor]) -> Model:
    """A model of other networks, with the guidance that it has."""
    fields = with_predictor(model.unguided or model.fields, lambda predictor, _: change(predictor))
    if fields is None:
        raise UsageError("only learned fields have averages", got=type(model.fields).__name__)
    return replace(model, fields=fields, unguided=None, guidance=()).with_guidance(model.guidance)


def _kept(directory: RunDirectory, recipe: Recipe) -> Iterator[_Kept]:
    """The files of a run, in the order of their steps; those of another recipe, before it was changed, are left out."""
    for path in sorted(directory.averages.glob("step-*.safetensors")):
        if not _NAME.fullmatch(path.name):
            continue
        metadata = load_metadata(path)
        try:
            check_same_recipe(parsed_recipe(metadata.get("recipe")), recipe, str(path), "it is left out")
        except StorageError as error:
            _log.warning("%s", error)
        else:
            yield _described(path, metadata)


def _described(path: Path, metadata: dict[str, str]) -> _Kept:
    try:
        lengths = tuple(map(float, metadata["lengths"].split()))
        return _Kept(path, int(metadata["step"]), int(metadata["count"]), lengths)
    except (KeyError, ValueError) as error:
        raise StorageError("no averages of a run", where=str(path), got=str(error)) from error


def _weights(kept: list[_Kept], length: float) -> tuple[list[float], float]:
    """The weight of each average, file by file, and what is missing of the profile."""
    last = kept[-1]
    if length in last.lengths:
        place = sum(len(each.lengths) for each in kept[:-1]) + last.lengths.index(length)
        return [float(i == place) for i in range(sum(len(each.lengths) for each in kept))], 0.0
    return combination([(own, each.taken) for each in kept for own in each.lengths], length, last.taken)


@torch.no_grad()
def _combined(predictor: Predictor, kept: list[_Kept], weights: list[float]) -> Predictor:
    """Networks whose parameters are the combination; one file in memory at a time, sums in double precision."""
    result = copy.deepcopy(predictor)
    parameters = dict(result.named_parameters())
    exact = sum(map(bool, weights)) == 1
    sums: dict[str, Tensor] = {}
    remaining = iter(weights)
    for each in kept:
        own = [next(remaining) for _ in each.lengths]
        if not any(own):
            continue
        tensors = load_tensors(each.path).tensors
        for index, weight in enumerate(own):
            for name, parameter in parameters.items() if weight else ():
                value = tensors.get(f"{index}.{name}")
                if value is None or value.shape != parameter.shape or value.dtype != parameter.dtype:
                    raise StorageError("averages of other networks", where=str(each.path), got=f"no {name} that fits")
                if exact:
                    sums[name] = value
                elif name in sums:
                    sums[name].add_(value.double(), alpha=weight)
                else:
                    sums[name] = value.double() * weight
    for name, parameter in parameters.items():
        parameter.copy_(sums[name])
    return result
