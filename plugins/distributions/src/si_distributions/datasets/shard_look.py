"""What is found of a data set in parts before training: in one pass over all rows, or from headers alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from si_core import ConditionSpec, DataError
from si_distributions.datasets.keyed_split import KeyedSplit
from si_distributions.datasets.scaling import Scaling, Spread
from si_distributions.files.shards.store import ShardStore

__all__ = ["ShardLook", "header_look", "look_through_shards"]


class ShardLook(NamedTuple):
    """What was found.

    Args:
        scaling: that gives the training rows mean 0 and variance 1, where it was asked for.
        conditions: of values, with their mean and scale.
        digest: of all that was looked at.
    """

    scaling: Scaling | None
    conditions: Mapping[str, ConditionSpec]
    digest: bytes


def header_look(store: ShardStore) -> ShardLook:
    """Names, sizes and headers: no row is read, and values of conditions are given as they are."""
    conditions = {name: ConditionSpec(shape) for name, shape in store.shapes.items() if name}
    return ShardLook(None, conditions, store.described().encode())


def look_through_shards(store: ShardStore, split: KeyedSplit, standardise: bool, where: str) -> ShardLook:
    """Read all rows once.

    Args:
        store: the rows.
        split: into training rows, which alone have a part in the scale, and those held out.
        standardise: whether the scale is wanted.
        where: the data set, for errors.

    Raises:
        DataError: a number that is not finite, with its row; data that can't be scaled.
    """
    kept = np.ones(len(store), dtype=bool)
    kept[split.held(split.held_size)] = False
    # A condition has one mean and one scale, whatever its shape.
    spreads = {name: Spread(shape if not name else (), store.dtypes[name]) for name, shape in store.shapes.items()}
    digest = hashlib.sha256(f"{len(store)} {sorted(store.shapes.items())}".encode())
    for start, rows in store.blocks():
        for name in sorted(rows):
            values, here = rows[name], kept[start : start + len(rows[name])]
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                finite = np.isfinite(values).reshape(len(values), -1).all(1)
                row = store.named(start + int((~finite).argmax()))
                problem = "values that are missing or not finite" + (f" in {name!r}" if name else "")
                raise DataError(problem, where=row, fix="repair the file, or leave the row out")
            if name or standardise:
                spreads[name].add(values[here])
            wide = values.astype(store.dtypes[name].newbyteorder("<"), copy=False)
            digest.update(np.ascontiguousarray(wide))
    conditions = {}
    for name, shape in store.shapes.items():
        if name:
            mean, scale = spreads[name].moments
            conditions[name] = ConditionSpec(shape, mean=float(mean[0]), scale=float(scale[0]) or 1.0)
    scaling = spreads[""].scaling(store.columns, where) if standardise else None
    return ShardLook(scaling, conditions, digest.digest())
