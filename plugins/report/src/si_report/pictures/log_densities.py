"""Log-densities of the plane on a grid: learned, true, and their difference.

Both are shown on one scale from their common peak down to ten nats below it. The mass that a density has within the
frame, ``sum of rho * area of a cell``, is given in the caption: for a frame that holds the target it should be one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from torch import Tensor

from si_core import RunView
from si_report.pictures.draws import Array, Frame, plane_frame, subset
from si_report.pictures.names import axis_names
from si_report.pictures.palette import diverging_map, level_map
from si_report.pictures.picture import Picture, Settings, sheet

__all__ = ["log_densities", "values"]

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
    centres = [_centres(frame, settings.resolution) for frame in (x, y)]
    grid = np.stack(np.meshgrid(*centres, indexing="xy"), axis=-1).reshape(-1, 2)
    fields = {"learned": values(view.log_density, grid, view.samples)}
    if view.true_log_density is not None:
        fields["true"] = values(view.true_log_density, grid, view.samples)
    shaped = {name: field.reshape(settings.resolution, settings.resolution) for name, field in fields.items()}
    peaks = [float(field[np.isfinite(field)].max()) for field in shaped.values() if np.isfinite(field).any()]
    if not peaks:
        return None
    top = max(peaks)
    norm = Normalize(top - DEPTH, top)
    compared = len(shaped) == 2
    across, up = axis_names(view)
    with sheet(10.5 if compared else 6.2, 4.5 if compared else 5.2, settings, "compressed") as drawing:
        panels = drawing.figure.subplots(1, 3 if compared else 1, sharex=True, sharey=True, squeeze=False)[0]
        for ax in panels:
            ax.set(xlim=x, ylim=y, aspect="equal" if equal else "auto")
            ax.set_xlabel(across, parse_math=False)
            ax.set_box_aspect(1)
        panels[0].set_ylabel(up, parse_math=False)
        for ax, (name, field) in zip(panels, shaped.items(), strict=False):
            ax.set_title(f"{name} log ρ")
            ax.pcolormesh(
                *centres, np.where(np.isnan(field), np.nan, np.maximum(field, norm.vmin)), norm=norm, cmap=level_map()
            )
        colours = {"location": "bottom" if compared else "right", "aspect": 25}
        drawing.figure.colorbar(
            ScalarMappable(norm, level_map()),
            ax=list(panels[:2]),
            label="nats",
            extend="min",
            shrink=0.4 if compared else 0.8,
            **colours,
        )
        if compared:
            shades = _difference(panels[2], centres, shaped["learned"], shaped["true"], top - DEPTH)
            drawing.figure.colorbar(shades, ax=[panels[2]], label="nats", extend="both", shrink=0.8, **colours)
    title = "Learned and true log-density" if compared else "Learned log-density"
    return Picture("log_density", "Log-density", title, _caption(shaped, (x, y), compared), drawing.png)


def _centres(frame: Frame, number: int) -> Array:
    half = (frame[1] - frame[0]) / (2 * number)
    return np.linspace(frame[0] + half, frame[1] - half, number)


def _difference(ax: Axes, centres: list[Array], learned: Array, true: Array, floor: float) -> ScalarMappable:
    shown = np.isfinite(learned) & np.isfinite(true) & (np.maximum(learned, true) > floor)
    with np.errstate(invalid="ignore"):
        gap = np.where(shown, learned - true, np.nan)
    reach = max(float(np.quantile(np.abs(gap[shown]), 0.9)), 0.05) if shown.any() else 1.0
    norm = Normalize(-reach, reach)
    ax.set_title("learned − true")
    ax.pcolormesh(*centres, gap, norm=norm, cmap=diverging_map())
    return ScalarMappable(norm, diverging_map())


def _caption(shaped: dict[str, Array], frame: tuple[Frame, Frame], compared: bool) -> str:
    cells = next(iter(shaped.values())).size
    area = (frame[0][1] - frame[0][0]) * (frame[1][1] - frame[1][0]) / cells
    masses = ", ".join(f"{name} {np.exp(field[~np.isnan(field)]).sum() * area:.3f}" for name, field in shaped.items())
    words = f"Natural logarithm of the density in data space, down to {DEPTH:g} nats below the peak"
    words += (
        ", learned and true on one scale. Difference: grey where both lie lower or one is infinite" if compared else ""
    )
    return f"{words}. Mass within the frame: {masses}."
