"""Samples as a folder of PNG files, which the distribution ``images`` reads.

A pixel of eight bits is ``round(255 (v - black) / (white - black))`` of the value v in data space, between 0 and 255;
black and white are those of the frame. Files are named by the number of the sample. Of a model that is given one label
they lie in sub-folders, as folders of labelled images do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from si_core.errors import StorageError, UsageError
from si_core.models.samples import Samples
from si_core.runs.new_directory import folder_name
from si_core.runs.partial_samples import PartialSamples
from si_core.runs.sample_formats.base import Array, SampleFormat, named
from si_core.runs.sample_formats.numpy_files import write_side_weights
from si_core.storage.atomic import open_new
from si_core.storage.new_folder import new_folder
from si_core.storage.png import CHANNELS, png_of

__all__ = ["PictureFolder"]

_UNLABELLED = "unlabelled"


@dataclass(frozen=True)
class PictureFolder(SampleFormat):
    """One image a sample."""

    def check(self, out: Path) -> None:
        """Refuse events that are no images, classes that name no folder, and a folder that holds something."""
        frame = self.form.frame
        if frame.pixels is None or len(frame.shape) != 3 or frame.shape[0] not in CHANNELS:
            got = (
                f"events of shape {frame.shape}, {'no' if frame.pixels is None else 'known'} values of black and white"
            )
            allowed = "images (channels, height, width) of " + ", ".join(map(str, CHANNELS)) + " channels"
            fix = f"--out {out.with_suffix('.npy')}"
            raise UsageError("only images make pictures", where="--out", got=got, allowed=allowed, fix=fix)
        unfit = [name for name in self._classes or () if folder_name(name) != name or name == _UNLABELLED]
        if unfit:
            fix = f"--out {out.with_suffix('.npz')}"
            raise UsageError("a class whose name can't be that of a folder", where="--out", got=unfit[0], fix=fix)
        if out.is_dir() and any(out.iterdir()):
            fix = "another name, or remove what is in it"
            raise StorageError("the folder is not empty", where=str(out), allowed="a new or empty folder", fix=fix)

    def arrays(self, samples: Samples) -> dict[str, Array]:
        """The pixels, and the label where there is one."""
        black, white = self.form.frame.pixels or (0.0, 1.0)
        levels = (samples.x.double() - black) * (255 / (white - black))
        stored: dict[str, Array] = {"x": levels.round().clamp(0, 255).byte().numpy()}
        label = self._label
        if label is not None and samples.condition is not None:
            stored[label] = samples.condition[label].numpy()
        return stored

    def publish(self, partial: PartialSamples, out: Path, weights: Array | None) -> None:
        """Write the images into a new folder."""
        write_side_weights(out, weights)
        digits, label = len(str(partial.rows - 1)), self._label
        with new_folder(out) as folder:
            folders = self._folders(partial, label)
            number = 0
            for images in partial.rows_of("x"):
                for image in images:
                    place = folder / next(folders)
                    place.mkdir(exist_ok=True)
                    with open_new(place / f"{number:0{digits}d}.png") as file:
                        file.write(png_of(image))
                    number += 1

    def _folders(self, partial: PartialSamples, label: str | None) -> Iterator[str]:
        """The sub-folder of each image, in order; the folder itself where there are no labels."""
        if label is None or label not in partial.forms:
            for _ in range(partial.rows):
                yield "."
            return
        for names in named(partial.rows_of(label), self._classes):
            yield from (name or _UNLABELLED for name in np.asarray(names).tolist())

    @property
    def _label(self) -> str | None:
        """The condition that is told by sub-folders: the only one with classes."""
        labels = [name for name, spec in self.form.specs.items() if spec.classes is not None]
        return labels[0] if len(labels) == 1 else None

    @property
    def _classes(self) -> tuple[str, ...] | None:
        return None if self._label is None else self.form.specs[self._label].classes
