"""Handwritten digits of 8x8 pixels that come with scikit-learn: real images, small enough for a laptop."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from si_core import ConditionSpec, Largest
from si_distributions.datasets.rows import Rows, split
from si_distributions.datasets.scaling import fixed
from si_distributions.options import Precision

__all__ = ["Digits"]

_GREY_LEVELS = 16


class Digits(Rows):
    """The 1,797 digits of the UCI optical recognition test set, shape (1, 8, 8).

    ``data = 8 + 8 model``: grey levels 0..16 in data space, [-1, 1] in model space.

    Args:
        label: whether draws carry the digit 0..9 as the condition `digit`.
        held_out: the fraction of the images kept from training, for estimators.
        split_seed: which images are held out.
        dequantise: whether draws get uniform noise of one grey level, on [-1/2, 1/2) in data space, so that they have a
            density; rounding what :meth:`decode` gives undoes it. Model space is then [-1.0625, 1.0625].
        dtype: of the draws.
    """

    def __init__(
        self,
        label: bool = True,
        held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        split_seed: Annotated[int, Field(ge=0, le=Largest.SEED)] = 0,
        dequantise: bool = False,
        dtype: Precision = "float32",
    ) -> None:
        from sklearn.datasets import load_digits

        found = load_digits()
        values = found.images.astype(np.uint8)[:, None]
        super().__init__(
            values,
            *split(len(values), held_out, split_seed, "digits"),
            fixed(_GREY_LEVELS / 2, _GREY_LEVELS / 2),
            condition_values={"digit": found.target.astype(np.int64)} if label else None,
            conditions={"digit": ConditionSpec(classes=tuple("0123456789"))} if label else None,
            pixels=(0.0, float(_GREY_LEVELS)),
            dequantise=dequantise,
            noise_seed=split_seed,
            dtype=dtype,
            where="digits",
        )
