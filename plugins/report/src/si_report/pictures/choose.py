"""Which pictures a view gets: decided by the shape of an event and by what the view holds.

=====================  ====================================================
event                  pictures
=====================  ====================================================
``()``, ``(1,)``       densities on a line, paths and density against time
``(2,)``               clouds, paths, densities over time, log-densities
``(1|3, h, w)``        grids of images, strips from noise to image
everything else        histograms of columns, correlations
=====================  ====================================================

Labelled points have a panel for each class. Loss curves and the panels of estimates come with every shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from si_core import RunView, SIError
from si_report.pictures.classes import classes
from si_report.pictures.clouds import clouds
from si_report.pictures.columns import columns
from si_report.pictures.correlations import correlations
from si_report.pictures.images import images
from si_report.pictures.line import line
from si_report.pictures.line_marginals import line_marginals
from si_report.pictures.line_paths import line_paths
from si_report.pictures.log_densities import log_densities
from si_report.pictures.losses import losses
from si_report.pictures.marginals import marginals
from si_report.pictures.panels import estimate_panels
from si_report.pictures.paths import paths
from si_report.pictures.picture import Picture, Settings
from si_report.pictures.strips import strips

__all__ = ["pictures"]

Painter = Callable[[RunView, Settings], Picture | None]


def pictures(view: RunView, settings: Settings) -> tuple[list[Picture], dict[str, list[str]]]:
    """Make the pictures of a view.

    Returns:
        The pictures, and by section a note for each log-density that couldn't be evaluated and each detail that says it
        is a panel and is none: the rest of the report is worth having without it.

    Raises:
        DataError: draws that are not finite.
    """
    made, not_drawn = estimate_panels(view.estimates, settings)
    notes = {"Estimates": not_drawn} if not_drawn else {}
    for painter in _painters(view):
        try:
            picture = painter(view, settings)
        except SIError as error:
            if painter not in (log_densities, line):
                raise
            bare = replace(view, log_density=None, true_log_density=None)
            picture = painter(bare, settings)
            notes.setdefault("Log-density", []).append(f"The log-density could not be shown. {error}")
        if picture is not None:
            made.append(picture)
    return made, notes


def _painters(view: RunView) -> Iterator[Painter]:
    event = tuple(view.samples.shape[1:])
    if event in ((), (1,)):
        yield from (line, line_paths, line_marginals)
    elif event == (2,):
        yield from (clouds, classes, paths, marginals, log_densities)
    elif len(event) == 3 and event[0] in (1, 3):
        yield from (images, strips)
    else:
        yield from (columns, classes, correlations)
    yield losses
