"""Point sets of the plane side by side: source, target and samples in one frame, those that are at hand.

A few thousand points are drawn one by one; more become a histogram of the plane, the density
``count / (N * area of a cell)``, whose cells begin where the target's density jumps.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from si_core import RunView
from si_report.pictures.draws import Array, Frame, cells, count, drawn, plane_frame, subset
from si_report.pictures.names import axis_names, breakpoints, together
from si_report.pictures.palette import SAMPLES, SOURCE, TARGET, density_map
from si_report.pictures.picture import Picture, Settings, sheet, titled

__all__ = ["clouds", "histogram", "plane"]

MOST = 400_000
SINGLE = 4000
COLOURS = {"source": SOURCE, "target": TARGET, "samples": SAMPLES}


def clouds(view: RunView, settings: Settings) -> Picture:
    """Draw source, target and samples of events of shape (2,)."""
    sets = {name: subset(draws, MOST, name) for name in COLOURS if (draws := getattr(view, name)) is not None}
    reference = [points for name, points in sets.items() if name != "samples"]
    x, y, equal = plane_frame(reference, [sets["samples"]]) if "target" in sets else plane_frame([*sets.values()], [])
    dense = min(len(points) for name, points in sets.items() if name != "source") > SINGLE
    edges, grids = _densities(sets, (x, y), breakpoints(view)) if dense else ([], {})
    # target and samples share one scale, the source has its own
    tops = {name: _top(grid) for name, grid in grids.items()}
    shared = max((top for name, top in tops.items() if name != "source"), default=1.0)
    with sheet(settings) as drawing:
        for name, points in sets.items():
            told = drawn(points, getattr(view, name))
            with drawing.tile(3.3, 4.0 if dense else 3.6, f"{told} of the {name}") as figure:
                ax = figure.subplots()
                plane(ax, view, x, y, equal)
                titled(ax, name, told)
                if dense:
                    norm = Normalize(0, tops[name] if name == "source" else shared)
                    ax.pcolormesh(*edges, grids[name].T, norm=norm, cmap=density_map(), rasterized=True)
                    shades = ScalarMappable(norm, density_map())
                    below = {"location": "bottom", "shrink": 0.8, "aspect": 25}
                    figure.colorbar(shades, ax=ax, label="density", extend="max", **below)
                else:
                    size = float(np.clip(6000 / len(points), 2, 30))
                    ax.scatter(*points.T, s=size, color=COLOURS[name], alpha=0.6, linewidths=0)
    outside = _outside(sets["samples"], x, y)
    title = together([*sets])
    caption = f"{title} in one frame" + (" with equal units on both axes. " if equal else ". ")
    if dense:
        caption += "Colour: density of a histogram; target and samples share one scale, the source has its own. "
        caption += "Cells end where the target's density jumps. " if breakpoints(view) is not None else ""
    caption += f"{count(outside)} of {count(len(sets['samples']))} samples lie outside the frame."
    return Picture("samples", "Samples", title, caption, drawing.tiles)


def plane(ax: Axes, view: RunView, x: Frame, y: Frame, equal: bool, labels: bool = True) -> None:
    """Set up axes of the plane."""
    ax.set(xlim=x, ylim=y, aspect="equal" if equal else "auto")
    ax.set_box_aspect(1)
    if labels:
        across, up = axis_names(view)
        ax.set_xlabel(across, parse_math=False)
        ax.set_ylabel(up, parse_math=False)


def histogram(points: Array, edges: list[Array]) -> Array:
    """Return the density ``count / (N * area of a cell)`` of points (N, 2), shape (cells of x, cells of y)."""
    area = np.diff(edges[0])[:, None] * np.diff(edges[1])
    counts: Array = np.histogram2d(*points.T, bins=edges)[0]
    return counts / (len(points) * area)


def _densities(
    sets: dict[str, Array], frame: tuple[Frame, Frame], jumps: list[list[float]] | None
) -> tuple[list[Array], dict[str, Array]]:
    number = int(np.clip(np.sqrt(min(len(points) for points in sets.values()) / 5), 40, 160))
    edges = [cells(limits, number, at) for limits, at in zip(frame, jumps or ((), ()), strict=True)]
    return edges, {name: histogram(points, edges) for name, points in sets.items()}


def _top(grid: Array) -> float:
    occupied = grid[grid > 0]
    return float(np.quantile(occupied, 0.995)) if occupied.size else 1.0


def _outside(points: Array, x: Frame, y: Frame) -> int:
    inside = (points[:, 0] >= x[0]) & (points[:, 0] <= x[1]) & (points[:, 1] >= y[0]) & (points[:, 1] <= y[1])
    return int((~inside).sum())
