"""The best linear forecast with Gaussian residuals, to compare with: a vector autoregression by least squares.

    ``x_(k+1) = b + A (x_k, ..., x_(k-P+1)) + e``,    ``e ~ N(0, C)``

with b, A and C from the training windows, the same past states as the model, and rolled out in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from si_forecast.data.series_rows import SeriesRows

__all__ = ["LinearModel"]

_MOST = 200_000
"""Windows that are fitted to: equally far apart where there are more."""


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A vector autoregression in model space.

    Args:
        weights: ``(A, b)``, shape (P d + 1, d).
        root: a root of C, shape (d, d).
        shape: of a state.
    """

    weights: Tensor
    root: Tensor
    shape: tuple[int, ...]

    @classmethod
    def fitted(cls, rows: SeriesRows) -> LinearModel:
        """The least-squares fit to the training windows."""
        size = rows.size or 0
        index = torch.linspace(0, size - 1, min(size, _MOST), dtype=torch.float64).round().long()
        x1, given = rows.rows(index)
        past = given["past"] if given is not None else x1[:, None]
        inputs, outputs = _inputs(past.double()), x1.double().flatten(1)
        weights = torch.linalg.lstsq(inputs, outputs, driver="gelsd").solution
        off = outputs - inputs @ weights
        covariance = off.T @ off / max(1, len(off) - inputs.shape[1])
        # The root by eigenvalues: a column that follows from the others leaves residuals of rank d - 1.
        values, vectors = torch.linalg.eigh(covariance)
        return cls(weights, vectors * values.clamp_min(0).sqrt(), rows.shape)

    def forecasts(self, past: Tensor, leads: Sequence[int], members: int, generator: torch.Generator) -> Tensor:
        """Members of its own roll-outs, shape (members, S, len(leads), *event).

        Args:
            past: past states, the oldest first, float64, shape (S, P, *event).
            leads: the steps ahead.
            members: of each start.
            generator: the source of randomness, on the CPU.
        """
        now = past.double().repeat(members, *(1 for _ in past.shape[1:]))
        found = []
        for lead in range(1, max(leads) + 1):
            noise = torch.randn(len(now), len(self.root), generator=generator, dtype=torch.float64)
            x = (_inputs(now) @ self.weights + noise @ self.root.T).reshape(-1, *self.shape)
            now = torch.cat([now[:, 1:], x.unsqueeze(1)], 1)
            if lead in leads:
                found.append(x.reshape(members, len(past), *self.shape))
        return torch.stack(found, 2)


def _inputs(past: Tensor) -> Tensor:
    flat = past.flatten(1)
    return torch.cat([flat, flat.new_ones(len(flat), 1)], 1)
