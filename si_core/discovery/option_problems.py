"""What is wrong with the options of a component, in words: one problem a key.

pydantic reports one error for every branch of a union, with the branch's name in the path. Here errors are brought
back to the keys that the user wrote, the deepest one that explains the error, and what is allowed there is told from
the schema, with its whole range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from si_core.discovery.schema_text import allowed_at, choices_at
from si_core.discovery.suggest import did_you_mean

__all__ = ["OptionProblem", "problems_from", "shown"]


@dataclass(frozen=True)
class OptionProblem:
    """One wrong, unknown or missing option.

    Args:
        path: keys and list positions that lead to it, such as ``("widths", 2)``.
        problem: what is wrong, in one sentence.
        got: the value found with its type; None for a missing option.
        allowed: what is allowed there.
        fix: what to write instead, if that is known.
    """

    path: tuple[str | int, ...]
    problem: str
    got: str | None = None
    allowed: str | None = None
    fix: str | None = None

    def __str__(self) -> str:
        details = (("got", self.got), ("allowed", self.allowed), ("fix:", self.fix))
        text = "; ".join(f"{label} {detail}" for label, detail in details if detail is not None)
        return f"{self.problem} ({text})" if text else self.problem


def problems_from(errors: Sequence[Any], options: Mapping[str, Any], schema: Mapping[str, Any]) -> list[OptionProblem]:
    """Return pydantic's ``errors`` about ``options`` as problems, one for each place.

    Args:
        errors: of ``ValidationError.errors()``.
        options: the values that were checked.
        schema: JSON schema of the options.
    """
    placed = [(_path_of(error, options), error) for error in errors]
    deepest = [
        (path, error)
        for path, error in placed
        if not any(len(other) > len(path) and other[: len(path)] == path for other, _ in placed)
    ]
    found: dict[tuple[str | int, ...], OptionProblem] = {}
    for path, error in deepest:
        if path not in found:
            found[path] = _problem(path, error, options, schema)
    return list(found.values())


def shown(value: object) -> str:
    """Return a value with its type as a user may have written it, cut to 80 characters."""
    names = {bool: "bool", int: "int", float: "float", str: "text", list: "list", dict: "mapping", type(None): "null"}
    kind = names.get(type(value), type(value).__name__)
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else _cut(value)
    return "null" if value is None else f"{text} ({kind})"


def _cut(value: object) -> str:
    if isinstance(value, int) and abs(value) >= 10**40:  # Python refuses to print integers of thousands of digits
        return f"an integer of {value.bit_length()} bits"
    try:
        text = repr(value)
    except Exception as error:  # a value in a call may be any object, with any repr
        return f"a value without text ({type(error).__name__})"
    return text if len(text) <= 80 else text[:77] + "..."


def _path_of(error: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Return the location of an error without the names of union branches in it."""
    path: list[str | int] = []
    value: Any = options
    for step in error["loc"]:
        inside_map = isinstance(value, Mapping) and step in value
        inside_list = isinstance(value, list | tuple) and isinstance(step, int) and step < len(value)
        if inside_map or inside_list:
            value = value[step]
            path.append(step)
    if error["type"] == "missing" and len(error["loc"]) == 1:
        path.append(error["loc"][0])
    return tuple(path)


def _problem(
    path: tuple[str | int, ...], error: Mapping[str, Any], options: Mapping[str, Any], schema: Mapping[str, Any]
) -> OptionProblem:
    name = _dotted(path)
    known = list(schema.get("properties", {}))
    if error["type"] == "extra_forbidden" and len(path) == 1:
        return OptionProblem(
            path,
            f"unknown option {name!r}",
            allowed=", ".join(known) or "no options",
            fix=did_you_mean(str(path[0]), known),
        )
    allowed = allowed_at(path, schema) or str(error["msg"])
    if error["type"] == "missing" and path[0] not in options:
        description = schema["properties"].get(path[0], {}).get("description")
        return OptionProblem(
            path, f"option {name!r} is missing", allowed=allowed, fix=f"add {name}: {description or allowed}"
        )
    value: Any = options
    for step in path:
        value = value[step]
    advice = did_you_mean(value, choices_at(path, schema)) if isinstance(value, str) else None
    message = f": {error['ctx']['error']}" if error["type"] == "value_error" and "error" in error.get("ctx", {}) else ""
    return OptionProblem(path, f"wrong value of option {name!r}{message}", shown(value), allowed, advice)


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
