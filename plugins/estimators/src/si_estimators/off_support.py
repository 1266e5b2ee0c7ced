"""Points whose paths end off the support of the density they are carried to: which, and how far off."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from si_core import NumericsError
from si_estimators.options import flat
from si_estimators.start_law import StartLaw

__all__ = ["OFF_SUPPORT", "OffSupport", "OffSupportChoice"]

OffSupportChoice = Literal["refuse", "drop"]
OFF_SUPPORT = ("refuse", "drop")

_NAMED, _INSIDE, _HALVINGS = 8, 1000, 40


class OffSupport:
    """What ends where the density is 0, such as outside of the box of a uniform source.

    Args:
        law: the law with the density.
        where: the place that an error names.
    """

    def __init__(self, law: StartLaw, where: str) -> None:
        self._law, self._where = law, where
        self._rows: list[Tensor] = []
        self._distances: list[Tensor] = []

    def look(self, density: Tensor, final: Tensor, rows: Tensor) -> None:
        """Note the paths of a batch that end off the support.

        Args:
            density: log-densities where they end, shape (B,).
            final: where they end, shape (B, *event).
            rows: the points that they belong to, shape (B,).
        """
        off = torch.isneginf(density)
        if bool(off.any()):
            self._rows.append(rows[off].cpu())
            self._distances.append(self._distance(final[off], final[torch.isfinite(density)]).cpu())

    @property
    def rows(self) -> Tensor:
        """The points with a path that ends off the support, in order, shape (K,)."""
        return torch.cat(self._rows).unique() if self._rows else torch.empty(0, dtype=torch.int64)

    def details(self, count: int) -> dict[str, Any]:
        """How many of ``count`` points are off, the first of them, and the distances of their paths."""
        if not self._rows:
            return {}
        rows, distances = self.rows, torch.cat(self._distances).double()
        known = distances[torch.isfinite(distances)]
        return {
            "off_support": {
                "points": len(rows),
                "of": count,
                "first_rows": rows[:_NAMED].tolist(),
                "median_distance": float(known.median()) if len(known) else None,
                "largest_distance": float(known.max()) if len(known) else None,
            }
        }

    def refuse(self, count: int) -> None:
        """Raise NumericsError with what is known of the points that are off, where there are any."""
        if not self._rows:
            return
        found = self.details(count)["off_support"]
        rest = ", ..." if found["points"] > _NAMED else ""
        far = "" if found["largest_distance"] is None else f", at most {found['largest_distance']:.3g} away from it"
        raise NumericsError(
            "paths end off the support of the other end, where its density is 0: the mean is minus infinity",
            where=self._where,
            got=f"{found['points']} of {count} points, in rows {', '.join(map(str, found['first_rows']))}{rest}{far}",
            fix="off_support: drop for the mean over the others, or a source with a density everywhere, such as "
            "`gaussian`",
        )

    def _distance(self, off: Tensor, inside: Tensor) -> Tensor:
        """An upper bound of the distance of each point (K, *event) from the support, shape (K,).

        That along the straight line to the nearest of some points inside, by halving; NaN where none is known.
        """
        end = self._law.end
        if not len(inside) and end.has_samples:
            inside = end.sample(_INSIDE, torch.Generator(off.device).manual_seed(0)).to(off)
            inside = inside[torch.isfinite(self._law.log_prob(inside))]
        if not len(inside):
            return torch.full((len(off),), torch.nan)
        inside = inside[:_INSIDE]
        nearest = inside[torch.cdist(flat(off).double(), flat(inside).double()).argmin(1)]
        low, high = off.new_zeros(len(off)), off.new_ones(len(off))
        shape = (-1, *(1,) * (off.ndim - 1))
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            found = torch.isfinite(self._law.log_prob(off + middle.reshape(shape) * (nearest - off)))
            low, high = torch.where(found, low, middle), torch.where(found, middle, high)
        return high * flat(nearest - off).norm(dim=1)
