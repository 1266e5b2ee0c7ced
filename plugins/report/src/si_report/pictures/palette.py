"""Colours and type of all pictures.

Colours of sets are from the palette of Okabe and Ito, which the common forms of colour blindness tell apart, and
differ in lightness as well; maps of numbers are perceptually uniform (viridis, plasma) or diverge symmetrically (RdBu).
"""

from __future__ import annotations

from typing import Any

from matplotlib import colormaps
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb

__all__ = [
    "FAINT",
    "MISSING",
    "SAMPLES",
    "SETS",
    "SOURCE",
    "STYLE",
    "TARGET",
    "contrast",
    "density_map",
    "diverging_map",
    "ink_on",
    "level_map",
    "time_map",
]

SOURCE = "#777777"
TARGET = "#222222"
SAMPLES = "#0072b2"
SETS = ("#0072b2", "#d55e00", "#00875f", "#b3558a", "#a37500", "#2e8fc6", "#222222")
FAINT = "#c8ccd0"
MISSING = "#d9d9d9"
LIGHTEST = 0.6
"""Of plasma: lines keep three times the luminance of paper apart (WCAG 2.2, 1.4.11)."""

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


def contrast(one: Any, other: Any) -> float:
    """The contrast of two colours, ``(L + 0.05)/(l + 0.05)`` of their relative luminances L >= l (WCAG 2.2)."""
    light, dark = sorted(map(_luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def ink_on(colour: Any) -> str:
    """Black or white, whichever is more legible on a colour: never below 4.5."""
    return max(("#000000", "#ffffff"), key=lambda ink: contrast(ink, colour))


def _luminance(colour: Any) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True)))


def time_map() -> Colormap:
    """Colours of times from dark to light, without the yellow and orange that fade on paper."""
    plasma = colormaps["plasma"]
    return LinearSegmentedColormap.from_list("time", [plasma(LIGHTEST * k / 32) for k in range(33)])


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
