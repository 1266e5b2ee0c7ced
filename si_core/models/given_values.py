"""Conditions in recipes and on the command line: values too large to write are named by a ``.npy`` file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from si_core.contract.condition import ConditionSpec
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
            name: _read(name, value, specs[name]) if _is_file(specs.get(name), value) else value
            for name, value in given.items()
        }
    name, only = next(iter(specs.items())) if len(specs) == 1 else ("", None)
    return _read(name, given, only) if only is not None and _is_file(only, given) else given


def _is_file(spec: Any, value: Any) -> bool:
    if spec is None or not isinstance(value, str):
        return False
    # A class may have any name, also that of a file.
    return spec.classes is None or (value not in spec.classes and Path(value).suffix == ".npy")


def _read(name: str, path: str, spec: ConditionSpec) -> Any:
    if Path(path).suffix != ".npy":
        # Events (C, H, W) are pictures, and files of pictures have their channels last.
        mode = {1: "L", 3: "RGB"}.get(spec.shape[0]) if len(spec.shape) == 3 else None
        values = "values"
        if mode is not None:
            values = f"numpy.atleast_3d(PIL.Image.open('picture.png').convert('{mode}')).transpose(2, 0, 1)"
        raise UsageError(
            f"the condition {name!r} has values: numbers, or a .npy file of them",
            got=repr(path)[:80],
            allowed=spec.described(name),
            fix=f"numpy.save('values.npy', {values})",
        )
    return load_array(path, DataError, fix="save a plain array: numpy.save(path, values)")
