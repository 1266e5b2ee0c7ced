"""Colours and type of all pictures.

Colours of sets are from the palette of Okabe and Ito, which the common forms of colour blindness tell apart, and
differ in lightness as well; maps of numbers are perceptually uniform (viridis, plasma) or diverge symmetrically (RdBu).
"""

from __future__ import annotations

from typing import Any

from matplotlib import colormaps
from matplotlib.colors import Colormap, LinearSegmentedColormap

__all__ = [
    "FAINT",
    "MISSING",
    "SAMPLES",
    "SETS",
    "SOURCE",
    "STYLE",
    "TARGET",
    "density_map",
    "diverging_map",
    "level_map",
    "time_map",
]

SOURCE = "#777777"
TARGET = "#222222"
SAMPLES = "#0072b2"
SETS = ("#0072b2", "#d55e00", "#00875f", "#b3558a", "#a37500", "#2e8fc6", "#222222")
FAINT = "#c8ccd0"
MISSING = "#d9d9d9"

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.labelsize": 10,
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.7,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-4, 5),
    "text.usetex": False,
}


def time_map() -> Colormap:
    """Colours of times from dark to light, without the yellow that fades on paper."""
    plasma = colormaps["plasma"]
    return LinearSegmentedColormap.from_list("time", [plasma(0.82 * k / 32) for k in range(33)])


def density_map() -> Colormap:
    """Colours of densities: paper where nothing is."""
    stops = ["#ffffff", "#d6e6f2", "#8fbedd", "#3f8fc4", "#0a5a99", "#062e5c", "#04122b"]
    return LinearSegmentedColormap.from_list("density", stops)


def level_map() -> Colormap:
    """Colours of log-densities; grey where there is no value."""
    return colormaps["viridis"].with_extremes(bad=MISSING)


def diverging_map() -> Colormap:
    """Colours of signed numbers; grey where there is no value."""
    return colormaps["RdBu_r"].with_extremes(bad=MISSING)
