"""How often the classes of a data set occur together: enough to draw labels as the data have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from si_core.contract.condition import Condition
from si_core.errors import DataError

__all__ = ["LabelCounts"]


@dataclass(frozen=True, eq=False)
class LabelCounts:
    """The distinct combinations of labels and how many rows have each.

    Args:
        labels: by name, places among the classes, each (K,) int64; -1 for one that is left out.
        counts: of rows, (K,) int64, positive.

    Raises:
        DataError: shapes that don't fit, or counts that are none.
    """

    labels: Mapping[str, Tensor]
    counts: Tensor

    def __post_init__(self) -> None:
        counts = torch.as_tensor(self.counts, dtype=torch.int64)
        labels = {name: torch.as_tensor(values, dtype=torch.int64) for name, values in self.labels.items()}
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "labels", labels)
        shapes = {tuple(values.shape) for values in (counts, *labels.values())}
        if len(shapes) > 1 or counts.ndim != 1 or not len(counts) or not bool((counts > 0).all()):
            raise DataError("label counts", got=f"shapes {sorted(shapes)}", allowed="one shape (K,), counts above 0")

    @classmethod
    def of(cls, labels: Mapping[str, Tensor]) -> LabelCounts:
        """The counts of rows of labels, by name, each (N,)."""
        values, counts = torch.unique(torch.stack(list(labels.values()), -1), dim=0, return_counts=True)
        return cls(dict(zip(labels, values.unbind(-1), strict=True)), counts)

    def draw(self, n: int, generator: torch.Generator | None = None) -> Condition:
        """n independent draws of the labels, by name, each (n,), on the device of the generator."""
        device = torch.device("cpu") if generator is None else generator.device
        u = torch.rand(n, generator=generator, dtype=torch.float64, device=device) * int(self.counts.sum())
        index = torch.searchsorted(self.counts.cumsum(0).double().to(device), u, right=True)
        return {name: values.to(device)[index] for name, values in self.labels.items()}

    def plain(self) -> dict[str, Any]:
        """The counts as plain data."""
        return {
            "names": list(self.labels),
            "values": torch.stack(list(self.labels.values()), -1).tolist(),
            "counts": self.counts.tolist(),
        }

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> LabelCounts:
        """The counts that :meth:`plain` wrote."""
        values = torch.tensor(plain["values"], dtype=torch.int64)
        return cls(dict(zip(plain["names"], values.unbind(-1), strict=True)), torch.tensor(plain["counts"]))
