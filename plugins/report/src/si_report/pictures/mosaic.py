"""Mosaics: many images of one size laid out as one, with a gap between them."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from si_report.pictures.draws import Array, Frame

__all__ = ["brightness", "mosaic", "show", "tile_middles"]

PAPER = 0.87


def brightness(images: Array) -> Frame:
    """Return the values shown as black and white: the least and the largest of these images (N, c, h, w)."""
    low, high = float(images.min()), float(images.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def gap(height: int, width: int) -> int:
    """Return the pixels between two images."""
    return max(1, round(min(height, width) / 14))


def mosaic(rows: list[Array], columns: int, limits: Frame) -> Array:
    """Lay rows of images, each (n, c, h, w) with n <= columns, out as one picture (H, W, 3) with values in [0, 1].

    Values below or above the limits become black or white; gaps and empty places are light grey.
    """
    _, _, height, width = rows[0].shape
    space = gap(height, width)
    sheet = np.full((len(rows) * (height + space) - space, columns * (width + space) - space, 3), PAPER)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            top, left = i * (height + space), j * (width + space)
            shown = np.clip((image - limits[0]) / (limits[1] - limits[0]), 0, 1)
            sheet[top : top + height, left : left + width] = np.moveaxis(shown, 0, -1)
    return sheet


def tile_middles(number: int, size: int, space: int) -> list[float]:
    """Return the pixel positions of the middles of ``number`` images in a row."""
    return [k * (size + space) + (size - 1) / 2 for k in range(number)]


def show(
    ax: Axes,
    rows: list[Array],
    columns: int,
    limits: Frame,
    row_labels: list[str] | None = None,
    column_labels: list[str] | None = None,
) -> None:
    """Draw a mosaic with labels at its rows (left) and columns (top)."""
    height, width = rows[0].shape[2:]
    space = gap(height, width)
    ax.imshow(mosaic(rows, columns, limits), interpolation="nearest" if max(height, width) <= 64 else "antialiased")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    ax.set_xticks(tile_middles(columns, width, space) if column_labels else [], column_labels or [])
    ax.set_yticks(tile_middles(len(rows), height, space) if row_labels else [], row_labels or [], parse_math=False)
