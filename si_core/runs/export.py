"""Exporting: a model to a folder that an exporter fills, which is there whole or not at all.

``export.json`` beside the exporter's files names each with its SHA-256: by it an earlier export is known, which alone
is replaced, and a folder is told to be as it was written.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from si_core.contract.exporter import Exporter, RunRecords
from si_core.errors import PluginError, StorageError
from si_core.models.model import Model
from si_core.storage.atomic import write_atomic
from si_core.storage.new_folder import new_folder
from si_core.storage.own_files import read_own
from si_core.storage.strict_json import format_json, parse_json

__all__ = ["LISTING", "export_model"]

LISTING = "export.json"
_FORMAT = 1


def export_model(
    model: Model,
    folder: Path,
    exporter: Exporter,
    name: str,
    records: RunRecords | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write a model by an exporter.

    Args:
        model: the model.
        folder: where to: new or empty, or with ``overwrite`` an earlier export.
        exporter: the exporter.
        name: its name, for the listing.
        records: what is known of the model's run.
        overwrite: whether to replace an earlier export.

    Returns:
        The files.

    Raises:
        StorageError: the folder is in use, or can't be written.
        UsageError: a model that the exporter has no words for.
        PluginError: the exporter says it wrote what is not there.
    """
    _check_free(folder, overwrite)
    with new_folder(folder) as temporary:
        files = exporter.export(model, temporary, records or RunRecords())
        missing = [path.name for path in files if not path.is_file() or not path.is_relative_to(temporary)]
        if missing or not files:
            raise PluginError("it says it wrote what is not there", where=name, got=", ".join(missing) or "no file")
        digests = {path.relative_to(temporary).as_posix(): _digest(path) for path in files}
        listing = {"format": _FORMAT, "exporter": name, "files": digests}
        write_atomic(temporary / LISTING, format_json(listing, LISTING, indent=2))
    return [folder / path.relative_to(temporary) for path in files]


def _check_free(folder: Path, overwrite: bool) -> None:
    """Refuse a folder with anything in it but an earlier export that is to be replaced."""
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if not there:
        return
    if not overwrite:
        raise StorageError(
            "the folder is not empty",
            where=str(folder),
            allowed="a new or empty folder",
            fix="choose another one, or replace an earlier export by --overwrite",
        )
    listing: Any = parse_json(read_own(folder / LISTING), str(folder / LISTING)) if LISTING in there else None
    known = listing.get("files") if isinstance(listing, dict) else None
    strange = sorted(there - {LISTING, *known}) if isinstance(known, dict) else sorted(there)
    if strange:
        raise StorageError(
            "only an earlier export is replaced, and this folder holds other files",
            where=str(folder),
            got=", ".join(strange[:5]),
            fix="choose another folder",
        )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
