"""A finished picture, and the sheet it is drawn on.

Sheets use matplotlib's Agg canvas directly: no pyplot, no display, no figure that outlives its sheet. The style is
set within a context and starts from matplotlib's defaults, so that neither a user's settings nor another library's
change the bytes of a plot.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from si_report.pictures.palette import STYLE

__all__ = ["Picture", "Settings", "Sheet", "printable", "sheet", "unused"]


@dataclass(frozen=True)
class Settings:
    """What all pictures of a report share.

    Args:
        dpi: dots per inch.
        resolution: points per axis of a grid.
    """

    dpi: int = 130
    resolution: int = 80


@dataclass(frozen=True)
class Picture:
    """A picture with its words.

    Args:
        name: the stem of its file.
        section: the section of the page it stands in.
        title: the heading of the picture, which is also its alternative text.
        caption: what is drawn, how, and what was left out.
        png: the file's bytes.
    """

    name: str
    section: str
    title: str
    caption: str
    png: bytes


class Sheet:
    """An empty figure; ``png`` holds the file's bytes once the sheet is closed."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.png = b""


@contextmanager
def sheet(width: float, height: float, settings: Settings, layout: str = "constrained") -> Iterator[Sheet]:
    """Draw a figure of ``width`` by ``height`` inches and keep its bytes.

    The PNG carries no name of the program and no date: equal drawings are equal bytes.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=(width, height), dpi=settings.dpi, layout=layout)
        canvas = FigureCanvasAgg(figure)
        drawing = Sheet(figure)
        yield drawing
        buffer = BytesIO()
        canvas.print_png(buffer, metadata={"Software": None})
        drawing.png = buffer.getvalue()


def unused(*axes: Axes) -> None:
    """Hide axes of a grid that hold nothing."""
    for ax in axes:
        ax.set_axis_off()


def printable(words: str) -> str:
    """Words from outside as a font can show them: it lacks control characters."""
    return "".join(char if char.isprintable() else "?" for char in words)
