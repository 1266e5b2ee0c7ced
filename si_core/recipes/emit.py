"""Plain data as YAML text that reads back to equal data: every float exact, every text the same text.

The output is deterministic, and within what YAML 1.1 readers understand alike (``1.0e-05``, ``'yes'``).
"""

from __future__ import annotations

import json
import re
from typing import Any

from si_core.recipes.scalars import scalar

__all__ = ["emit", "inline"]

_WIDTH = 110
_SAFE = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*( [A-Za-z0-9_./()-]+)*")
_OTHER_BOOLS = {"y", "n", "yes", "no", "on", "off"}
_ESCAPED = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def emit(data: dict[str, Any]) -> str:
    """The mapping as a block document; what fits on a line is written inline.

    Raises:
        ValueError: an infinite number or NaN, or a type YAML's core schema lacks.
    """
    return "".join(f"{line}\n" for key, value in data.items() for line in _lines(key, value))


def inline(value: Any) -> str:
    """The value in one line, lists and mappings in brackets."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _float(float(value))
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    raise ValueError(f"a {type(value).__name__} can't be written to a recipe")


def _lines(key: str, value: Any) -> list[str]:
    """``key: value`` as lines of a block mapping."""
    head = f"{_text(key)}:"
    line = f"{head} {inline(value)}"
    if len(line) <= _WIDTH or not value or not isinstance(value, dict | list | tuple):
        return [line]
    return [head, *(f"  {line}" for line in _block(value))]


def _block(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in _lines(key, item)]
    lines = []
    for item in value:
        line = f"- {inline(item)}"
        if len(line) <= _WIDTH or not item or not isinstance(item, dict | list | tuple):
            lines.append(line)
        else:
            first, *rest = _block(item)
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
    return lines


def _float(value: float) -> str:
    if value - value != 0.0:
        raise ValueError(f"{value} is no finite number")
    text = repr(value)
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}"


def _text(text: str) -> str:
    if _SAFE.fullmatch(text) and text.lower() not in _OTHER_BOOLS and isinstance(scalar(text), str):
        return text
    return _ESCAPED.sub(lambda found: _escape(found[0]), json.dumps(text, ensure_ascii=False))


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
