"""Other libraries, each imported only where it is asked for, and left out by name where it is not installed."""

from __future__ import annotations

import importlib
from functools import cache
from importlib import metadata

__all__ = ["DISTRIBUTIONS", "installed", "versions"]

DISTRIBUTIONS = {
    "torchdiffeq": "torchdiffeq",
    "torchsde": "torchsde",
    "flow_matching": "flow-matching",
    "torchcfm": "torchcfm",
    "azula": "azula",
}
"""The distribution that brings each importable package."""


@cache
def installed(package: str) -> bool:
    """Whether a peer can be imported: one that lacks a dependency of its own is absent too."""
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


def versions() -> dict[str, str]:
    """The version of each peer, or ``absent``."""
    return {
        package: metadata.version(distribution) if installed(package) else "absent"
        for package, distribution in DISTRIBUTIONS.items()
    }
