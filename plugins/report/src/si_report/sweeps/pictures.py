"""Which pictures a sweep gets: lines for each estimate, and a map where two axes vary."""

from __future__ import annotations

from si_core import SweepView
from si_report.pictures.picture import Picture, Settings, file_stem
from si_report.sweeps.heat_map import heat_map
from si_report.sweeps.lines import lines
from si_report.sweeps.results import axes, measures

__all__ = ["sweep_pictures"]


def sweep_pictures(view: SweepView, settings: Settings) -> list[Picture]:
    """Make the pictures of a sweep, none of an estimate that has no value at all.

    Raises:
        DataError: the records are not those of the grid.
    """
    grid = axes(view)
    made: list[Picture] = []
    taken: set[str] = set()
    for measure in measures(view):
        for painter, suffix in ((lines, ""), (heat_map, "-map")):
            name = file_stem(measure.name + suffix, taken)
            picture = painter(measure, grid, name, settings)
            if picture is not None:
                taken.add(name)
                made.append(picture)
    return made
