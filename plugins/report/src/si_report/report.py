"""The HTML report: it asks for pictures, stores each as a PNG, and binds them into one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from si_core import DataError, Report, RunView, SweepView, UsageError
from si_core.public.storage import make_own_folder, storage_error, write_atomic
from si_report.page.page import page
from si_report.pictures.choose import pictures
from si_report.pictures.picture import Picture, Settings
from si_report.sweeps.page import sweep_page
from si_report.sweeps.pictures import sweep_pictures

__all__ = ["HtmlReport"]


class HtmlReport(Report):
    """Plots in ``plots/*.png`` and the page ``report.html`` (of a sweep ``sweep.html``), which holds them all.

    The same view gives the same bytes: large sets of draws are thinned by a generator with a fixed seed, and the
    plots carry no date.

    Args:
        dpi: resolution of the plots in dots per inch.
        resolution: points per axis of the grid on which a log-density is shown; its square is the number of
            evaluations.

    Raises:
        UsageError: an option out of its range.
    """

    def __init__(
        self,
        dpi: Annotated[int, Field(ge=50, le=600)] = 130,
        resolution: Annotated[int, Field(ge=8, le=1000)] = 80,
    ) -> None:
        _within("dpi", dpi, 50, 600)
        _within("resolution", resolution, 8, 1000)
        self.dpi, self.resolution = dpi, resolution

    def write(self, view: RunView) -> list[Path]:
        """Write ``report.html`` and ``plots/*.png`` into ``view.directory``.

        Existing files of the same names are replaced; each file appears complete or not at all.

        Returns:
            The page first, then the plots in the order of the page.

        Raises:
            DataError: no draws, draws of different event shapes, or values that are not finite.
            StorageError: a file that can't be written, or a link in place of ``plots``.
        """
        _check(view)
        directory = Path(view.directory)
        made, notes = pictures(view, Settings(dpi=self.dpi, resolution=self.resolution))
        return _store_all(directory, made, "report.html", page(view, made, notes, self.dpi))

    def write_sweep(self, view: SweepView) -> list[Path]:
        """Write ``sweep.html`` and ``plots/*.png`` into ``view.directory``, as :meth:`write` does for a run.

        Raises:
            DataError: the records are not those of the grid.
            StorageError: a file that can't be written, or a link in place of ``plots``.
        """
        directory = Path(view.directory)
        made = sweep_pictures(view, Settings(dpi=self.dpi, resolution=self.resolution))
        return _store_all(directory, made, "sweep.html", sweep_page(view, made, self.dpi))


def _within(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(
            f"{name} is out of its range",
            where="HtmlReport",
            got=repr(value),
            allowed=f"a whole number in [{low}, {high}]",
        )


def _check(view: RunView) -> None:
    event = tuple(view.samples.shape[1:])
    for name in ("samples", "source", "target"):
        draws = getattr(view, name)
        if draws is None and name != "samples":
            continue  # its data are not at hand
        shape = tuple(draws.shape)
        if not shape or shape[0] == 0:
            raise DataError("a report needs at least one draw", where=f"RunView.{name}", got=f"shape {shape}")
        if shape[1:] != event:
            raise DataError(
                "draws of different events can't be shown beside each other",
                where=f"RunView.{name}",
                got=f"shape {shape}",
                allowed=f"(N, *{event}), as the samples have it",
            )


def _store_all(directory: Path, made: list[Picture], page_name: str, html: str) -> list[Path]:
    """Write the pictures and then the page; returns the page first."""
    plots = directory / "plots"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        make_own_folder(plots)
    except OSError as error:
        raise storage_error(plots, error) from error
    files = {plots / f"{picture.name}.png": picture.png for picture in made}
    files[directory / page_name] = html.encode()
    for path, content in files.items():
        write_atomic(path, content)
    *drawn, bound = files
    return [bound, *drawn]
