"""From the folder of a run back to its model."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from si_core.contract.runtime import Runtime
from si_core.errors import StorageError
from si_core.models.assembly import Assembly, assemble
from si_core.models.learnable import learnable_parts, load_parts
from si_core.models.model import Model
from si_core.models.needs import growing
from si_core.recipes.loader import load_found_recipe
from si_core.recipes.selection import Selection
from si_core.runs.averages import with_average
from si_core.runs.bookkeeping import resumption
from si_core.runs.directory import ExportedModel, RunDirectory
from si_core.runs.frame_file import load_ends
from si_core.runs.lost_plugins import lost_plugins_named
from si_core.runs.memory import memory_explained
from si_core.runs.model_file import model_step
from si_core.runs.noise_level import stored_noise_level
from si_core.runs.same_process import (
    check_same_process,
    sampling_change,
    split_fingerprint,
    split_sampling,
    version_change,
)
from si_core.runs.same_recipe import check_same_recipe, parsed_recipe
from si_core.runs.sampling_clock import stored_clock
from si_core.storage.tensors import load_tensors
from si_core.storage.weights import load_into

__all__ = ["load_assembled", "load_trained"]

_log = logging.getLogger(__name__)


def load_trained(path: Path, runtime: Runtime, ema: float | None = None) -> Model:
    """The model of a run's folder, with its trained (averaged) weights; its data are not read, nor need they be there.

    Args:
        path: the folder.
        runtime: where to put it.
        ema: the relative length of the average of the weights, in place of the recipe's.

    Raises:
        StorageError: the folder is no run, has no model yet, or its weights are damaged or another run's.
        UsageError, PluginError: a component it needs is missing.
    """
    return load_assembled(path, runtime, ema=ema)[1]


def load_assembled(
    path: Path, runtime: Runtime, given: Mapping[str, Any] = MappingProxyType({}), ema: float | None = None
) -> tuple[Assembly, Model, int]:
    """The recipe of a run's folder, put together, its model with the trained (averaged) weights, and their steps.

    Args:
        path: the folder.
        runtime: where to put it.
        given: objects in memory that the recipe had, by key.
        ema: the relative length of the average of the weights, in place of the recipe's.
    """
    directory = RunDirectory.open(path)
    if not directory.model.is_file():
        raise StorageError(
            "the run has no trained model yet",
            where=str(directory.path),
            got="no model.safetensors in it",
            fix=f"train it to the end: {resumption(directory)}",
        )
    with lost_plugins_named(directory):
        recipe = load_found_recipe(directory.resolved, given)
    stored = load_tensors(directory.model)
    # Objects that are given take the place of what was named; whose the weights are, the folder's own recipe says.
    own = load_found_recipe(directory.resolved) if given else recipe
    again = "export the model" if isinstance(directory, ExportedModel) else f"make it by {resumption(directory)}"
    fix = f"put the folder's own file back, or {again} again"
    check_same_recipe(parsed_recipe(stored.metadata.get("recipe")), own, str(directory.model), fix)
    # A layer may be made anew in another form, so some numbers may come and go.
    most = 4 * sum(tensor.numel() for tensor in stored.tensors.values()) + 10**6
    with memory_explained("preparation", recipe, runtime.device), growing(most=most):
        assembly = assemble(recipe, load_ends(directory.frame, recipe, stored.metadata.get("frame")))
    change = version_change(directory)
    if change:
        _log.warning("%s: %s", path, change)
    process, tensors = split_fingerprint(stored.tensors)
    sampled, tensors = split_sampling(tensors)
    parts = learnable_parts(assembly.process)
    weights = load_parts(parts, tensors, str(directory.model))
    check_same_process(process, assembly.process, directory, directory.model)
    other = sampling_change(sampled, assembly)
    if other:
        _log.warning("%s: %s", path, other)
    load_into(assembly.fields.predictor, weights, str(directory.model))
    parts.to(runtime.device).requires_grad_(False)
    assembly.fields.predictor.to(runtime.device).eval().requires_grad_(False)
    model, step = assembly.model().on(runtime), model_step(stored.metadata, directory.model)
    # What is exported has the weights that its run sampled from.
    length = ema if isinstance(directory, ExportedModel) else ema or recipe.sample.ema
    if length is not None:
        model = with_average(directory, model, length, step)
    if isinstance(recipe.sample.epsilon, Selection) and not recipe.sample.epsilon.in_memory:
        level = stored_noise_level(directory, recipe.sample.epsilon.qualified, model.process, own)
        model = model.with_sampler(epsilon=level)
    if isinstance(recipe.sample.clock, Selection) and not recipe.sample.clock.in_memory:
        stored_time = stored_clock(directory, recipe.sample.clock.qualified, model.process, own)
        model = model.with_sampler(clock=stored_time)
    return assembly, model, step
