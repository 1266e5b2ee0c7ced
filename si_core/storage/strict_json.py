"""JSON that means one thing: no equal keys, no NaN, no value that comes back as another.

The files of a run may be damaged or come from a stranger. Python's reader keeps the last of two equal keys, accepts
``NaN`` and turns ``{1: ...}`` into ``{"1": ...}`` on writing; here each of these is an error.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from si_core.errors import StorageError

__all__ = ["format_json", "parse_json"]


def format_json(value: Any, where: str, indent: int | None = None) -> bytes:
    """``value`` as UTF-8 JSON with a final newline; :func:`parse_json` gives an equal value back.

    Raises:
        StorageError: a value JSON does not hold: a tensor, a tuple, a key that is no text, a number that is not finite.
    """
    problem = "a value can't be stored as JSON"
    allowed = "dicts with text keys, lists, text, finite numbers, true, false, null"
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, indent=indent)
        data = text.encode()
        same = json.loads(text) == value
    except (TypeError, ValueError, RecursionError) as error:
        raise StorageError(problem, where=where, got=str(error), allowed=allowed) from error
    if not same:
        raise StorageError(problem, where=where, got="a tuple or a key that is no text", allowed=allowed)
    return data + b"\n"


def parse_json(data: bytes, where: str, limit: int = 64 << 20) -> Any:
    """The value of JSON text in UTF-8 of at most ``limit`` bytes.

    Raises:
        StorageError: text that is too long, no JSON, nested too deeply, or holds equal keys or NaN.
    """
    if len(data) > limit:
        raise StorageError("too much JSON", where=where, got=f"{len(data)} bytes", allowed=f"at most {limit} bytes")
    try:
        return json.loads(data.decode(), object_pairs_hook=_distinct, parse_constant=_no_constant)
    except RecursionError as error:
        raise StorageError("not valid JSON", where=where, got="nesting without end") from error
    except ValueError as error:
        raise StorageError("not valid JSON", where=where, got=str(error)) from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:80]!r} stands twice")
    return result


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"the number {name}")
