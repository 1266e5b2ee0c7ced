"""``si.fit``: from data in memory to a model, by the recipe that a file would hold."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from si_core.contract.coupling import Coupling, starts_from_target
from si_core.contract.runtime import Runtime
from si_core.discovery.lookup import load
from si_core.errors import SIError
from si_core.memory.ends import RowOptions, read_ends
from si_core.memory.fitted import Fitted
from si_core.memory.keywords import check_keywords
from si_core.memory.training import train_shown
from si_core.recipes.loader import load_recipe

__all__ = ["DEFAULTS", "fit"]

DEFAULTS: Mapping[str, Any] = {
    "train": {
        "steps": 2000,
        "batch": 256,
        "optimizer": {"use": "adam", "lr": 2e-3},
        "schedule": {"use": "cosine", "warmup": 50},
    },
    "report": False,
}
"""What a recipe in memory says where nothing else is said: some ten columns take half a minute on a core."""


def fit(
    X: Any,
    *,
    source: Any = None,
    coupling: Any = None,
    condition: Any = None,
    network: Any = None,
    steps: int | None = None,
    names: Sequence[str] | None = None,
    held_out: float = 0.1,
    missing: str | None = None,
    standardise: bool = True,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
    recipe: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    device: str | torch.device | Runtime = "cpu",
    seed: int | None = None,
    progress: bool | None = None,
    **sections: Any,
) -> Fitted:
    """Fit a generative model to data in memory.

    It is the recipe that a file would hold, put together and trained by the same code: the same data, options and seed
    give the same digits.

    Args:
        X: the target: rows (n, ...) of any dtype and units, as an array, a tensor, a data frame of pandas or polars,
            or lists; or endless: a :class:`si_core.Distribution`, a function ``X(n, generator)`` that gives n rows, or
            the name of a distribution.
        source: where the process starts, in any of these forms; a standard normal where it is left out. Rows of both
            ends are put into common units.
        coupling: how draws of the two are paired, such as ``"optimal-transport"``; independently where left out.
        condition: what belongs to the rows: values by name, ``{"species": names, "dose": d, "scan": images}``; the
            values of one condition; or names of columns of X, which are then no data. Text, truth values and whole
            numbers are classes, other numbers are values.
        network: a name, a mapping of a name and options, or a module of one's own, ``forward(t, x)`` or
            ``forward(t, x, condition=None)``, trained in place (:mod:`si_core.models.own_network`).
        steps: of training.
        names: of the columns of a table without names; of a frame, the columns to take.
        held_out: the fraction of the rows kept from training, for losses and estimates.
        missing: what to do with rows that lack something, as for the distribution ``array``.
        standardise: whether columns get mean 0 and variance 1 in the model; samples are in the data's units anyway.
        bounds: between which columns lie, by name, or by number in a table without names:
            ``{"age": (0, None), "share": (0, 1)}``, None for no bound. Every sample lies within, and rows of a source
            must as well.
        recipe: whatever else a recipe says. A mapping is laid over the defaults here; a file or the name of a built-in
            recipe, or a mapping with ``extends``, stands on its own. What is said above wins.
        device: where to train, ``auto`` for a CUDA device where there is one; or a runtime.
        seed: of all randomness; that of the recipe, or 0, where it is left out.
        progress: whether to show a bar; None where somebody looks.
        sections: further keys of a recipe: ``latent="brownian"`` with ``sample={"epsilon": 0.5}``, ``callbacks=[...]``.
            Names, options and objects in memory may stand there alike.

    Returns:
        The model, which samples in the form of the data. After Ctrl-C it is what was trained so far, with a warning.

    Raises:
        DataError: data that can't be used.
        UsageError: an unknown keyword argument.
        RecipeError, UsageError: parts that don't exist, or don't fit together; positions are keys.
        NumericsError: a loss or a gradient is not finite.
    """
    check_keywords(sections, [name for name in inspect.signature(fit).parameters if name not in ("X", "sections")])
    runtime = Runtime.at(device)
    options = RowOptions(held_out, 0, standardise, missing, _precision(network), bounds)
    ends = read_ends(X, source, condition, None if names is None else list(names), options)
    own = {key: value for key, value in sections.items() if value is not None}
    given = {"target": ends.target, "source": ends.source, "coupling": coupling, "network": network}
    own |= {key: value for key, value in given.items() if value is not None}
    own |= {key: value for key, value in (("seed", seed), ("train.steps", steps)) if value is not None}
    alone = recipe is not None and (not isinstance(recipe, Mapping) or "extends" in recipe)
    if not alone:
        own = {**(recipe or {}), **own}  # type: ignore[dict-item]
        if "source" not in own and not _starts_from_target(own.get("coupling")):
            own["source"] = "si-distributions/gaussian"
    base: Any = recipe if alone else DEFAULTS
    return Fitted(train_shown(load_recipe(base, own), runtime, progress), ends.layout)


def _starts_from_target(coupling: Any) -> bool:
    """Whether a coupling has no source beside the target."""
    name = coupling.get("use") if isinstance(coupling, Mapping) else coupling
    if not isinstance(name, str):
        return isinstance(name, Coupling) and starts_from_target(name)
    try:
        return starts_from_target(load("coupling", name))
    except SIError:
        return False  # what is wrong with it is told with its key


def _precision(network: Any) -> str:
    """The precision of the data: that of a module of one's own, single where there is none."""
    module = network.get("use") if isinstance(network, Mapping) else network
    if not isinstance(module, nn.Module):
        return "float32"
    first = next((p for p in module.parameters() if p.is_floating_point()), None)
    return "float64" if first is not None and first.dtype == torch.float64 else "float32"
