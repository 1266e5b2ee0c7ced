"""Files that are whole or not there, arrays that anybody wrote, strict JSON, and the lock of a folder."""

from __future__ import annotations

from si_core.storage.array_file import load_array
from si_core.storage.atomic import storage_error, write_atomic
from si_core.storage.lock import RunLock
from si_core.storage.metrics import read_metrics
from si_core.storage.own_files import make_own_folder
from si_core.storage.strict_json import format_json, parse_json

__all__ = [
    "RunLock",
    "format_json",
    "load_array",
    "make_own_folder",
    "parse_json",
    "read_metrics",
    "storage_error",
    "write_atomic",
]
