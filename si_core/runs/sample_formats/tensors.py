"""Samples as ``.safetensors``: ``x``, each condition by its name, ``weights``.

Text is no tensor: classes are told by their places, int64, -1 where one is left out, and their names stand as JSON in
the metadata under ``classes.NAME``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from si_core.errors import UsageError
from si_core.models.samples import Samples
from si_core.runs.partial_samples import PartialSamples
from si_core.runs.sample_formats.base import Array, SampleFormat, refuse_reserved
from si_core.runs.sample_formats.numpy_files import conditions_of
from si_core.storage.growing_array import RowForm
from si_core.storage.tensor_stream import TensorStream, stream_tensors, tensor_word

__all__ = ["TensorsFile"]


@dataclass(frozen=True)
class TensorsFile(SampleFormat):
    """Tensors by name."""

    def check(self, out: Path) -> None:
        """Refuse conditions that are named as a tensor of ours, or as the header's metadata."""
        refuse_reserved(("x", "weights", "__metadata__"), self.form.specs, out)

    def arrays(self, samples: Samples) -> dict[str, Array]:
        """The samples and what they were given.

        Raises:
            UsageError: data of a dtype that the format lacks.
        """
        x = self.events(samples)
        if tensor_word(RowForm.of(x).dtype) is None:
            raise UsageError("no tensors of this dtype", where="--out", got=x.dtype, fix="a .npy or .npz file")
        return {"x": x} | conditions_of(samples)

    def publish(self, partial: PartialSamples, out: Path, weights: Array | None) -> None:
        """Put the tensors together."""
        names = {name: spec.classes for name, spec in self.form.specs.items() if spec.classes is not None}
        text = {f"classes.{name}": json.dumps(classes) for name, classes in names.items() if name in partial.forms}
        streams = [
            TensorStream(name, partial.rows, form, lambda name=name: partial.rows_of(name))  # type: ignore[misc]
            for name, form in partial.forms.items()
        ]
        if weights is not None:
            streams.append(TensorStream("weights", len(weights), RowForm.of(weights), lambda: _whole(weights)))
        stream_tensors(out, streams, text)


def _whole(rows: Array) -> Iterator[Array]:
    yield rows
