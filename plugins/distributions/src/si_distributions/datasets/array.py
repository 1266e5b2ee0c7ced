"""Rows of a file as a distribution: the way to one's own data.

A .npy file, and an array that a .npz file holds uncompressed, is mapped. Up to 256 MiB, counted as the model takes its
numbers, rows are then stored in memory, in the units of the model: a draw is one gather, on an accelerator too. Beyond,
they stay in the file: two passes in blocks find what is not finite, then scale and digest, and a draw reads its rows
alone, in threads beside the training. Both give the same numbers; ``storage`` chooses between them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from si_core import Largest
from si_distributions.datasets.bounded import bounds_of
from si_distributions.datasets.missing import Missing
from si_distributions.datasets.on_file import Storage
from si_distributions.datasets.order import Order
from si_distributions.datasets.tabular import Tabular
from si_distributions.files.labels_file import with_labels
from si_distributions.files.read import names_in, read
from si_distributions.files.text_form import Header
from si_distributions.options import Precision, Workers

__all__ = ["Array"]


Column = Annotated[int, Field(ge=-Largest.DIMENSIONS, le=Largest.DIMENSIONS)]
"""A place among the columns, from 0; the file says which there are."""


class Array(Tabular):
    """Draws from the rows of a .npy, .npz, .parquet or text file (.csv, .tsv, .txt), or of one that a reader knows.

    Readers come with plugins: .h5ad with si-h5ad, .zarr with si-zarr.

    An array (N, *event) gives draws of shape event; one of shape (N,) is a table with one column. True and false are 1
    and 0. Text tables are read as :mod:`si_distributions.files.text_form` finds them written; a column that only
    numbers or names the rows, as data frames write it, is left out with a warning.

    Args:
        path: the file; in a recipe relative to the recipe, in a call to the current directory.
        key: the array of a .npz file that holds several, or of another file as its reader says.
        columns: names or indices of the columns to keep, in this order; all but the label and the conditions where left
            out.
        label: name or index of the column of class labels, given to networks under its name; for .npz also the key of
            an array of labels, for .h5ad a column of obs. Classes have the names of the file, numbers as a person
            writes them (0.000e+00 is 0).
        labels: a file of labels, one for each row: .npy, or text; label then names its column where it has several.
        conditions: names or indices of further columns that networks are given, each a number; for .npz also keys of
            arrays (N, *shape).
        standardise: whether each column gets mean 0 and variance 1 (one mean and scale for all entries where the event
            has several axes).
        held_out: the fraction of the rows kept from training, for estimators.
        split_seed: which rows are held out.
        missing: what to do with rows in which something is missing (nothing, NA, N/A, NaN, null, ?) or not finite:
            refuse; drop them; mean, which puts the mean of the training rows in its place; or leave-out, which keeps
            those that lack a label or a condition alone (train.condition_dropout must name it).
        header: whether the first row of a text file has names; auto takes it for names where none is a number.
        dtype: of the draws.
        order: of the draws of training: replacement, for independent rows, or shuffled, for each row once an epoch in
            an order of its own; a step's rows are a function of the seed and its number alone.
        bounds: of columns, by name or number, between which the data lie: ``{width: [0, null], angle: [-1, 1]}``, null
            for none. Networks learn numbers without bounds that stand for them (:class:`si_core.Bounds`), samples lie
            within, and densities are told per unit of the data.
        storage: memory, file, or auto, which leaves more than 256 MiB on file. Of held-out rows on file some are given,
            512 or 2^24 numbers at least. A file must not change while it is in use.
        workers: threads that read the rows of later steps from a file, which changes no number; 0 for none.

    Raises:
        DataError: a file that is missing, empty, damaged, or holds anything but finite numbers.
        UsageError: storage: file for a file whose rows can't be read one by one.
    """

    def __init__(
        self,
        path: Path,
        key: str | None = None,
        columns: list[Column | str] | None = None,
        label: Column | str | None = None,
        labels: Path | None = None,
        conditions: list[Column | str] | None = None,
        standardise: bool = True,
        held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        split_seed: Annotated[int, Field(ge=0, le=Largest.SEED)] = 0,
        missing: Missing = "refuse",
        header: Header = "auto",
        dtype: Precision = "float32",
        order: Order = "replacement",
        bounds: dict[str, tuple[float | None, float | None]] | None = None,
        storage: Storage = "auto",
        workers: Workers = 1,
    ) -> None:
        where = str(path)
        contents = read(where, key, columns, label if labels is None else None, conditions or (), header)
        if labels is not None:
            contents = with_labels(contents, str(labels), label)
        further = {"storage": storage, "order": order, "workers": workers}
        within = None if bounds is None else bounds_of(bounds, contents.shape[1:], contents.names, where)
        super().__init__(contents, standardise, held_out, split_seed, missing, dtype, where, bounds=within, **further)

    @staticmethod
    def columns_of(path: str) -> tuple[str, ...] | None:
        """The names of the columns of a file, as it has them; None for one without names.

        Raises:
            DataError: a file that is missing, empty or damaged.
        """
        return names_in(path)
