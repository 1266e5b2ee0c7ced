"""``frame.json``: what a model keeps of its ends, beside its weights.

Strict JSON, ``{"format": 1, "target": {"frame": {"shape", "shift", "scale", ...}, "conditions": {...}, ...}, ...}``:
see :func:`si_core.models.ends.kept_parts`. The weights know its SHA-256, so that no other frame is taken for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from si_core.errors import StorageError
from si_core.models.ends import Kept, kept_parts, stand_ins
from si_core.models.parts import build_selection
from si_core.process.process import StochasticInterpolant
from si_core.recipes.paths import all_paths
from si_core.recipes.recipe import Recipe
from si_core.storage.atomic import storage_error, write_atomic
from si_core.storage.own_files import read_own
from si_core.storage.strict_json import format_json, parse_json

__all__ = ["load_ends", "save_ends"]

_FORMAT = 1
_DTYPES = {"float32": torch.float32, "float64": torch.float64, "float16": torch.float16, "bfloat16": torch.bfloat16}


def save_ends(path: Path, process: StochasticInterpolant, dtype: torch.dtype) -> str:
    """Write what is kept of the ends of a process with states in a precision; returns the SHA-256 of the file.

    Raises:
        StorageError: the file can't be written.
    """
    data = format_json(
        {"format": _FORMAT, "dtype": str(dtype).removeprefix("torch."), **kept_parts(process)}, str(path), indent=1
    )
    write_atomic(path, data)
    return hashlib.sha256(data).hexdigest()


def load_ends(path: Path, recipe: Recipe, digest: str | None) -> Kept:
    """What a model keeps of its ends.

    Args:
        path: the file.
        recipe: that of the model, which says how to make the parts.
        digest: the SHA-256 that the model knows.

    Raises:
        StorageError: the file is missing, damaged or that of another model.
    """
    fix = "put the file back, or train the run again"
    try:
        data = read_own(path)
    except FileNotFoundError as error:
        raise StorageError("the units of the model are missing", where=str(path), got="no file", fix=fix) from error
    except OSError as error:
        raise storage_error(path, error) from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise StorageError("these are not the units of this model", where=str(path), got="another SHA-256", fix=fix)
    found = parse_json(data, str(path))
    if not isinstance(found, dict) or found.pop("format", None) != _FORMAT:
        raise StorageError("another format", where=str(path), allowed=f"format {_FORMAT}", fix=fix)

    def where(name: str) -> str:
        selection = getattr(recipe, name)
        files = ", ".join(all_paths(selection))
        return f"{recipe.where(name)}: {name} {selection.name}" + (f" of {files}" if files else "")

    dtype = _DTYPES.get(str(found.pop("dtype", None)))
    if dtype is None:
        raise StorageError("no precision of states", where=str(path), allowed=", ".join(_DTYPES), fix=fix)
    try:
        # No closure: models are pickled.
        return Kept(dtype, stand_ins(found, partial(_built, recipe, found), where))
    except StorageError as error:
        raise StorageError(error.problem, where=str(path), got=error.got, fix=fix) from error


def _built(recipe: Recipe, kept: Mapping[str, Any], name: str) -> object:
    """The part of a key that holds data, itself."""
    context = {"default_shape": tuple(kept["target"]["frame"]["shape"])} if name == "source" else {}
    return build_selection(recipe, name, getattr(recipe, name), **context)
