"""Values of plain YAML scalars: the core schema of YAML 1.2 (section 10.3.2), nothing else.

``1e-3`` is a number, ``yes``, ``on``, ``1_000`` and ``12:30`` are text, ``010`` is ten, ``0o10`` and ``0x8`` are eight.
``.inf`` and ``.nan`` are read as numbers, so that the checks after this can refuse them with words.
"""

from __future__ import annotations

import re

from si_core.recipes import limits

__all__ = ["Value", "scalar"]

Value = None | bool | int | float | str

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = {".nan", ".NaN", ".NAN"}


def scalar(text: str) -> Value:
    """The value of a plain (unquoted) scalar.

    Raises:
        ValueError: a number of more digits than :data:`si_core.recipes.limits.DIGITS`, in words for the user.
    """
    if text in _NULL:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    # Only these can start a number; everything else is text without a look at five patterns.
    if text[0] not in "+-.0123456789":
        return text
    if text in _NAN:
        return float("nan")
    if _INFINITE.fullmatch(text):
        return float("-inf") if text[0] == "-" else float("inf")
    for pattern, base in ((_DECIMAL, 10), (_OCTAL, 8), (_HEX, 16)):
        if pattern.fullmatch(text):
            _cap(text)
            return int(text[2:] if base != 10 else text, base)
    if _FLOAT.fullmatch(text):
        _cap(text)
        return float(text)
    return text


def _cap(text: str) -> None:
    digits = len(text.lstrip("+-"))
    if digits > limits.DIGITS:
        raise ValueError(f"a number of {digits} digits, where at most {limits.DIGITS} are read")
