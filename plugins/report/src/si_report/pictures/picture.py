"""A finished picture, and the sheet it is drawn on.

Sheets use matplotlib's Agg canvas directly: no pyplot, no display, no figure that outlives its sheet. The style is
set within a context and starts from matplotlib's defaults, so that neither a user's settings nor another library's
change the bytes of a plot.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from itertools import count

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave
from numpy.typing import NDArray

from si_report.pictures.palette import STYLE

__all__ = ["WIDEST", "Picture", "Settings", "Sheet", "Tile", "cut", "file_stem", "printable", "sheet", "titled"]

WIDEST = 5.0
"""Inches: 480 pixels of a page. A phone shows three quarters of that, and type of 9 points stays legible."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Settings:
    """What all pictures of a report share.

    Args:
        dpi: dots per inch.
        resolution: points per axis of a grid.
    """

    dpi: int = 130
    resolution: int = 80


@dataclass(frozen=True, eq=False)
class Tile:
    """A part of a picture that is read alone: it has axes of its own, and stands under its neighbour on a phone.

    Args:
        words: what it shows, for its alternative text.
        pixels: shape (height, width, 4).
    """

    words: str
    pixels: Pixels

    @cached_property
    def png(self) -> bytes:
        """The file's bytes."""
        return _png(self.pixels)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture with its words.

    Args:
        name: the stem of its file.
        section: the section of the page it stands in.
        title: the heading of the picture.
        caption: what is drawn, how, and what was left out.
        tiles: its parts in order.
        across: how many of them stand beside each other in the file; 0 for all.
    """

    name: str
    section: str
    title: str
    caption: str
    tiles: Sequence[Tile]
    across: int = 0

    @cached_property
    def png(self) -> bytes:
        """The bytes of the file, which has all tiles."""
        if len(self.tiles) == 1:
            return self.tiles[0].png
        across = self.across or len(self.tiles)
        rows = [self.tiles[first : first + across] for first in range(0, len(self.tiles), across)]
        heights = [max(tile.pixels.shape[0] for tile in row) for row in rows]
        width = max(sum(tile.pixels.shape[1] for tile in row) for row in rows)
        whole = np.full((sum(heights), width, 4), 255, dtype=np.uint8)
        top = 0
        for row, height in zip(rows, heights, strict=True):
            left = 0
            for tile in row:
                tall, wide = tile.pixels.shape[:2]
                whole[top : top + tall, left : left + wide] = tile.pixels
                left += wide
            top += height
        return _png(whole)


class Sheet:
    """An empty picture; ``tiles`` holds what was drawn on it."""

    def __init__(self, settings: Settings) -> None:
        self._dpi = settings.dpi
        self.tiles: list[Tile] = []

    @contextmanager
    def tile(self, width: float, height: float, words: str, layout: str = "constrained") -> Iterator[Figure]:
        """Draw a figure of ``width`` by ``height`` inches and keep its pixels.

        Widths up to :data:`WIDEST` are legible on a phone.
        """
        figure = Figure(figsize=(width, height), dpi=self._dpi, layout=layout)
        canvas = FigureCanvasAgg(figure)
        yield figure
        canvas.draw()
        self.tiles.append(Tile(words, np.array(canvas.buffer_rgba())))


@contextmanager
def sheet(settings: Settings) -> Iterator[Sheet]:
    """Draw tiles in the style of all pictures: equal drawings are equal bytes."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield Sheet(settings)


def _png(pixels: Pixels) -> bytes:
    """Without the name of the program and without a date."""
    buffer = BytesIO()
    imsave(buffer, pixels, format="png", metadata={"Software": None})
    return buffer.getvalue()


def titled(ax: Axes, title: str, below: str = "") -> None:
    """Head a tile, with a line of smaller type below. Words may come from a plugin or a file: a dollar sign is one."""
    ax.set_title(printable(title) + ("\n" if below else ""), parse_math=False)
    if below:
        ax.text(0.5, 1.02, below, transform=ax.transAxes, ha="center", fontsize=9, parse_math=False)


def printable(words: str) -> str:
    """Words from outside as a font can show them: it lacks control characters."""
    return "".join(char if char.isprintable() else "?" for char in words)


def cut(words: str, longest: int) -> str:
    """Words from outside as a font can show them, of at most so many letters."""
    words = printable(words)
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def file_stem(words: str, taken: Container[str]) -> str:
    """The stem of a picture's file for any words, different from those that are taken."""
    stem = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:80] or "estimate"
    return next(name for k in count(1) if (name := stem if k == 1 else f"{stem}-{k}") not in taken)
