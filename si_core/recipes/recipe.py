"""A recipe that passed every check."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from si_core.errors import UsageError
from si_core.recipes.components import complete, selections
from si_core.recipes.emit import emit
from si_core.recipes.nodes import Mapping, position
from si_core.recipes.paths import Folders, absolute, changed_condition, condition_files, is_relative, path_texts
from si_core.recipes.schema import Sample, Sections
from si_core.recipes.selection import NetworkSelection, Selection
from si_core.recipes.training import Train

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """What to train, how, and what to do with it; see :mod:`si_core.recipes.schema` for every key.

    Args:
        name: file name without its ending, or the name of a built-in recipe.
        path: the file.
        text: the file as given.
        overrides: the changes made to it, as ``KEY=VALUE``.
        sections: all keys with their values; the attributes below name them one by one.
        root: the keys as written, with their positions.
        folders: where its relative paths start.
    """

    name: str
    path: Path
    text: str
    overrides: tuple[str, ...]
    sections: Sections
    root: Mapping
    folders: Folders

    @property
    def base(self) -> Path:
        """The folder where its relative paths start, absolute; never written down so."""
        return Path(self.folders.base)

    @property
    def title(self) -> str | None:
        """One line for people."""
        return self.sections.title

    @property
    def meta(self) -> dict[str, Any]:
        """Notes for people."""
        return self.sections.meta

    @property
    def seed(self) -> int:
        """Seed of all random streams, 0 <= seed < 2^63."""
        return self.sections.seed

    @property
    def source(self) -> Selection | None:
        """Distribution at time 0; None where the coupling starts from the target."""
        return self.sections.source

    @property
    def target(self) -> Selection:
        """Distribution at time 1."""
        return self.sections.target

    @property
    def coupling(self) -> Selection:
        """How draws are paired."""
        return self.sections.coupling

    @property
    def interpolant(self) -> Selection:
        """The path between a pair."""
        return self.sections.interpolant

    @property
    def latent(self) -> Selection:
        """The noise added on the way."""
        return self.sections.latent

    @property
    def objectives(self) -> tuple[Selection, ...]:
        """The losses, at least one."""
        return tuple(self.sections.objectives)

    @property
    def network(self) -> NetworkSelection:
        """The network, and whether its trunk is shared."""
        return self.sections.network

    @property
    def init(self) -> str | None:
        """The folder of the run whose weights training begins with, as the recipe has it."""
        return self.sections.init

    @property
    def start(self) -> Path | None:
        """:attr:`init` as an absolute path."""
        return None if self.init is None else Path(absolute(self.init, self.folders.base))

    @property
    def train(self) -> Train:
        """How the objectives are minimised."""
        return self.sections.train

    @property
    def sample(self) -> Sample:
        """How samples are drawn."""
        return self.sections.sample

    @property
    def estimators(self) -> tuple[Selection, ...]:
        """What is measured after sampling."""
        return tuple(self.sections.estimators)

    @property
    def report(self) -> bool:
        """Whether there is a report: ``section("report")`` has those that are selected; empty for every installed."""
        return bool(self.sections.report)

    def section(self, name: str) -> tuple[Selection, ...]:
        """What the recipe selects in a section, such as ``"callbacks"``; empty where it has none.

        Raises:
            UsageError: no installed kind has such a section, nor has the core.
        """
        if name not in type(self.sections).model_fields:
            raise UsageError(f"recipes have no section {name!r}", allowed=", ".join(type(self.sections).model_fields))
        return tuple(selection for _, selection in selections(getattr(self.sections, name)))

    def selections(self) -> tuple[Selection, ...]:
        """All components the recipe selects, in its order."""
        return tuple(selection for _, selection in selections(self.sections))

    @property
    def condition(self) -> Any:
        """``sample.condition`` with absolute paths of its files."""
        return changed_condition(self.sample.condition, lambda text, _: absolute(text, self.folders.base))

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths in it, as it has them."""
        found = [text for selection in self.selections() for _, text in path_texts(selection)]
        return (*found, *condition_files(self.sample.condition), *([] if self.init is None else [self.init]))

    def where(self, path: str | tuple[str | int, ...]) -> str:
        """Where a key stands, such as ``"r.yaml:7:12"`` for ``"train.batch"``; of a default, its nearest parent."""
        if isinstance(path, str):
            path = tuple(int(part) if part.isdecimal() else part for part in path.split("."))
        return str(position(self.root, path))

    def resolved(self) -> dict[str, Any]:
        """Every key with its value as plain data, defaults of the components included; paths as told from the base."""
        return copy.deepcopy(self._resolved)

    def dump(self, folder: str | os.PathLike[str] = ".") -> str:
        """:meth:`resolved` as YAML text; loading it from a folder gives an equal resolved recipe, and runs by itself.

        Args:
            folder: where the text is put. Where there is a relative path, ``base`` says how its start is reached from
                there.
        """
        return emit(self.origin(folder) | self._resolved)

    def origin(self, folder: str | os.PathLike[str]) -> dict[str, str]:
        """The key ``base`` of a file in this folder with the paths of this recipe; nothing where none is relative."""
        if not any(map(is_relative, self.paths)):
            return {}
        return {"base": os.path.relpath(os.path.realpath(self.base), os.path.realpath(folder))}

    def hash(self) -> str:
        """SHA-256 of the resolved recipe, equal for recipes that say the same in other words; wherever its base is."""
        canonical = json.dumps(self._resolved, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @cached_property
    def _resolved(self) -> dict[str, Any]:
        resolved: dict[str, Any] = _as_data(self.sections)
        # A section that says nothing is left out: else a plugin that comes or goes would change every recipe.
        open_sections = type(self.sections).model_fields.keys() - Sections.model_fields.keys()
        return {key: value for key, value in resolved.items() if key not in open_sections or value}


def _as_data(value: Any) -> Any:
    if isinstance(value, Selection):
        own = {"shared": value.shared} if isinstance(value, NetworkSelection) else {}
        return {value.key: value.qualified, **own, **complete(value)}
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {field.alias or name: _as_data(getattr(value, name)) for name, field in fields.items()}
    if isinstance(value, list):
        return [_as_data(item) for item in value]
    return value
