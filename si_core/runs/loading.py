"""From the folder of a run back to its model."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from si_core.contract.runtime import Runtime
from si_core.errors import StorageError
from si_core.models.assembly import assemble
from si_core.models.learnable import learnable_parts, load_parts
from si_core.models.model import Model
from si_core.recipes.loader import load_recipe
from si_core.recipes.selection import Selection
from si_core.runs.bookkeeping import resumption
from si_core.runs.directory import RunDirectory
from si_core.runs.frame_file import load_ends
from si_core.runs.lost_plugins import lost_plugins_named
from si_core.runs.noise_level import stored_noise_level
from si_core.runs.same_process import (
    check_same_process,
    sampling_change,
    split_fingerprint,
    split_sampling,
    version_change,
)
from si_core.runs.sampling_clock import stored_clock
from si_core.storage.tensors import load_tensors
from si_core.storage.weights import load_into

__all__ = ["load_model", "load_trained"]

_log = logging.getLogger(__name__)


def load_model(run: str | Path, device: str | torch.device | Runtime = "cpu") -> Model:
    """The trained model of a run; its data are not read, nor need they be there.

    Args:
        run: the run's folder.
        device: where to put it, ``auto`` for a CUDA device where there is one; or a runtime.

    Raises:
        StorageError: the folder is no run, has no model yet, or its weights are damaged.
        UsageError: no such device here, or a process that is one of several.
        UsageError, PluginError: a component it needs is missing.
    """
    return load_trained(Path(run), Runtime.at(device))


def load_trained(path: Path, runtime: Runtime) -> Model:
    """The model of a run's folder, with its trained (averaged) weights."""
    directory = RunDirectory.open(path)
    if not directory.model.is_file():
        raise StorageError(
            "the run has no trained model yet",
            where=str(directory.path),
            got="no model.safetensors in it",
            fix=f"train it to the end: {resumption(directory)}",
        )
    with lost_plugins_named(directory):
        recipe = load_recipe(directory.resolved)
    stored = load_tensors(directory.model)
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
    model = assembly.model().on(runtime)
    if isinstance(recipe.sample.epsilon, Selection):
        level = stored_noise_level(directory, recipe.sample.epsilon.qualified, model.process)
        model = model.with_sampler(epsilon=level)
    if isinstance(recipe.sample.clock, Selection):
        model = model.with_sampler(clock=stored_clock(directory, recipe.sample.clock.qualified, model.process))
    return model
