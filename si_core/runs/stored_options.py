"""Options of a component that were measured on a trained model, kept in the run's folder beside it.

The file is strict JSON: ``{"use": "distribution/name", "options": {...}}``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from si_core.discovery.lookup import find
from si_core.errors import StorageError, UsageError
from si_core.storage.atomic import write_atomic
from si_core.storage.own_files import read_own
from si_core.storage.strict_json import format_json, parse_json

__all__ = ["keep_options", "stored_component"]

Stored = TypeVar("Stored")


def keep_options(path: Path, kind: str, name: str, options: dict[str, Any]) -> None:
    """Write the options of the component of this kind and name."""
    use = find(kind, name).qualified
    write_atomic(path, format_json({"use": use, "options": options}, str(path), indent=2))


def stored_component(path: Path, kind: str, name: str, build: Callable[..., Stored], fix: str) -> Stored | None:
    """The component of this name as :func:`keep_options` kept it; None for another, or where there is no file.

    Args:
        path: the file.
        kind: the kind of the component.
        name: its name.
        build: makes it from its options.
        fix: what to do where the file is damaged.

    Raises:
        StorageError: the file is damaged.
    """
    if not path.is_file():
        return None
    record = parse_json(read_own(path), str(path))
    if not isinstance(record, dict) or not isinstance(record.get("options"), dict):
        raise StorageError("damaged", where=str(path), got="no options", fix=fix)
    if record.get("use") != find(kind, name).qualified:
        return None
    try:
        return build(**record["options"])
    except UsageError as error:
        raise StorageError("damaged", where=str(path), got=str(error), fix=fix) from error
