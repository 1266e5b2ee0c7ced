"""Samples as ``.npy`` and ``.npz``, the files of numpy.

``x.npy`` holds the samples; their weights stand beside it in ``x.weights.npy``, and where so many of each class were
asked for, the names of the classes in ``x.labels.npy``. ``x.npz`` holds ``x``, each condition by its name (classes by
their names) and ``weights``, uncompressed.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np

from si_core.models.samples import Samples
from si_core.runs.partial_samples import PartialSamples
from si_core.runs.sample_formats.base import Array, SampleFormat, class_names, named, refuse_reserved, side_file
from si_core.storage.atomic import publish, write_atomic
from si_core.storage.growing_array import RowForm

__all__ = ["NpyFile", "NpzFile"]


@dataclass(frozen=True)
class NpyFile(SampleFormat):
    """The array itself: what was stored takes its place."""

    copies: ClassVar[int] = 1

    def check(self, out: Path) -> None:
        """Any samples."""

    def arrays(self, samples: Samples) -> dict[str, Array]:
        """The samples, and the names of the classes asked for."""
        stored = {"x": self.events(samples)}
        counted = self.form.counted
        if counted is not None and samples.condition is not None:
            classes = self.form.specs[counted].classes or ()
            stored["labels"] = class_names(samples.condition[counted].numpy(), classes)
        return stored

    def publish(self, partial: PartialSamples, out: Path, weights: Array | None) -> None:
        """Rename it, after what stands beside it."""
        write_side_weights(out, weights)
        labels = side_file(out, "labels")
        if "labels" in partial.forms:
            with partial.path("labels").open("rb") as stored:
                write_atomic(labels, lambda file: shutil.copyfileobj(stored, file))
        else:
            labels.unlink(missing_ok=True)
        publish(partial.path("x"), out)


@dataclass(frozen=True)
class NpzFile(SampleFormat):
    """Several arrays by name."""

    def check(self, out: Path) -> None:
        """Refuse conditions that are named as an array of ours."""
        refuse_reserved(("x", "weights"), self.form.specs, out)

    def arrays(self, samples: Samples) -> dict[str, Array]:
        """The samples and what they were given."""
        return {"x": self.events(samples)} | conditions_of(samples)

    def publish(self, partial: PartialSamples, out: Path, weights: Array | None) -> None:
        """Put the arrays together."""

        def write(file: BinaryIO) -> None:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                for name in partial.forms:
                    spec = self.form.specs.get(name)
                    classes = None if spec is None else spec.classes
                    form = partial.forms[name] if classes is None else _text(classes)
                    _member(archive, name, partial.rows, form, named(partial.rows_of(name), classes))
                if weights is not None:
                    _member(archive, "weights", partial.rows, RowForm.of(weights), iter([weights]))

        write_atomic(out, write)


def write_side_weights(out: Path, weights: Array | None) -> None:
    """``x.weights.npy`` beside ``x.npy``, or none; those of samples before go.

    Raises:
        StorageError: it can't be written.
    """
    path = side_file(out, "weights")
    if weights is None:
        path.unlink(missing_ok=True)
    else:
        write_atomic(path, RowForm.of(weights).header(len(weights)) + weights.tobytes())


def conditions_of(samples: Samples) -> dict[str, Array]:
    """What samples were given, by name, each (k, *shape)."""
    return {name: values.numpy() for name, values in (samples.condition or {}).items()}


def _text(classes: tuple[str, ...]) -> RowForm:
    return RowForm.of(np.array([*classes, ""]))


def _member(archive: zipfile.ZipFile, name: str, rows: int, form: RowForm, pieces: Iterator[Array]) -> None:
    # A member of a fixed date: equal samples are equal bytes.
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
        member.write(form.header(rows))
        for piece in pieces:
            member.write(piece.tobytes())
