"""Point sets of the plane side by side: source, target and samples in one frame, those that are at hand.

A few thousand points are drawn one by one; more become a histogram of the plane, the density
``count / (N * area of a cell)``.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from si_core import RunView
from si_report.pictures.draws import Array, Frame, count, drawn, plane_frame, subset
from si_report.pictures.names import axis_names, together
from si_report.pictures.palette import SAMPLES, SOURCE, TARGET, density_map
from si_report.pictures.picture import Picture, Settings, sheet

__all__ = ["clouds"]

MOST = 400_000
SINGLE = 4000
COLOURS = {"source": SOURCE, "target": TARGET, "samples": SAMPLES}


def clouds(view: RunView, settings: Settings) -> Picture:
    """Draw source, target and samples of events of shape (2,)."""
    sets = {name: subset(draws, MOST, name) for name in COLOURS if (draws := getattr(view, name)) is not None}
    reference = [points for name, points in sets.items() if name != "samples"]
    x, y, equal = plane_frame(reference, [sets["samples"]]) if "target" in sets else plane_frame([*sets.values()], [])
    dense = min(len(points) for name, points in sets.items() if name != "source") > SINGLE
    across, up = axis_names(view)
    with sheet(3.5 * len(sets), 4.35 if dense else 3.9, settings, "compressed") as drawing:
        panels = drawing.figure.subplots(1, len(sets), sharex=True, sharey=True, squeeze=False)[0]
        for ax, name in zip(panels, sets, strict=True):
            ax.set(title=f"{name}\n", xlim=x, ylim=y, aspect="equal" if equal else "auto")
            ax.set_xlabel(across, parse_math=False)
            ax.set_box_aspect(1)
            ax.text(0.5, 1.02, drawn(sets[name], getattr(view, name)), transform=ax.transAxes, ha="center", fontsize=9)
        panels[0].set_ylabel(up, parse_math=False)
        if dense:
            _densities(drawing.figure, list(panels), sets, (x, y))
        else:
            for ax, (name, points) in zip(panels, sets.items(), strict=True):
                size = float(np.clip(6000 / len(points), 2, 30))
                ax.scatter(*points.T, s=size, color=COLOURS[name], alpha=0.6, linewidths=0)
    outside = _outside(sets["samples"], x, y)
    title = together([*sets])
    caption = f"{title} in one frame" + (" with equal units on both axes. " if equal else ". ")
    if dense:
        caption += "Colour: density of a histogram; target and samples share one scale, the source has its own. "
    caption += f"{count(outside)} of {count(len(sets['samples']))} samples lie outside the frame."
    return Picture("samples", "Samples", title, caption, drawing.png)


def _densities(figure: Figure, panels: list[Axes], sets: dict[str, Array], frame: tuple[Frame, Frame]) -> None:
    cells = int(np.clip(np.sqrt(min(len(points) for points in sets.values()) / 5), 40, 160))
    edges = [np.linspace(*limits, cells + 1) for limits in frame]
    area = (edges[0][1] - edges[0][0]) * (edges[1][1] - edges[1][0])
    grids = {name: np.histogram2d(*points.T, bins=edges)[0] / (len(points) * area) for name, points in sets.items()}
    own = _top(grids["source"]) if "source" in grids else 1.0
    shared = max(_top(grid) for name, grid in grids.items() if name != "source")
    for ax, (name, grid) in zip(panels, grids.items(), strict=True):
        norm = Normalize(0, own if name == "source" else shared)
        ax.pcolormesh(*edges, grid.T, norm=norm, cmap=density_map(), rasterized=True)
        if name != "target":
            figure.colorbar(
                ScalarMappable(norm, density_map()),
                ax=[ax] if name == "source" else panels[-(2 if "target" in sets else 1) :],
                location="bottom",
                label="density",
                extend="max",
                shrink=0.8 if name == "source" else 0.4,
                aspect=25,
            )


def _top(grid: Array) -> float:
    occupied = grid[grid > 0]
    return float(np.quantile(occupied, 0.995)) if occupied.size else 1.0


def _outside(points: Array, x: Frame, y: Frame) -> int:
    inside = (points[:, 0] >= x[0]) & (points[:, 0] <= x[1]) & (points[:, 1] >= y[0]) & (points[:, 1] <= y[1])
    return int((~inside).sum())
