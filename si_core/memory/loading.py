"""From a folder back to a model: of a run, or of what ``Fitted.save`` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from si_core.contract.runtime import Runtime
from si_core.memory.fitted import Fitted
from si_core.memory.saving import check_layout, load_layout
from si_core.memory.training import Trained
from si_core.models.model import Model
from si_core.runs.directory import RunDirectory
from si_core.runs.loading import load_assembled
from si_core.runs.model_folder import read_records

__all__ = ["load_model"]


def load_model(
    run: str | Path, device: str | torch.device | Runtime = "cpu", *, ema: float | None = None, **parts: Any
) -> Model | Fitted:
    """The trained model of a run, or what :func:`si_core.fit` gave; its data are not read, nor need they be there.

    Args:
        run: the folder of a run, or of a model that was saved.
        device: where to put it, ``auto`` for a CUDA device where there is one; or a runtime.
        ema: the relative length of the average of the weights, of a run whose ``train.ema`` keeps several; None for
            that of its recipe.
        parts: objects in memory that the recipe had, by key: ``network=MyNet()``, in nested dictionaries where they
            stand deeper: ``sample={"integrator": MyMethod()}``. A module is filled with the weights that are stored.

    Returns:
        A :class:`si_core.Model`; of a fitted model the same as :func:`si_core.fit` returned.

    Raises:
        StorageError: the folder is no run, has no model yet, or its weights are damaged or of another network.
        RecipeError: an object that the recipe had in memory is not given; says which, and its class.
        UsageError: no such device here, or processes that don't come together.
        UsageError, PluginError: a component it needs is missing.
    """
    runtime = Runtime.at(device, together=True)
    layout = load_layout(Path(run))
    assembly, model, step = load_assembled(Path(run), runtime, parts, ema)
    if layout is None:
        return model
    check_layout(Path(run), layout, model)
    history = read_records(RunDirectory.open(run)).metrics
    return Fitted(Trained(assembly, model, step, tuple(map(dict, history))), layout)
