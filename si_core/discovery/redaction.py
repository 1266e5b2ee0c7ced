"""Texts of strangers without what gives access: their errors may quote the key or the address they connected with."""

from __future__ import annotations

import os
import re

__all__ = ["redacted"]

_MARK = "***"
_SECRET = re.compile(r"KEY(_ID)?$|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_SHORTEST = 6
"""Shorter values of variables are words such as ``true``, which stand in texts for other reasons."""

_IN_URL = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)
_NAMED = re.compile(
    r"""(\b[\w-]*(?:key|token|secret|passw(?:or)?d|credentials?|authorization)["']?\s*[:=]\s*["']?"""
    r"""(?:(?:bearer|basic)\s+)?)[^\s"'&;,)}\]]+""",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(\b(?:bearer|basic)\s+)[\w.+/=~-]{8,}", re.IGNORECASE)


def redacted(text: str) -> str:
    """The text with ``***`` for the values of secret environment variables, users in URLs, and ``key=value`` pairs.

    A variable is taken for secret by its name (``..._KEY``, ``..._TOKEN``, ``...PASSWORD`` and the like).
    """
    secrets = [value for name, value in os.environ.items() if len(value) >= _SHORTEST and _SECRET.search(name)]
    for value in sorted(secrets, key=len, reverse=True):
        text = text.replace(value, _MARK)
    text = _IN_URL.sub(rf"\1{_MARK}@", text)
    text = _NAMED.sub(rf"\1{_MARK}", text)
    return _BEARER.sub(rf"\1{_MARK}", text)
