"""A folder of images as a distribution.

Up to 256 MiB of pixels are decoded once and kept in memory. Beyond, images stay files: all are decoded once before
training, so that what is damaged is found and the pixels have a digest, and again when they are drawn, by ``workers``
threads beside the training (Pillow decodes outside of Python's lock), but for those that a cache of bounded size has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from si_core import Condition, ConditionSpec, Largest, UsageError
from si_distributions.datasets.labels import number_labels
from si_distributions.datasets.on_file import Storage, stays_on_file
from si_distributions.datasets.order import Order
from si_distributions.datasets.rows import Rows, split
from si_distributions.datasets.scaling import fixed
from si_distributions.datasets.sides import warn_of_classes, warn_of_repeated_rows
from si_distributions.files.image_folder import read_images
from si_distributions.files.picture import PictureReader
from si_distributions.options import Precision, Workers, whole
from si_distributions.randomness import uniform

__all__ = ["Images"]

_BYTE = 255
_LARGEST = 4096
Side = Annotated[int, Field(ge=1, le=_LARGEST)]


class Images(Rows):
    """Draws from the images of a folder, shape (channels, height, width).

    ``data = 127.5 + 127.5 model``: bytes 0..255 in data space, [-1, 1] in model space. Images that lie in sub-folders
    carry the name of their folder as the condition ``class``. Photographs are turned upright as their EXIF data say,
    16 bits are rounded to 8, and what is transparent shows the background, each with a warning that says how many.

    Args:
        path: the folder; in a recipe relative to the recipe, in a call to the current directory.
        channels: 3 for colour, 1 for grey; every image is converted.
        size: of all images, a number or [height, width]: each is scaled to cover it, and what stands out is cropped
            evenly at both sides. Left out, all images must have one size.
        background: of transparent images, white or black.
        flip: whether draws of training rows are mirrored left to right with probability 1/2; rows by their index and
            those held out are not.
        label: whether draws carry the sub-folder as a condition, where there are sub-folders.
        held_out: the fraction of the images kept from training, for estimators.
        split_seed: which images are held out.
        dequantise: whether draws get uniform noise of one level, on [-1/2, 1/2) in data space, so that they have a
            density; rounding what :meth:`decode` gives undoes it.
        damaged: what to do with an image that can't be used: stop, or skip it with a warning.
        dtype: of the draws.
        order: of the draws of training: replacement, for independent images, or shuffled, for each once an epoch.
        storage: memory, file, or auto, which leaves more than 256 MiB of pixels in the files; the numbers are the same.
        check: of images that stay files: contents, or sizes, for names and sizes of files alone: what is damaged is
            then told when it is drawn.
        cache: MiB of decoded images in memory at most, where they stay files.
        workers: threads that decode the images of later steps, where they stay files, which changes no number; 0 for
            none.

    Attributes:
        skipped: the number of images left out because they could not be used.

    Raises:
        DataError: a folder without images, a damaged or huge image, images of several sizes.
        UsageError: Pillow is not installed, or an option is not allowed.
    """

    def __init__(
        self,
        path: Path,
        channels: Literal[1, 3] = 3,
        size: Side | Annotated[list[Side], Field(min_length=2, max_length=2)] | None = None,
        background: Literal["white", "black"] = "white",
        flip: bool = False,
        label: bool = True,
        held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        split_seed: Annotated[int, Field(ge=0, le=Largest.SEED)] = 0,
        dequantise: bool = False,
        damaged: Literal["stop", "skip"] = "stop",
        dtype: Precision = "float32",
        order: Order = "replacement",
        storage: Storage = "auto",
        check: Literal["contents", "sizes"] = "contents",
        cache: Annotated[int, Field(ge=0, le=2**20)] = 256,
        workers: Workers = 1,
    ) -> None:
        where = str(path)
        for name, value, allowed in (
            ("channels", channels, (1, 3)),
            ("background", background, ("white", "black")),
            ("damaged", damaged, ("stop", "skip")),
            ("check", check, ("contents", "sizes")),
        ):
            if value not in allowed:
                listed = ", ".join(map(str, allowed))
                raise UsageError("not an option", where=f"images: {name}", got=repr(value), allowed=listed)
        reader = PictureReader(channels, _height_and_width(size), background)
        found = read_images(
            where,
            reader,
            damaged == "skip",
            lambda count, shape: stays_on_file(storage, count, shape, torch.uint8, where),
            check == "contents",
            whole(cache, "cache", where, 0) << 20,
        )
        values, folders, self.skipped = found.rows, found.folders, found.skipped
        train, held = split(len(values), held_out, split_seed, where)
        condition_values, conditions = {}, {}
        if label and folders is not None:
            labels, names = number_labels(np.array(folders), len(values), where)
            warn_of_classes(labels, names, train, held, where)
            condition_values["class"], conditions["class"] = labels, ConditionSpec(classes=names)
        if isinstance(values, np.ndarray):
            warn_of_repeated_rows(values, train, held, where)
        elif found.marks is not None and len(held):
            found.marks.warn(train, held, where)
        self._flip = flip
        super().__init__(
            values,
            train,
            held,
            fixed(_BYTE / 2, _BYTE / 2),
            condition_values=condition_values,
            conditions=conditions,
            pixels=(0.0, float(_BYTE)),
            dequantise=dequantise,
            noise_seed=split_seed,
            dtype=dtype,
            order=order,
            workers=workers,
            digest=found.digest,
            where=where,
        )

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Condition | None]:
        """n training images with their conditions."""
        x, condition = super().draw(n, generator)
        if self._flip:
            mirrored = uniform((n, 1, 1, 1), x.dtype, generator) < 0.5
            x = torch.where(mirrored, x.flip(-1), x)
        return x, condition

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that can be drawn."""
        images = super().fingerprint
        return hashlib.sha256(f"{images} mirrored".encode()).hexdigest() if self._flip else images


def _height_and_width(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = [size, size] if isinstance(size, int) else list(size)
    if len(sides) != 2:
        raise UsageError("not a size", where="images: size", got=repr(size), allowed="a number, or [height, width]")
    for side in sides:
        if whole(side, "size", "images", 1) > _LARGEST:
            raise UsageError("a size beyond all images", where="images: size", got=side, allowed=f"1..{_LARGEST}")
    return sides[0], sides[1]
