"""What the bits of samples depend on: the request that a process which goes on must have in common with the first."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from si_core.discovery.lookup import find
from si_core.errors import owned
from si_core.models.blocks import Blocks
from si_core.models.model import Model
from si_core.runs.digests import digest_of
from si_core.runs.directory import RunDirectory
from si_core.runs.environment import environment

__all__ = ["model_request", "sample_request"]

_LAYOUT = "layout.json"
_DEEP = 4
"""How far into parts of parts guidance is looked at."""


def sample_request(
    directory: RunDirectory, blocks: Blocks, options: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> dict[str, Any]:
    """The request for samples as plain data.

    Args:
        directory: of the model.
        blocks: the samples.
        options: as they were given, and the format.
        tensors: what was given of conditions and points to start from, by name.

    Raises:
        StorageError: a file of the model can't be read.
    """
    asked = {"samples": blocks.n, "seed": blocks.seed, "block": blocks.size, "exact": blocks.exact}
    return model_request(directory, blocks.model, asked, options, tensors)


def model_request(
    directory: RunDirectory,
    model: Model,
    asked: Mapping[str, Any],
    options: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
) -> dict[str, Any]:
    """A request for anything that is drawn from the model of a run, as plain data.

    What is drawn is equal to the bit for equal files of the model, options, inputs and environment
    (:mod:`si_core.runs.environment`), so all of these are in it.

    Args:
        directory: of the model.
        model: the model, as it samples.
        asked: how many of what, and the seed.
        options: as they were given, and the format.
        tensors: what was given of conditions and points to start from, by name.

    Raises:
        StorageError: a file of the model can't be read.
    """
    files = (
        directory.resolved, directory.model, directory.frame, directory.diffusion, directory.clock,
        directory.path / _LAYOUT,
    )  # fmt: skip
    return {
        **asked,
        "device": str(model.device),
        "integrator": owned(model.integrator),
        "options": {name: value for name, value in options.items() if value is not None},
        "given": {name: _digest(tensor) for name, tensor in tensors.items()},
        "guidance": [_contents(each) for each in model.guidance],
        "model": {path.name: digest_of(path) for path in files if path.is_file()},
        "environment": _environment(model),
    }


def _environment(model: Model) -> dict[str, Any]:
    chosen = [] if model.recipe is None else model.recipe.selections()
    found = environment(components=[find(each.kind, each.qualified) for each in chosen if not each.in_memory])
    # Names of systems and of Python change with every update, and no number with them.
    return {name: found[name] for name in ("machine", "torch", "distributions")}


def _digest(tensor: Tensor) -> str:
    digest = hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
    digest.update(tensor.contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()


def _contents(value: object, depth: int = _DEEP) -> Any:
    """What guidance consists of, as plain data: the options that it keeps, with what is in the files that they name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        return _digest(value.detach().double())
    if isinstance(value, Path):
        files = [value] if value.is_file() else [RunDirectory(value).model, RunDirectory(value).resolved]
        return [str(value), *(digest_of(path) for path in files if path.is_file())]
    if isinstance(value, list | tuple):
        return [_contents(each, depth) for each in value]
    # A function is told by its name, anything else by what it keeps for people to see.
    named = getattr(value, "__qualname__", None)
    if named is not None or depth == 0 or not hasattr(value, "__dict__"):
        return str(named or type(value).__qualname__)
    own = {name: each for name, each in sorted(vars(value).items()) if not name.startswith("_")}
    return {type(value).__qualname__: {name: _contents(each, depth - 1) for name, each in own.items()}}
