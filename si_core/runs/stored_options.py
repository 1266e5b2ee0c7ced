"""Options of a component that were measured on a trained model, kept in the run's folder beside it.

The file is strict JSON: ``{"use": "distribution/name", "options": {...}, "recipe": {...}, "sha256": "..."}``. By the
recipe another run's options are known, as its weights are; by the SHA-256 of the rest a changed number is, which would
change samples without a word.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from si_core.discovery.lookup import find
from si_core.errors import StorageError, UsageError
from si_core.recipes.recipe import Recipe
from si_core.runs.resume import read_json
from si_core.runs.same_recipe import check_same_recipe, kept_recipe
from si_core.storage.atomic import write_atomic
from si_core.storage.own_files import read_own
from si_core.storage.strict_json import format_json

__all__ = ["keep_options", "signed", "stored_component"]

_RUN = ["SHA256SUMS"]
_LISTINGS = (*_RUN, "export.json")
_SUM = "sha256"
Stored = TypeVar("Stored")


def signed(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the SHA-256 of what it says."""
    rest = {key: value for key, value in record.items() if key != _SUM}
    return {**rest, _SUM: hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()}


def keep_options(path: Path, kind: str, name: str, options: dict[str, Any], recipe: Recipe | None) -> None:
    """Write the options of the component of this kind and name, as measured on a model of a recipe."""
    kept = None if recipe is None else kept_recipe(recipe)
    record = signed({"use": find(kind, name).qualified, "options": options, "recipe": kept})
    write_atomic(path, format_json(record, str(path), indent=2))


def stored_component(
    path: Path, kind: str, name: str, recipe: Recipe | None, build: Callable[..., Stored], fix: str
) -> Stored | None:
    """The component of this name as :func:`keep_options` kept it; None for another, or where none was ever kept.

    Args:
        path: the file.
        kind: the kind of the component.
        name: its name.
        recipe: that of the run.
        build: makes it from its options.
        fix: what to do where the file is damaged, and no listing of the folder names it.

    Raises:
        StorageError: the file is damaged, of another run, or gone though the folder's listing names it.
    """
    listed = [listing for listing in _LISTINGS if _names(path.with_name(listing), path.name)]
    if listed:  # without it the folder samples otherwise than it did
        fix = "put it back, or " + ("go on with the run: --resume makes it again" if listed == _RUN else "export again")
    if not path.is_file():
        if listed:
            raise StorageError("what was measured on the model is missing", where=str(path), got="no file", fix=fix)
        return None
    try:
        record = read_json(path)
    except StorageError as error:
        raise StorageError(error.problem, where=error.where, got=error.got, fix=error.fix or fix) from error
    if not isinstance(record, dict) or not isinstance(record.get("options"), dict):
        raise StorageError("damaged", where=str(path), got="no options", fix=fix)
    if signed(record)[_SUM] != record.get(_SUM):
        raise StorageError("damaged: wrong checksum", where=str(path), got=f"{_SUM}: {record.get(_SUM)}", fix=fix)
    if recipe is not None:
        check_same_recipe(record.get("recipe"), recipe, str(path), fix)
    if record.get("use") != find(kind, name).qualified:
        return None
    try:
        return build(**record["options"])
    except UsageError as error:
        raise StorageError("damaged", where=str(path), got=str(error), fix=fix) from error


def _names(listing: Path, name: str) -> bool:
    return listing.is_file() and name.encode() in read_own(listing)
