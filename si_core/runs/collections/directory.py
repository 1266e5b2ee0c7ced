"""The folder of many runs.

::

    runs/<recipe>-<kind>/<UTC>-<6 characters>/
        <kind>.yaml  environment.json          the complete recipe of all of them, and versions
        results.csv                            one row a run
        log.txt  STATUS.json
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from si_core.errors import StorageError
from si_core.runs.directory import RunDirectory
from si_core.runs.resume import stillborn

__all__ = ["CollectionDirectory"]


@dataclass(frozen=True)
class CollectionDirectory:
    """The names in the folder of many runs; a subclass says of what kind they are, and where each of them is.

    Args:
        folder: the folder, with the names that it shares with that of a run: log, status, lock, environment, plots.
    """

    folder: RunDirectory

    kind: ClassVar[str]
    """A word such as ``sweep``: of the folder, of the file with the recipe, and of the command ``si <kind>``."""

    @classmethod
    def at(cls, recipe: str, out: Path | str | None, resume: bool) -> Self:
        """The folder of a new collection, or of the one to go on with: in ``out``, or the newest one of a recipe.

        Raises:
            StorageError: as for :meth:`create`, :meth:`open` and :meth:`newest`.
        """
        if not resume:
            return cls.create(recipe, out)
        return cls.open(out) if out else cls.newest(recipe)

    @classmethod
    def create(cls, recipe: str, out: Path | str | None = None) -> Self:
        """Make a new folder: exactly ``out``, new or empty, or ``runs/<recipe>-<kind>/<UTC>-<id>``.

        Raises:
            StorageError: ``out`` is in use, or the folder can't be made.
        """
        return cls(RunDirectory.create(f"{recipe}-{cls.kind}", out=out))

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """A folder made earlier, be it of one that was killed before it wrote its first file.

        Raises:
            StorageError: it does not exist, or is none of this kind.
        """
        found = cls(RunDirectory(Path(path)))
        if not found.recipe.is_file() and not stillborn(found.path):
            raise StorageError(
                f"no such {cls.kind}",
                where=str(path),
                got=f"no {found.recipe.name} in it" if found.path.is_dir() else "no folder",
                fix=f"give the folder that holds {found.recipe.name}, or leave --resume out to start a {cls.kind}",
            )
        return found

    @classmethod
    def newest(cls, recipe: str) -> Self:
        """The newest folder of a recipe under ``runs``.

        Raises:
            StorageError: there is none.
        """
        parent = RunDirectory.folder_of(f"{recipe}-{cls.kind}")
        # Names begin with the UTC time, so their order is that of their making.
        found = sorted(path.parent for path in parent.glob(f"*/{cls.kind}.yaml"))
        if not found:
            raise StorageError(
                f"there is no {cls.kind} of {recipe!r} to resume",
                where=str(parent),
                fix="name its folder by --out DIR, or leave --resume out to start one",
            )
        return cls(RunDirectory(found[-1]))

    @property
    def path(self) -> Path:
        """The folder, as given."""
        return self.folder.path

    @property
    def recipe(self) -> Path:
        """``<kind>.yaml``: the complete recipe of all runs, which is this collection when it is run again."""
        return self.path / f"{self.kind}.yaml"

    @property
    def csv(self) -> Path:
        """``results.csv``: one row a run."""
        return self.path / "results.csv"
