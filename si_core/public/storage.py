"""Files that are whole or not there, arrays that anybody wrote, strict JSON, and the lock of a folder."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from si_core.storage.atomic import storage_error, write_atomic
from si_core.storage.lock import RunLock
from si_core.storage.metrics import read_metrics
from si_core.storage.new_folder import new_folder
from si_core.storage.own_files import make_own_folder
from si_core.storage.strict_json import format_json, parse_json

if TYPE_CHECKING:
    from si_core.storage.array_file import load_array

_LATE = {"load_array": "si_core.storage.array_file"}
"""What is imported when it is asked for: numpy takes its time, and not every tool reads arrays."""

__all__ = [
    "RunLock",
    "format_json",
    "load_array",
    "make_own_folder",
    "new_folder",
    "parse_json",
    "read_metrics",
    "storage_error",
    "write_atomic",
]


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LATE[name]), name)
