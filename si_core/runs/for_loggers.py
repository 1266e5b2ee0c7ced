"""What loggers (hook ``si_event``, callbacks with ``on_event``) make of events: equal numbers under equal names.

==================  ============================================================================================
event               numbers
==================  ============================================================================================
``step``            ``train/loss``, ``train/losses/<field>``, ``train/grad_norm``, ``train/lr``, ...: all of a record
``finished``        ``estimates/<name>``, ``estimates/<name>/standard_error``, ``seconds/<stage>``
all others          none
==================  ============================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from si_core.contract.event import Event

__all__ = ["NewPictures", "event_numbers", "recipe_leaves"]

_PICTURES = ("pictures/*.png", "plots/*.png")
"""Where a run has pictures: of samples while it trains, and of its report."""


def event_numbers(event: Event) -> dict[str, float]:
    """The numbers of an event by tag; two estimators of one name are ``name`` and ``name-2``."""
    if event.name == "step":
        return _numbers("train", {name: value for name, value in event.values.items() if name != "step"})
    if event.name != "finished":
        return {}
    found: dict[str, float] = {}
    for record in event.values.get("estimates", ()):
        name, twin = record["name"], 2
        while f"estimates/{name}" in found:
            name, twin = f"{record['name']}-{twin}", twin + 1
        found |= _numbers(f"estimates/{name}", record["value"])
        found |= _numbers(f"estimates/{name}/standard_error", record.get("standard_error"))
    return found | _numbers("seconds", event.values.get("seconds", {}))


def _numbers(tag: str, value: Any) -> dict[str, float]:
    """The numbers in plain data, ``tag/key/key``; what is no number is left out."""
    if isinstance(value, Mapping):
        return {name: number for key, item in value.items() for name, number in _numbers(f"{tag}/{key}", item).items()}
    if isinstance(value, bool) or not isinstance(value, int | float):
        return {}
    return {tag: float(value)}


def recipe_leaves(recipe: Mapping[str, Any]) -> dict[str, str]:
    """The keys of a resolved recipe, dotted as ``si run`` takes them, with their values as JSON."""
    return dict(_leaves(recipe, ""))


def _leaves(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{key}.{name}" if key else str(name))
        return
    yield key, json.dumps(value, ensure_ascii=False)


class NewPictures:
    """The pictures that a run has made since they were last asked for.

    Args:
        directory: the run's folder; what is there already is not new.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen = {path: _changed(path) for path in self._found()}

    def take(self) -> dict[str, Path]:
        """The new ones by tag, such as ``pictures/step-00000500`` and ``plots/samples``."""
        now = {path: _changed(path) for path in self._found()}
        new = [path for path, changed in now.items() if self._seen.get(path) != changed]
        self._seen = now
        return {path.relative_to(self._directory).with_suffix("").as_posix(): path for path in new}

    def _found(self) -> list[Path]:
        return sorted(path for pattern in _PICTURES for path in self._directory.glob(pattern) if path.is_file())


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns
