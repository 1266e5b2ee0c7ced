"""The labels of a data set in parts: one small number a row, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from si_core import LabelCounts
from si_distributions.datasets.keyed_split import KeyedSplit
from si_distributions.datasets.labels import number_labels
from si_distributions.files.contents import Contents
from si_distributions.files.labels_file import with_labels
from si_distributions.files.shards.store import ShardStore

__all__ = ["Labels", "labels_of"]


@dataclass(frozen=True)
class Labels:
    """Classes of rows.

    Args:
        name: of the condition.
        classes: their names.
        places: of each row's among them, (N,), in as few bytes as they need.
    """

    name: str
    classes: tuple[str, ...]
    places: NDArray[np.integer]

    def counts(self, split: KeyedSplit) -> LabelCounts:
        """How many training rows each class has."""
        width = len(self.classes)
        held = np.bincount(self.places[split.held(split.held_size)], minlength=width)
        counts = np.bincount(self.places, minlength=width) - held
        there = np.flatnonzero(counts)
        return LabelCounts({self.name: torch.from_numpy(there)}, torch.from_numpy(counts[there]))


def labels_of(store: ShardStore, label: str | None, file: Path | None, where: str) -> Labels | None:
    """The labels that the parts hold, or a file of their own; None where there are none.

    Args:
        store: the parts.
        label: the key or column of labels.
        file: of labels, one for each row in turn.
        where: the data set, for errors.

    Raises:
        DataError: not one label a row.
    """
    found, name = store.labels, "class" if label == "cls" else label or "label"
    if file is not None:
        rows = np.broadcast_to(np.uint8(0), (len(store), 1))
        contents = with_labels(Contents(rows), str(file), label)
        found, name, where = contents.labels, contents.label_name, str(file)
    if found is None:
        return None
    places, classes = number_labels(found, len(store), where)
    return Labels(name, classes, places.astype(np.min_scalar_type(max(len(classes) - 1, 0))))
