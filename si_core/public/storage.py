"""Files that are whole or not there, arrays that anybody wrote, strict JSON, and the lock of a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from si_core.discovery.late import late
from si_core.storage.atomic import storage_error, write_atomic
from si_core.storage.lock import RunLock
from si_core.storage.metrics import read_metrics
from si_core.storage.new_folder import new_folder
from si_core.storage.own_files import make_own_folder
from si_core.storage.strict_json import format_json, parse_json

if TYPE_CHECKING:
    from si_core.storage.array_file import load_array

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

# numpy takes its time, and not every tool reads arrays.
__getattr__ = late(__name__, {"load_array": "si_core.storage.array_file"})
