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

from pathlib import Path

from si_core.public.runs import CollectionDirectory, RunDirectory

__all__ = ["SearchDirectory"]


class SearchDirectory(CollectionDirectory):
    """The names in the folder of a search."""

    kind = "search"

    @property
    def study(self) -> Path:
        """``study.log``: the trials, as Optuna's JournalFileBackend keeps them."""
        return self.path / "study.log"

    @property
    def best(self) -> Path:
        """``best.yaml``: the recipe of the best trial."""
        return self.path / "best.yaml"

    def trial(self, number: int) -> RunDirectory:
        """The run of a trial."""
        return RunDirectory(self.path / "trials" / f"{number:04d}")
