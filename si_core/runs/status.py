"""STATUS.json: one glance at a run, for people and for programs that watch it.

It is written whole or not at all. A run that was killed leaves ``running`` behind; whether it lives, the lock says.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from si_core.errors import StorageError
from si_core.runs.private_paths import without_private_paths
from si_core.storage.atomic import storage_error, write_atomic
from si_core.storage.own_files import read_own
from si_core.storage.strict_json import format_json, parse_json

__all__ = ["State", "Status", "read_status", "write_status"]

State = Literal["running", "finished", "interrupted", "failed"]


@dataclass(frozen=True)
class Status:
    """How a run stands.

    Args:
        state: running, finished, interrupted (by a signal, after saving) or failed.
        step: training steps done.
        started: UTC time of the first start, ISO 8601; empty: the time of the first write.
        updated: UTC time of the last write; set by :func:`write_status`.
        exit_code: of the program; None while it runs.
        message: what a person should know, such as the error; written without private paths.
    """

    state: State
    step: int = 0
    started: str = ""
    updated: str = ""
    exit_code: int | None = None
    message: str = ""


def write_status(path: Path, status: Status) -> Status:
    """Write ``status`` to ``path`` with the present time, and return what was written.

    Raises:
        StorageError: the file can't be written; the old one is intact.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    status = replace(status, started=status.started or now, updated=now)
    status = replace(status, message=without_private_paths(status.message, path.parent))
    write_atomic(path, format_json(asdict(status), str(path), indent=2))
    return status


def read_status(path: Path) -> Status:
    """The status in ``path``.

    Raises:
        StorageError: no such file, or not a status.
    """
    try:
        data = read_own(path)
    except OSError as error:
        raise storage_error(path, error) from error
    value: Any = parse_json(data, str(path), limit=1 << 20)
    if not isinstance(value, dict) or set(value) != set(Status.__dataclass_fields__):
        raise StorageError(
            "not a status", where=str(path), allowed=f"the keys {', '.join(Status.__dataclass_fields__)}"
        )
    if value["state"] not in get_args(State):
        raise StorageError(
            "unknown state", where=str(path), got=repr(value["state"]), allowed=", ".join(get_args(State))
        )
    return Status(**value)
