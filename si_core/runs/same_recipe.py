"""Whose a model or a checkpoint is: it keeps what of its recipe enters training, and another run's is refused.

Weights of equal shapes load without a word, whatever they were trained for. So beside them stands the resolved recipe
as plain data, without the keys that don't enter training and with the file's name alone of each path: equal wherever
the run is, and with nothing in it of whose machine that was. Data are told apart by their fingerprints.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from si_core.errors import StorageError
from si_core.recipes.differences import ABSENT, differences
from si_core.recipes.file_names import portable
from si_core.recipes.live import IN_MEMORY
from si_core.recipes.recipe import Recipe

__all__ = [
    "HARMLESS",
    "RESUMABLE",
    "check_same_recipe",
    "is_harmless",
    "kept_recipe",
    "kept_text",
    "parsed_recipe",
    "training_part",
]

_READING = ("source.workers", "source.cache", "target.workers", "target.cache")
"""How rows of data are read, which changes none (:attr:`si_core.Distribution.prefetch`)."""

HARMLESS = ("title", "meta", "sample", "estimators", "report", "train.keep", "train.checkpoint_every", *_READING)
"""Keys that don't enter training."""

RESUMABLE = (*HARMLESS, "train.on_nonfinite")
"""Those, and what says nothing of the steps taken: a run that stopped may go on without the step that stopped it."""

_SHOWN = 10


def is_harmless(key: str) -> bool:
    """Whether a dotted key may be another one when a run goes on: it, or one above, is of :data:`RESUMABLE`."""
    return any(key == known or key.startswith(f"{known}.") for known in RESUMABLE)


def training_part(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """A resolved recipe, as plain data, without the keys that don't enter training."""
    data = copy.deepcopy(dict(resolved))
    for key in HARMLESS:
        *sections, last = key.split(".")
        section: Any = data
        for name in sections:
            section = section.get(name) if isinstance(section, dict) else None
        if isinstance(section, dict):
            section.pop(last, None)
    return data


def kept_recipe(recipe: Recipe) -> dict[str, Any]:
    """What is kept of a recipe beside weights, as plain data of JSON."""
    kept: dict[str, Any] = json.loads(json.dumps(training_part(portable(recipe)), allow_nan=False))
    return kept


def kept_text(recipe: Recipe) -> str:
    """:func:`kept_recipe` as a text, equal for equal recipes."""
    return json.dumps(kept_recipe(recipe), sort_keys=True, separators=(",", ":"))


def parsed_recipe(text: str | None) -> Any:
    """The data of :func:`kept_text`; None for a text that is none of it."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None


def check_same_recipe(kept: object, recipe: Recipe, where: str, fix: str) -> None:
    """Refuse weights of another recipe than that of the run they are found in.

    Args:
        kept: what :func:`kept_recipe` gave when they were stored.
        recipe: that of the run.
        where: their file.
        fix: what to do about it.

    Raises:
        StorageError: another recipe, with the keys that differ; or none was kept.
    """
    if not isinstance(kept, dict):
        raise StorageError("whose weights these are is not recorded", where=where, got="no recipe", fix=fix)
    found = [f"{key}: {_short(before)} there, {_short(now)} here" for key, before, now in _changes(kept, recipe)]
    if found:
        rest = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        raise StorageError(
            "\n    ".join(["these are the weights of another run, by another recipe:", *found[:_SHOWN], *rest]),
            where=where,
            fix=fix,
        )


def _changes(kept: dict[str, Any], recipe: Recipe) -> list[tuple[str, Any, Any]]:
    return [
        (key, before, now)
        for key, before, now in differences(kept, kept_recipe(recipe))
        # An option that a later version has beside the others says nothing of this one, nor does where a class is now.
        if not (before is ABSENT and "." in key) and not is_harmless(key) and key.rpartition(".")[2] != IN_MEMORY
    ]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
