"""Histograms of ranks: what an estimate that tests calibration found, one panel for each rank."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from si_core import RunView
from si_report.pictures.palette import FAINT, SAMPLES, TARGET
from si_report.pictures.picture import Picture, Settings, printable, sheet, unused

__all__ = ["ranks"]

MOST = 12
"""Panels."""
SPREAD = 3.0
"""Half the width of the band, in standard deviations."""


def ranks(view: RunView, settings: Settings) -> Picture | None:
    """Draw the histograms that the details of an estimate have as ``rank_histograms``, counts of equal bins by name.

    Behind them lies the band in which nearly all bars of uniform ranks are: ``n/B +- 3 (n/B (1 - 1/B))^(1/2)`` of n
    ranks in B bins.
    """
    found = _histograms(view.estimates)
    if not found:
        return None
    shown = dict(list(found.items())[:MOST])
    across = min(len(shown), 4)
    down = -(-len(shown) // across)
    with sheet(2.6 * across + (1.0 if across == 1 else 0), 2.2 * down, settings) as drawing:
        panels = drawing.figure.subplots(down, across, squeeze=False).reshape(-1)
        for ax, (name, counts) in zip(panels, shown.items(), strict=False):
            bins, expected = len(counts), sum(counts) / len(counts)
            band = SPREAD * math.sqrt(expected * (1 - 1 / bins))
            ax.axhspan(max(0.0, expected - band), expected + band, color=FAINT, alpha=0.5, linewidth=0)
            ax.axhline(expected, color=TARGET, linewidth=0.8)
            ax.bar([(k + 0.5) / bins for k in range(bins)], counts, width=1 / bins, color=SAMPLES, alpha=0.8)
            ax.set_xlim(0, 1)
            ax.set_title(printable(name), fontsize=10, parse_math=False)
        for ax in panels[len(shown) - across : len(shown)]:
            ax.set_xlabel("rank / number of ranks")
        unused(*panels[len(shown) :])
    more = f" The first {MOST} of {len(found)}." if len(found) > MOST else ""
    caption = (
        "Ranks of true values among samples. Calibrated, they are uniform, and nearly all bars end in the band; a hill "
        f"says that samples are too wide, a valley that they are too narrow, a slope that they are moved.{more}"
    )
    return Picture("ranks", "Calibration", "Histograms of ranks", caption, drawing.png)


def _histograms(estimates: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """The first estimate's that has any, those that are counts alone."""
    for record in estimates:
        details = record.get("details")
        given = details.get("rank_histograms") if isinstance(details, Mapping) else None
        if isinstance(given, Mapping):
            found = {str(name): list(counts) for name, counts in given.items() if _counts(counts)}
            if found:
                return found
    return {}


def _counts(counts: Any) -> bool:
    return (
        isinstance(counts, list | tuple)
        and len(counts) > 1
        and all(isinstance(c, int) and not isinstance(c, bool) and c >= 0 for c in counts)
        and sum(counts) > 0
    )
