"""What a run's folder, which may be a stranger's, keeps beside its weights: read only in the form it was written in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from si_core.contract.data import Bound
from si_core.errors import StorageError
from si_core.runs.resume import read_json

__all__ = ["read_environment", "read_estimates"]

_FIX = "put the file back, or remove it"


def read_estimates(path: Path) -> list[dict[str, Any]]:
    """The records of ``estimates.json``; none where there is no file.

    Raises:
        StorageError: the file can't be read, or is no list of estimates.
    """
    if not path.exists():
        return []
    found = read_json(path)
    if not isinstance(found, list) or not all(_is_estimate(record) for record in found):
        allowed = "a list of records with name, value, standard_error, bound, unit and details"
        raise StorageError("damaged: no estimates", where=str(path), allowed=allowed, fix=_FIX)
    return found


def read_environment(path: Path) -> dict[str, Any]:
    """What ``environment.json`` says; nothing where there is no file.

    Raises:
        StorageError: the file can't be read, or is no mapping.
    """
    if not path.exists():
        return {}
    found = read_json(path)
    if not isinstance(found, dict):
        raise StorageError("damaged: no environment", where=str(path), allowed="a mapping", fix=_FIX)
    return found


def _is_estimate(record: Any) -> bool:
    if not isinstance(record, dict):
        return False
    value, error, details = (record.get(key) for key in ("value", "standard_error", "details"))
    return (
        all(isinstance(record.get(key), str) for key in ("name", "unit"))
        and record.get("bound") in get_args(Bound)
        and _is_number(value)
        and (error is None or _is_number(error))
        and (details is None or isinstance(details, dict))
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e308
