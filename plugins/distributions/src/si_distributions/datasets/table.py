"""Small real tables that come with scikit-learn, for studies that need no download."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from si_core import Largest, UsageError
from si_distributions.datasets.bounded import bounds_of
from si_distributions.datasets.tabular import Tabular
from si_distributions.files.contents import Contents
from si_distributions.options import Precision

__all__ = ["Table"]

Name = Literal["wine", "breast-cancer", "iris", "diabetes"]


class Table(Tabular):
    """A real table by name.

    ================  =====  =========  ===========================================================
    name              rows   columns    what
    ================  =====  =========  ===========================================================
    wine              178    13         chemical analysis of wines; 3 cultivars
    breast-cancer     569    30         shapes of cell nuclei; malignant or benign
    iris              150    4          sizes of flowers; 3 species
    diabetes          442    11         ten measurements and the disease's progression; no classes
    ================  =====  =========  ===========================================================

    Args:
        name: wine, breast-cancer, iris or diabetes.
        label: whether draws carry the class as the condition `class`, where there are classes.
        standardise: whether each column gets mean 0 and variance 1.
        held_out: the fraction of the rows kept from training, for estimators.
        split_seed: which rows are held out.
        dtype: of the draws.
        bounds: of columns, by name, between which they lie, as for `array`: ``{area error: [0, null]}``.
    """

    def __init__(
        self,
        name: Name,
        label: bool = True,
        standardise: bool = True,
        held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        split_seed: Annotated[int, Field(ge=0, le=Largest.SEED)] = 0,
        dtype: Precision = "float32",
        bounds: dict[str, tuple[float | None, float | None]] | None = None,
    ) -> None:
        contents, where = _contents(name, label), f"table {name}"
        within = None if bounds is None else bounds_of(bounds, contents.shape[1:], contents.names, where)
        super().__init__(contents, standardise, held_out, split_seed, "refuse", dtype, where, bounds=within)


def _contents(name: str, label: bool) -> Contents:
    from sklearn import datasets

    if name == "diabetes":
        found = datasets.load_diabetes(scaled=False)
        values = np.column_stack([found.data, found.target])
        return Contents(values, names=(*map(str, found.feature_names), "progression"))
    loaders = {"wine": datasets.load_wine, "breast-cancer": datasets.load_breast_cancer, "iris": datasets.load_iris}
    if name not in loaders:
        allowed = ", ".join([*loaders, "diabetes"])
        raise UsageError(
            "no such table", where="table: name", got=repr(name), allowed=allowed, fix="for a file use array"
        )
    found = loaders[name]()
    labels = np.asarray(found.target_names)[found.target] if label else None
    return Contents(found.data, labels, tuple(map(str, found.feature_names)), label_name="class")
