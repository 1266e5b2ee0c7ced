"""State dicts as tensors and JSON: what optimizers, schedulers and averages keep, without pickle.

Such a state is a nest of dicts (with keys of text or numbers), lists, tuples, numbers and tensors. The tensors are
taken out under names like ``state.0.exp_avg``; the rest becomes JSON, in which every object is a tag::

    {"dict": [[key, value], ...]}   {"tuple": [...]}   {"tensor": name}   {"float": "inf" | "-inf" | "nan"}

and lists, text, finite numbers, true, false and null stand for themselves. The round trip is exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from si_core.errors import StorageError, one_line

__all__ = ["flatten_state", "stored_state", "unflatten_state"]

_DEPTH = 50
_WHERE, _STORED = "state to be stored", "stored state"


def flatten_state(state: Any) -> tuple[dict[str, torch.Tensor], Any]:
    """Split a nested state into tensors by name and a value for JSON.

    Raises:
        StorageError: a value of another type, or nesting deeper than 50.
    """
    tensors: dict[str, torch.Tensor] = {}
    return tensors, _encode(state, "", tensors, 0)


def unflatten_state(tensors: Mapping[str, torch.Tensor], value: Any) -> Any:
    """The state that :func:`flatten_state` split.

    Raises:
        StorageError: a tensor that is missing, or JSON that :func:`flatten_state` does not write.
    """
    return _decode(value, tensors, 0)


@contextmanager
def stored_state(where: str) -> Iterator[None]:
    """Say where a state stands that is not of the form in which whoever takes it wrote it.

    Args:
        where: its file.

    Raises:
        StorageError: it is of another form.
    """
    fix = "remove this checkpoint, so that an older one serves, or start a new run"
    try:
        yield
    except StorageError as error:
        if error.where != _STORED:
            raise
        raise StorageError(error.problem, where=where, got=error.got, fix=fix) from error
    except torch.OutOfMemoryError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise StorageError("a state of another form", where=where, got=one_line(error, 200), fix=fix) from error


def _encode(value: Any, path: str, tensors: dict[str, torch.Tensor], depth: int) -> Any:
    if depth > _DEPTH:
        raise StorageError("nested too deeply", where=_WHERE, got=path[:200], allowed=f"{_DEPTH} levels")
    if isinstance(value, torch.Tensor):
        name = path or "value"
        while name in tensors:  # the keys 0 and "0" read the same
            name += "'"
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, Mapping):
        pairs = [
            [_scalar(key, f"{path}: a key"), _encode(item, f"{path}.{key}" if path else str(key), tensors, depth + 1)]
            for key, item in value.items()
        ]
        return {"dict": pairs}
    if isinstance(value, list | tuple):
        items = [_encode(item, f"{path}.{i}" if path else str(i), tensors, depth + 1) for i, item in enumerate(value)]
        return {"tuple": items} if isinstance(value, tuple) else items
    return _scalar(value, path)


def _scalar(value: Any, path: str) -> Any:
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    if value is None or isinstance(value, bool | int | str):
        return value
    raise StorageError(
        "a value that can't be stored",
        where=_WHERE,
        got=f"{path or 'the state'}: {type(value).__name__}",
        allowed="dicts, lists, tuples, tensors, numbers, text, true, false, None",
    )


def _decode(value: Any, tensors: Mapping[str, torch.Tensor], depth: int) -> Any:
    if depth > 2 * _DEPTH:
        raise StorageError("nested too deeply", where=_STORED)
    if isinstance(value, list):
        return [_decode(item, tensors, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    try:
        ((tag, content),) = value.items()
        if tag == "tensor":
            return tensors[content]
        if tag == "float":
            return {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}[content]
        if tag == "tuple":
            return tuple(_decode(item, tensors, depth + 1) for item in content)
        if tag == "dict":
            return {_decode(key, tensors, depth + 1): _decode(item, tensors, depth + 1) for key, item in content}
    except (ValueError, KeyError, TypeError) as error:
        got = f"{type(error).__name__}: {error}"[:200]
        raise StorageError("not a state as si-core stores it", where=_STORED, got=got) from error
    raise StorageError("not a state as si-core stores it", where=_STORED, got=f"the tag {tag!r}"[:200])
