"""Rows of a model's data with one of their labels: to fit a classifier to, and others to see how good it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core import Condition, DataError, Distribution, Model, UsageError
from si_estimators.options import flat

__all__ = ["LabelledRows", "label_of", "labelled_rows"]

_PART = 5
"""Where no rows are held out, one in so many of those that there are is set aside."""


@dataclass(frozen=True)
class LabelledRows:
    """Rows as numbers (N, d) with their places among the classes (N,); others of both."""

    train: NDArray[np.float64]
    train_labels: NDArray[np.int64]
    others: NDArray[np.float64]
    other_labels: NDArray[np.int64]


def label_of(model: Model, name: str | None, where: str) -> tuple[str, tuple[str, ...]]:
    """The label that samples are asked for, with its classes.

    Args:
        model: a model whose end has labels.
        name: of the condition; None where there is one label.
        where: who asks, for errors.

    Raises:
        UsageError: there is no such label, or several and no name.
    """
    labels = {key: spec.classes for key, spec in model.end.conditions.items() if spec.classes is not None}
    if name is None and len(labels) == 1:
        name = next(iter(labels))
    classes = labels.get(name or "")
    if not labels:
        allowed = "a target whose draws carry a label, such as `digits`"
        raise UsageError("the data have no labels", where=where, got="draws without classes", allowed=allowed)
    if name is None or classes is None:
        raise UsageError(
            "the data have several labels" if name is None else "the data have no such label",
            where=f"{where}: label",
            got="no name" if name is None else repr(name),
            allowed=", ".join(labels),
            fix=f"label: {next(iter(labels))}",
        )
    if len(classes) < 2:
        raise UsageError("one class alone tells nothing", where=f"{where}: label", got=f"{name}: {classes[0]}")
    return name, classes


def labelled_rows(model: Model, label: str, most: int, generator: torch.Generator, where: str) -> LabelledRows:
    """Rows of the end that sampling reaches, in model space, with their labels; those without are left out.

    Those to fit to are training rows, at most ``most``; others are the rows held out, or where none are, or draws are
    endless, further ones.

    Args:
        model: the model.
        label: the condition.
        most: rows that are fitted to.
        generator: the source of randomness.
        where: who asks, for errors.

    Raises:
        DataError: fewer than two classes to fit to, or no rows left to see how good that is.
        MissingDataError: a loaded model whose data are gone.
    """
    end = model.end
    train, train_labels = _rows(end, most + most // _PART, label, generator)
    held_out = end.held_out()
    if held_out is None:
        kept = max(1, len(train) // _PART)
        others, other_labels = train[:kept], train_labels[:kept]
        train, train_labels = train[kept:], train_labels[kept:]
    else:
        train, train_labels = train[:most], train_labels[:most]
        others, other_labels = _with_label(held_out, label)
    if len(np.unique(train_labels)) < 2 or not len(others):
        raise DataError(
            "too few labelled rows for a classifier",
            where=where,
            got=f"{len(train)} rows of {len(np.unique(train_labels))} classes, and {len(others)} to try it on",
            allowed="two classes or more, and rows held out",
        )
    return LabelledRows(train, train_labels, others, other_labels)


def _rows(
    end: Distribution, most: int, label: str, generator: torch.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if end.size is None:
        return _with_label(end.checked_draw(most, generator), label)
    index = torch.randperm(end.size, generator=generator, device=generator.device)[:most]
    return _with_label(end.rows(index), label)


def _with_label(rows: tuple[Tensor, Condition | None], label: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    x, labels = flat(rows[0]).double().cpu().numpy(), (rows[1] or {})[label].cpu().numpy()
    return x[labels >= 0], labels[labels >= 0]
