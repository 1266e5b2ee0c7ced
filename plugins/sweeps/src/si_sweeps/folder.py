"""The folder of a sweep.

::

    runs/<recipe>-sweep/<UTC>-<6 characters>/
        sweep.yaml  environment.json           the complete recipe with its grid, and versions
        points/000/  points/001/  ...          an ordinary run each
        results.csv  results.json              one row a point
        sweep.html  plots/  log.txt  STATUS.json
"""

from __future__ import annotations

from pathlib import Path

from si_core.public.runs import CollectionDirectory, RunDirectory

__all__ = ["SweepDirectory"]


class SweepDirectory(CollectionDirectory):
    """The names in the folder of a sweep."""

    kind = "sweep"

    @property
    def json(self) -> Path:
        """``results.json``: one record a point, with all that is known of its estimates."""
        return self.path / "results.json"

    def point(self, index: int, count: int) -> RunDirectory:
        """The run of one of ``count`` points: ``points/000``, with as many digits as are needed."""
        return RunDirectory(self.path / "points" / f"{index:0{max(3, len(str(count - 1)))}d}")
