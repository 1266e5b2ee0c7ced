"""The folder of a search.

::

    runs/<recipe>-search/<UTC>-<6 characters>/
        search.yaml  environment.json          the complete recipe with its search, and versions
        study.log                              Optuna's own record of the trials, as its tools read it
        trials/0000/  trials/0001/  ...        an ordinary run each
        results.csv  best.yaml                 a row a trial; the recipe of the best one
        log.txt  STATUS.json
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from si_core import StorageError
from si_core.public.runs import RunDirectory, stillborn

__all__ = ["SearchDirectory"]

_SEARCH = "search.yaml"


@dataclass(frozen=True)
class SearchDirectory:
    """The names in the folder of a search.

    Args:
        folder: the folder, with the names that it shares with that of a run: log, status, lock, environment.
    """

    folder: RunDirectory

    @classmethod
    def create(cls, recipe: str, out: Path | str | None = None) -> SearchDirectory:
        """Make the folder of a new search: exactly ``out``, new or empty, or ``runs/<recipe>-search/<UTC>-<id>``.

        Raises:
            StorageError: ``out`` is in use, or the folder can't be made.
        """
        return cls(RunDirectory.create(f"{recipe}-search", out=out))

    @classmethod
    def open(cls, path: Path | str) -> SearchDirectory:
        """The folder of a search made earlier, be it one that was killed before it wrote its first file.

        Raises:
            StorageError: it does not exist, or is no search.
        """
        found = cls(RunDirectory(Path(path)))
        if not found.search.is_file() and not stillborn(found.path):
            got = f"no {_SEARCH} in it" if found.path.is_dir() else "no folder"
            fix = f"give the folder that holds {_SEARCH}, or leave --resume out to start a search"
            raise StorageError("no such search", where=str(path), got=got, fix=fix)
        return found

    @classmethod
    def newest(cls, recipe: str) -> SearchDirectory:
        """The newest search of a recipe under ``runs``.

        Raises:
            StorageError: there is none.
        """
        parent = RunDirectory.folder_of(f"{recipe}-search")
        # Names begin with the UTC time, so their order is that of their making.
        found = sorted(path.parent for path in parent.glob(f"*/{_SEARCH}"))
        if not found:
            fix = "name its folder by --out DIR, or leave --resume out to start one"
            raise StorageError(f"there is no search of {recipe!r} to resume", where=str(parent), fix=fix)
        return cls(RunDirectory(found[-1]))

    @property
    def path(self) -> Path:
        """The folder, as given."""
        return self.folder.path

    @property
    def search(self) -> Path:
        """``search.yaml``: the complete recipe with its search, which is this search when searched again."""
        return self.path / _SEARCH

    @property
    def study(self) -> Path:
        """``study.log``: the trials, as Optuna's JournalFileBackend keeps them."""
        return self.path / "study.log"

    @property
    def csv(self) -> Path:
        """``results.csv``: one row a trial."""
        return self.path / "results.csv"

    @property
    def best(self) -> Path:
        """``best.yaml``: the recipe of the best trial."""
        return self.path / "best.yaml"

    def trial(self, number: int) -> RunDirectory:
        """The run of a trial."""
        return RunDirectory(self.path / "trials" / f"{number:04d}")
