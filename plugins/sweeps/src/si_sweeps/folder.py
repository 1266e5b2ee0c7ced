"""The folder of a sweep.

::

    runs/<recipe>-sweep/<UTC>-<6 characters>/
        sweep.yaml  environment.json           the complete recipe with its grid, and versions
        points/000/  points/001/  ...          an ordinary run each
        results.csv  results.json              one row a point
        sweep.html  plots/  log.txt  STATUS.json
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from si_core import StorageError
from si_core.public.runs import RunDirectory, stillborn

__all__ = ["SweepDirectory"]

_GRID = "sweep.yaml"


@dataclass(frozen=True)
class SweepDirectory:
    """The names in the folder of a sweep.

    Args:
        folder: the folder, with the names that it shares with that of a run: log, status, lock, environment, plots.
    """

    folder: RunDirectory

    @classmethod
    def create(cls, recipe: str, out: Path | str | None = None) -> SweepDirectory:
        """Make the folder of a new sweep: exactly ``out``, new or empty, or ``runs/<recipe>-sweep/<UTC>-<id>``.

        Raises:
            StorageError: ``out`` is in use, or the folder can't be made.
        """
        return cls(RunDirectory.create(f"{recipe}-sweep", out=out))

    @classmethod
    def open(cls, path: Path | str) -> SweepDirectory:
        """The folder of a sweep made earlier, be it one that was killed before it wrote its first file.

        Raises:
            StorageError: it does not exist, or is no sweep.
        """
        sweep = cls(RunDirectory(Path(path)))
        if not sweep.grid.is_file() and not stillborn(sweep.path):
            raise StorageError(
                "no such sweep",
                where=str(path),
                got=f"no {_GRID} in it" if sweep.path.is_dir() else "no folder",
                fix=f"give the folder that holds {_GRID}, or leave --resume out to start a sweep",
            )
        return sweep

    @classmethod
    def newest(cls, recipe: str) -> SweepDirectory:
        """The newest sweep of a recipe under ``runs``.

        Raises:
            StorageError: there is none.
        """
        parent = RunDirectory.folder_of(f"{recipe}-sweep")
        # Names begin with the UTC time, so their order is that of their making.
        found = sorted(path.parent for path in parent.glob(f"*/{_GRID}"))
        if not found:
            raise StorageError(
                f"there is no sweep of {recipe!r} to resume",
                where=str(parent),
                fix="name its folder by --out DIR, or leave --resume out to start one",
            )
        return cls(RunDirectory(found[-1]))

    @property
    def path(self) -> Path:
        """The folder, as given."""
        return self.folder.path

    @property
    def grid(self) -> Path:
        """``sweep.yaml``: the complete recipe with its grid, which is this sweep when swept again."""
        return self.path / _GRID

    @property
    def csv(self) -> Path:
        """``results.csv``: one row a point."""
        return self.path / "results.csv"

    @property
    def json(self) -> Path:
        """``results.json``: one record a point, with all that is known of its estimates."""
        return self.path / "results.json"

    def point(self, index: int, count: int) -> RunDirectory:
        """The run of one of ``count`` points: ``points/000``, with as many digits as are needed."""
        return RunDirectory(self.path / "points" / f"{index:0{max(3, len(str(count - 1)))}d}")
