"""Log-densities of the plane on a grid: learned, true, and their difference.

Both are shown on one scale from their common peak down to ten nats below it. The mass that a density has within the
frame, ``sum of rho * area of a cell``, is given in the caption: for a frame that holds the target it should be one.
Cells end where the target's density jumps, for a cell across an edge would have all of its middle's density or none.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from torch import Tensor

from si_core import RunView
from si_report.pictures.clouds import plane
from si_report.pictures.draws import Array, Frame, cells, plane_frame, subset
from si_report.pictures.names import breakpoints
from si_report.pictures.palette import diverging_map, level_map
from si_report.pictures.picture import Picture, Settings, Sheet, sheet, titled

__all__ = ["log_densities", "mass", "values"]

DEPTH = 10.0
CHUNK = 4096


def values(log_density: Callable[[Tensor], Tensor], points: Array, like: Tensor) -> Array:
    """Evaluate a log-density at points (B, *event) in chunks, with the dtype and device of ``like``."""
    given = torch.as_tensor(points).to(like.device, like.dtype if like.is_floating_point() else torch.float32)
    parts = [log_density(chunk).detach().to("cpu", torch.float64) for chunk in given.split(CHUNK)]
    found: Array = torch.cat(parts).reshape(-1).numpy()
    return found


def log_densities(view: RunView, settings: Settings) -> Picture | None:
    """Draw the model's log-density of events of shape (2,), beside the target's where it is known."""
    if view.log_density is None:
        return None
    samples = subset(view.samples, 100_000, "samples")
    known = None if view.target is None else subset(view.target, 100_000, "target")
    x, y, equal = plane_frame([samples], []) if known is None else plane_frame([known], [samples])
    jumps = breakpoints(view) or ((), ())
    edges = [cells(frame, settings.resolution, at) for frame, at in zip((x, y), jumps, strict=True)]
    centres = [(each[:-1] + each[1:]) / 2 for each in edges]
    grid = np.stack(np.meshgrid(*centres, indexing="xy"), axis=-1).reshape(-1, 2)
    fields = {"learned": values(view.log_density, grid, view.samples)}
    if view.true_log_density is not None:
        fields["true"] = values(view.true_log_density, grid, view.samples)
    shaped = {name: field.reshape(len(centres[1]), len(centres[0])) for name, field in fields.items()}
    peaks = [float(field[np.isfinite(field)].max()) for field in shaped.values() if np.isfinite(field).any()]
    if not peaks:
        return None
    top = max(peaks)
    norm = Normalize(top - DEPTH, top)
    with sheet(settings) as drawing:
        for name, field in shaped.items():
            shown = np.where(np.isnan(field), np.nan, np.maximum(field, norm.vmin))
            shades = ScalarMappable(norm, level_map())
            _tile(drawing, view, (x, y, equal), edges, f"{name} log ρ", shown, shades, "min")
        if len(shaped) == 2:
            gap, shades = _difference(shaped["learned"], shaped["true"], top - DEPTH)
            _tile(drawing, view, (x, y, equal), edges, "learned − true", gap, shades, "both")
    title = "Learned and true log-density" if len(shaped) == 2 else "Learned log-density"
    return Picture("log_density", "Log-density", title, _caption(shaped, edges), drawing.tiles)


def _tile(
    drawing: Sheet,
    view: RunView,
    frame: tuple[Frame, Frame, bool],
    edges: list[Array],
    title: str,
    field: Array,
    shades: ScalarMappable,
    extend: str,
) -> None:
    with drawing.tile(3.3, 4.0, f"map of {title}") as figure:
        ax = figure.subplots()
        plane(ax, view, *frame)
        titled(ax, title)
        ax.pcolormesh(*edges, field, norm=shades.norm, cmap=shades.cmap, rasterized=True)
        figure.colorbar(shades, ax=ax, label="nats", extend=extend, location="bottom", shrink=0.8, aspect=25)


def _difference(learned: Array, true: Array, floor: float) -> tuple[Array, ScalarMappable]:
    shown = np.isfinite(learned) & np.isfinite(true) & (np.maximum(learned, true) > floor)
    with np.errstate(invalid="ignore"):
        gap = np.where(shown, learned - true, np.nan)
    reach = max(float(np.quantile(np.abs(gap[shown]), 0.9)), 0.05) if shown.any() else 1.0
    return gap, ScalarMappable(Normalize(-reach, reach), diverging_map())


def mass(field: Array, edges: list[Array]) -> float:
    """Return ``sum of rho * area of a cell`` of a log-density (cells of y, cells of x); no value counts as 0."""
    area = np.diff(edges[1])[:, None] * np.diff(edges[0])
    with np.errstate(over="ignore"):
        return float((np.where(np.isnan(field), 0.0, np.exp(field)) * area).sum())


def _caption(shaped: dict[str, Array], edges: list[Array]) -> str:
    masses = ", ".join(f"{name} {mass(field, edges):.3f}" for name, field in shaped.items())
    words = f"Natural logarithm of the density in data space, down to {DEPTH:g} nats below the peak"
    if len(shaped) == 2:
        words += ", learned and true on one scale. Difference: grey where both lie lower or one is infinite"
    return f"{words}. Mass of the cells that are shown: {masses}."
