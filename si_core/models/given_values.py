"""Conditions in recipes and on the command line: values too large to write are named by a ``.npy`` file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from si_core.errors import DataError, UsageError
from si_core.models.model import Model
from si_core.storage.array_file import load_array

__all__ = ["given_values"]


def given_values(model: Model, given: Any) -> Any:
    """What was given, with the files of values, or of the names of classes, read.

    Args:
        model: whose conditions they are.
        given: as for :meth:`si_core.Model.conditions`; a text for values, and one with ``.npy`` that is no class,
            is the path of a file.

    Raises:
        UsageError: a text that is neither a number nor a .npy file.
        DataError: a file that is missing, no file that ends, damaged, or holds Python objects.
    """
    specs = model.process.conditions
    if isinstance(given, Mapping):
        return {
            name: _read(name, value) if _is_file(specs.get(name), value) else value for name, value in given.items()
        }
    name, only = next(iter(specs.items())) if len(specs) == 1 else ("", None)
    return _read(name, given) if _is_file(only, given) else given


def _is_file(spec: Any, value: Any) -> bool:
    if spec is None or not isinstance(value, str):
        return False
    # A class may have any name, also that of a file.
    return spec.classes is None or (value not in spec.classes and Path(value).suffix == ".npy")


def _read(name: str, path: str) -> Any:
    if Path(path).suffix != ".npy":
        raise UsageError(
            f"the condition {name!r} has values: numbers, or a .npy file of them",
            got=repr(path)[:80],
            fix="numpy.save(path, values)",
        )
    return load_array(path, DataError, fix="save a plain array: numpy.save(path, values)")
