"""Options of a component that were measured on a trained model, kept in the run's folder beside it.

The file is strict JSON: ``{"use": name, "options": {...}}``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from si_core.errors import StorageError
from si_core.runs.atomic import write_atomic
from si_core.runs.strict_json import format_json, parse_json

__all__ = ["damaged", "keep_options", "kept_options"]


def keep_options(path: Path, name: str, options: dict[str, Any]) -> None:
    """Write the options of the component of this name."""
    write_atomic(path, format_json({"use": name, "options": options}, str(path), indent=2))


def kept_options(path: Path, name: str, fix: str) -> dict[str, Any] | None:
    """What :func:`keep_options` wrote for a component of this name; None for another, or where there is no file.

    Raises:
        StorageError: the file is damaged; ``fix`` says what then.
    """
    if not path.is_file():
        return None
    record = parse_json(path.read_bytes(), str(path))
    if not isinstance(record, dict) or not isinstance(record.get("options"), dict):
        raise damaged(path, "no options", fix)
    options: dict[str, Any] = record["options"]
    return options if record.get("use") == name else None


def damaged(path: Path, got: str, fix: str) -> StorageError:
    """The error of a file whose options can't be used."""
    return StorageError("damaged", where=str(path), got=got, fix=fix)
