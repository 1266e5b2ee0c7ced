"""Numbers and mappings as text: measured values, single values, and recipes.

A recipe is written as YAML that loads back to the same values, under YAML 1.1 as well as 1.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import floor, isfinite, log10
from numbers import Integral, Real
from typing import Any

__all__ = ["inline", "measured", "outline", "scalar", "short"]

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./()-]+)*")
_RESERVED = re.compile(r"(?i)null|true|false|yes|no|on|off|y|n")
_WIDTH = 100


def measured(value: Any, error: Any) -> str:
    """Write a value with its standard error to two digits of the error: ``1.2346 ± 0.0021``."""
    if not _real(value):
        return short(value)
    if not _real(error) or not isfinite(error) or error <= 0 or not isfinite(value):
        return short(value)
    digits = 1 - floor(log10(error))
    if not -6 <= digits <= 8:
        return f"{value:.6g} ± {error:.1e}"
    return f"{round(value, digits):.{max(digits, 0)}f} ± {round(error, digits):.{max(digits, 0)}f}"


def short(value: Any) -> str:
    """Write any value in little room: six digits of a number, the first items of a list."""
    if _real(value) and not isinstance(value, Integral):
        return f"{float(value):.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {short(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        items = ", ".join(short(item) for item in value[:8])
        return f"[{items}, … {len(value)} in all]" if len(value) > 8 else f"[{items}]"
    return "not known" if value is None else str(value)


def scalar(value: Any) -> str:
    """Write one value as YAML."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Integral):
        return str(int(value))
    if _real(value):
        return _float(float(value))
    text = str(value)
    if _PLAIN.fullmatch(text) and not _RESERVED.fullmatch(text):
        return text
    return _quoted(text)


def inline(value: Any) -> str:
    """Write any value as YAML in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    return scalar(value)


def outline(value: Any, indent: int = 0) -> str:
    """Write a mapping as YAML; short lists and maps stay on one line."""
    pad = "  " * indent
    lines: list[str] = []
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            flat = inline(item)
            nested = isinstance(item, Mapping | list | tuple) and len(item) > 0
            if not nested or ((indent > 0 or not isinstance(item, Mapping)) and len(flat) + len(pad) < _WIDTH):
                lines.append(f"{pad}{scalar(key)}: {flat}")
            else:
                lines += [f"{pad}{scalar(key)}:", outline(item, indent + 1)]
    elif isinstance(value, list | tuple) and value:
        for item in value:
            body = outline(item, indent + 1) if len(inline(item)) + len(pad) >= _WIDTH else f"{pad}  {inline(item)}"
            lines.append(f"{pad}- {body[len(pad) + 2 :]}")
    else:
        lines.append(pad + inline(value))
    return "\n".join(lines)


def _quoted(text: str) -> str:
    # JSON leaves characters as they are that YAML refuses or takes for line breaks
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)


def _float(value: float) -> str:
    if not isfinite(value):
        return ".nan" if value != value else ".inf" if value > 0 else "-.inf"
    text = repr(value)
    mantissa, mark, exponent = text.partition("e")
    # without a point, YAML 1.1 takes 1e-05 for a string
    if mark and "." not in mantissa:
        mantissa += ".0"
    return mantissa + mark + exponent


def _real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
