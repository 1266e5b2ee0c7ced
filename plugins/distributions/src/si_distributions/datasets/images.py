"""A folder of equally sized images as a distribution."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from si_core import ConditionSpec
from si_distributions.datasets.labels import number_labels
from si_distributions.datasets.rows import Rows, split
from si_distributions.datasets.scaling import fixed
from si_distributions.files.image_folder import read_images
from si_distributions.options import Precision

__all__ = ["Images"]

_BYTE = 255


class Images(Rows):
    """Draws with replacement from the images of a folder, shape (channels, height, width).

    ``data = 127.5 + 127.5 model``: bytes 0..255 in data space, [-1, 1] in model space. Images that lie in sub-folders
    carry the name of their folder as the condition ``class``.

    Args:
        path: the folder; in a recipe relative to the recipe, in a call to the current directory.
        channels: 3 for colour, 1 for grey; every image is converted.
        label: whether draws carry the sub-folder as a condition, where there are sub-folders.
        held_out: the fraction of the images kept from training, for estimators.
        split_seed: which images are held out.
        dequantise: whether draws get uniform noise of one level, on [-1/2, 1/2) in data space, so that they have a
            density; rounding what :meth:`decode` gives undoes it.
        damaged: what to do with an image that can't be used: stop, or skip it with a warning.
        dtype: of the draws.

    Attributes:
        skipped: the number of images left out because they could not be used.

    Raises:
        DataError: a folder without images, a damaged or huge image, images of several sizes.
        UsageError: Pillow is not installed.
    """

    def __init__(
        self,
        path: Path,
        channels: Literal[1, 3] = 3,
        label: bool = True,
        held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        split_seed: Annotated[int, Field(ge=0)] = 0,
        dequantise: bool = False,
        damaged: Literal["stop", "skip"] = "stop",
        dtype: Precision = "float32",
    ) -> None:
        where = str(path)
        values, folders, self.skipped = read_images(where, channels, damaged)
        condition_values, conditions = {}, {}
        if label and folders is not None:
            condition_values["class"], names = number_labels(np.array(folders), len(values), where)
            conditions["class"] = ConditionSpec(classes=names)
        super().__init__(
            values,
            *split(len(values), held_out, split_seed, where),
            fixed(_BYTE / 2, _BYTE / 2),
            condition_values=condition_values,
            conditions=conditions,
            pixels=(0.0, float(_BYTE)),
            dequantise=dequantise,
            noise_seed=split_seed,
            dtype=dtype,
            where=where,
        )
