"""What data sets read of .h5ad files that AnnData wrote."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

import si_core as si
from si_distributions.datasets.array import Array
from si_distributions.datasets.shards import Shards
from si_distributions.look import look

anndata = pytest.importorskip("anndata")
pytest.importorskip("h5py")

CELLS, GENES = 40, 6
X = np.random.default_rng(0).poisson(1.5, (CELLS, GENES)).astype(np.float32)
PCA = np.random.default_rng(1).normal(size=(CELLS, 3))
TYPES = np.arange(CELLS) % 2
DOSE = np.linspace(0.5, 2.0, CELLS)
KINDS = pd.Index(["B cell", "T cell"], dtype=object)
FORMS = {"dense": np.asarray, "csr": sp.csr_matrix, "csc": sp.csc_matrix}


def written(path: Path, form: str = "dense", x: Any = X, **obs: Any) -> str:
    columns = {"cell_type": pd.Categorical.from_codes(TYPES, KINDS), "dose": DOSE, "batch": np.arange(len(x)) % 3}
    names = (pd.Index([f"{kind}{i}" for i in range(n)], dtype=object) for kind, n in zip("cg", x.shape, strict=True))
    rows, genes = names
    data = anndata.AnnData(FORMS[form](x), obs=pd.DataFrame(columns | obs, index=rows), var=pd.DataFrame(index=genes))
    data.obsm["X_pca"] = PCA
    data.layers["counts"] = FORMS[form](2 * x)
    data.write_h5ad(path)
    return str(path)


def rows_of(law: Any) -> torch.Tensor:
    return law.rows(torch.arange(law.size))[0].double()


@pytest.mark.parametrize("storage", ["memory", "file"])
@pytest.mark.parametrize("form", FORMS)
def test_matrices_are_read_whatever_their_form_and_place(tmp_path, form, storage):
    path = written(tmp_path / "cells.h5ad", form)
    plain = {"standardise": False, "held_out": 0.0, "storage": storage}
    for options, expected in (
        ({}, X),
        ({"key": "layers/counts"}, 2 * X),
        ({"key": "X", "columns": ["g4", 0]}, X[:, [4, 0]]),
    ):
        law = Array(path, **plain, **options)
        assert torch.equal(rows_of(law), torch.from_numpy(expected).double())
    assert law.frame.columns == ("g4", "g0")


def test_what_is_on_file_is_drawn_as_from_memory(tmp_path):
    path = written(tmp_path / "cells.h5ad", "csr")
    memory, file = (Array(path, storage=where, label="cell_type") for where in ("memory", "file"))
    draws = ([law.draw(64, torch.Generator().manual_seed(0)), law.held_out()] for law in (memory, file))
    for one, other in zip(*draws, strict=True):
        # Scales are added up in other blocks.
        torch.testing.assert_close(one[0], other[0], rtol=1e-5, atol=1e-6)
        assert torch.equal(one[1]["cell_type"], other[1]["cell_type"])


def test_representations_labels_and_conditions(tmp_path):
    path = written(tmp_path / "cells.h5ad")
    law = Array(path, key="obsm/X_pca", label="cell_type", conditions=["dose", "batch"], standardise=False,
                held_out=0.0, dtype="float64")  # fmt: skip
    x, told = law.rows(torch.arange(CELLS))
    assert torch.equal(x, torch.from_numpy(PCA))
    assert law.conditions["cell_type"].classes == ("B cell", "T cell")
    assert told["cell_type"].tolist() == [i % 2 for i in range(CELLS)]
    torch.testing.assert_close(told["dose"].double(), torch.from_numpy(DOSE))
    beside = Array(path, conditions=["obsm/X_pca"], held_out=0.0)
    assert beside.conditions["obsm/X_pca"].shape == (3,)
    assert Array(path, label="batch", held_out=0.0).conditions["batch"].classes == ("0", "1", "2")
    assert Array.columns_of(path) == tuple(f"g{i}" for i in range(GENES))


def test_cells_without_a_type_or_a_number_are_told(tmp_path):
    types = TYPES.copy()
    types[3] = -1
    path = written(tmp_path / "cells.h5ad", cell_type=pd.Categorical.from_codes(types, KINDS))
    with pytest.raises(si.DataError, match=r"rows without a label\n +got 1 of 40 rows; first row 3"):
        Array(path, label="cell_type")
    holes = X.copy()
    holes[7, 2] = np.nan
    path = written(tmp_path / "holes.h5ad", "csr", holes)
    with pytest.raises(si.DataError, match=r"first row 7, column 'g2': nan"):
        Array(path, storage="file")
    assert Array(path, storage="file", missing="drop").dropped == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": "layer/counts"}, "no matrix has this key.*'layer/counts'.*X, layers/counts, obsm/X_pca.*did you mean"),
        ({"label": "celltype"}, "obs has no such column for a label.*'celltype'.*did you mean 'cell_type'"),
        ({"conditions": ["cell_type"]}, "'cell_type' of obs holds no numbers.*name it as the label"),
        ({"columns": ["g77"]}, "no column has the name 'g77'"),
        ({"header": True}, "only .csv, .tsv, .txt files have one"),
    ],
)
def test_what_is_not_there_is_told(tmp_path, options, message):
    path = written(tmp_path / "cells.h5ad")
    with pytest.raises(si.SIError) as caught:
        Array(path, **options)
    assert re.search(message, " ".join(str(caught.value).split())), caught.value


def test_parts_are_one_data_set(tmp_path):
    for part, form in enumerate(("dense", "csr")):
        written(tmp_path / f"part-{part}.h5ad", form, X + part)
    law = Shards(str(tmp_path), label="cell_type", conditions=["dose"], held_out=0.0, standardise=False)
    assert law.size == 2 * CELLS
    x, told = law.rows(torch.tensor([0, CELLS, 2 * CELLS - 1]))
    assert torch.equal(x, torch.from_numpy(np.stack([X[0], X[0] + 1, X[-1] + 1])))
    assert told["cell_type"].tolist() == [0, 0, 1]
    assert law.frame.columns == tuple(f"g{i}" for i in range(GENES))


def test_without_anndata_the_fix_is_told(tmp_path, monkeypatch):
    path = written(tmp_path / "cells.h5ad")
    monkeypatch.setitem(sys.modules, "anndata", None)
    with pytest.raises(si.UsageError, match=r"pip install 'si-h5ad\[h5ad\]'"):
        Array(path)


def test_a_file_that_changes_is_refused(tmp_path):
    path = written(tmp_path / "cells.h5ad")
    law = Array(path, storage="file")
    os.replace(written(tmp_path / "other.h5ad", x=X + 1), path)
    with pytest.raises(si.DataError, match="changed while it is in use"):
        law.draw(4, torch.Generator().manual_seed(0))


def test_what_lies_in_other_files_is_not_followed(tmp_path):
    """Numbers of a dataset may lie in any file of the reader's, and a link may lead to one."""
    h5py = pytest.importorskip("h5py")
    secret = tmp_path / "secret.txt"
    secret.write_bytes(b"0123456789abcdef" * 10)
    for way in ("bytes", "link", "virtual"):
        path = written(tmp_path / f"{way}.h5ad")
        with h5py.File(path, "a") as file:
            del file["X"]
            if way == "bytes":
                file.create_dataset("X", (CELLS, 4), "u1", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
            elif way == "link":
                file["X"] = h5py.ExternalLink(written(tmp_path / "other.h5ad"), "X")
            else:
                layout = h5py.VirtualLayout((CELLS, GENES), "f4")
                layout[:] = h5py.VirtualSource(written(tmp_path / "other.h5ad"), "X", (CELLS, GENES))
                file.create_virtual_dataset("X", layout)
        with pytest.raises(si.DataError, match="lies in another one; it is not followed"):
            Array(path)


def test_what_describes_unknown_data_names_the_recipe(tmp_path):
    path = tmp_path / "cells.h5ad"
    path.write_bytes(b"not looked into")
    with pytest.raises(si.DataError, match=r"a recipe for it says target: \{use: array, path: .*cells.h5ad\}"):
        look(str(path))


def test_the_recipe_of_the_readme_is_one(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", Path(__file__).parents[1].joinpath("README.md").read_text(), re.DOTALL)
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    assert str(si.load_recipe(tmp_path / "r.yaml").target.options["path"]).endswith(".h5ad")
