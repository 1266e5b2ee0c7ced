"""What data sets read of .zarr folders that zarr wrote, of both versions of the format."""

from __future__ import annotations

import json
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import si_core as si
from si_distributions.datasets.array import Array
from si_distributions.datasets.shards import Shards

zarr = pytest.importorskip("zarr")

pytestmark = pytest.mark.filterwarnings("ignore:The data type:UserWarning", "ignore::FutureWarning")

N = 50
IMAGES = np.random.default_rng(0).normal(size=(N, 2, 4)).astype(np.float32)
TABLE = np.random.default_rng(1).normal(size=(N, 3))
KINDS = np.array(["cat", "dog"])[np.arange(N) % 2]
DOSE = np.linspace(0.0, 1.0, N)
PLAIN = {"standardise": False, "held_out": 0.0}


@pytest.fixture(params=[2, 3], ids=lambda version: f"v{version}")
def group(request, tmp_path):
    path = tmp_path / "all.zarr"
    root = zarr.create_group(str(path), zarr_format=request.param)
    for name, values in (("train/images", IMAGES), ("table", TABLE), ("kind", KINDS), ("dose", DOSE)):
        chunks = (7, *values.shape[1:])
        made = root.create_array(name, shape=values.shape, dtype=values.dtype, chunks=chunks)
        made[...] = values
    return str(path)


def all_rows(law):
    return law.rows(torch.arange(law.size))


@pytest.mark.parametrize("storage", ["memory", "file"])
def test_arrays_of_a_group(group, storage):
    law = Array(group, key="train/images", label="kind", conditions=["dose"], storage=storage, **PLAIN)
    x, told = all_rows(law)
    assert law.shape == (2, 4)
    assert torch.equal(x, torch.from_numpy(IMAGES))
    assert law.conditions["kind"].classes == ("cat", "dog")
    assert told["kind"].tolist() == [i % 2 for i in range(N)]
    torch.testing.assert_close(told["dose"].double(), torch.from_numpy(DOSE))
    table = Array(group, key="table", columns=[2, 0], storage=storage, dtype="float64", **PLAIN)
    assert torch.equal(all_rows(table)[0], torch.from_numpy(TABLE[:, [2, 0]]))


def test_one_array_with_columns(tmp_path):
    path = str(tmp_path / "one.zarr")
    rows = np.concatenate([TABLE, np.arange(N)[:, None] % 2], 1)
    zarr.create_array(path, shape=rows.shape, dtype=rows.dtype, chunks=(9, 2))[...] = rows
    law = Array(path, label=3, conditions=[0], dtype="float64", **PLAIN)
    x, told = all_rows(law)
    assert torch.equal(x, torch.from_numpy(TABLE[:, 1:]))
    assert law.conditions["label"].classes == ("0", "1")
    torch.testing.assert_close(told["column 0"].double(), torch.from_numpy(TABLE[:, 0]))


def test_other_orders_of_bytes_and_whole_numbers(tmp_path):
    for name, dtype in (("big", ">f4"), ("bytes", "u1"), ("half", "f2")):
        path = str(tmp_path / f"{name}.zarr")
        values = (np.arange(24).reshape(12, 2) % 7).astype(dtype)
        zarr.create_array(path, shape=values.shape, dtype=values.dtype, chunks=(5, 2), zarr_format=2)[...] = values
        for storage in ("memory", "file"):
            law = Array(path, held_out=0.0, storage=storage, dtype="float64")
            units = law.frame
            decoded = units.decode(all_rows(law)[0])
            torch.testing.assert_close(decoded, torch.from_numpy(values.astype(np.float64)), rtol=1e-9, atol=1e-9)


def test_on_file_only_the_chunks_of_a_draw_are_read(group, monkeypatch):
    law = Array(group, key="train/images", storage="file", standardise=False)
    read = []
    from si_zarr.rows import ZarrRows

    whole = ZarrRows._read
    monkeypatch.setattr(ZarrRows, "_read", lambda self, rows: (read.append(rows), whole(self, rows))[1])
    law.draw(5, torch.Generator().manual_seed(0))
    assert sum(len(rows) for rows in read) <= 5


def test_a_copy_in_another_process_opens_it_anew(group):
    law = Array(group, key="train/images", storage="file")
    law.draw(3, torch.Generator().manual_seed(0))
    copy = pickle.loads(pickle.dumps(law))
    assert torch.equal(*(each.draw(9, torch.Generator().manual_seed(1))[0] for each in (law, copy)))


def test_parts_are_one_data_set(tmp_path):
    for part in range(2):
        path = str(tmp_path / f"part-{part}.zarr")
        zarr.create_array(path, shape=TABLE.shape, dtype=TABLE.dtype, chunks=(9, 3))[...] = TABLE + part
    law = Shards(str(tmp_path), held_out=0.0, standardise=False, dtype="float64")
    x, _ = law.rows(torch.tensor([1, N + 1]))
    assert torch.equal(x, torch.from_numpy(np.stack([TABLE[1], TABLE[1] + 1])))
    assert Shards(str(tmp_path / "part-0.zarr"), held_out=0.0).size == N


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "which array.*dose, kind, table, train/images"),
        ({"key": "train/image"}, "no array has this path.*'train/image'.*did you mean 'train/images'"),
        ({"key": "kind"}, "array 'kind' has a dtype that is no data"),
        ({"key": "table", "columns": ["a"]}, "no column has the name 'a'"),
        ({"key": "table", "conditions": ["kind"]}, "'kind' has a dtype that is no data"),
        ({"key": "train/images", "columns": [0]}, "only an array .N, d. has columns"),
    ],
)
def test_what_is_not_there_is_told(group, options, message):
    with pytest.raises(si.DataError) as caught:
        Array(group, **options)
    assert re.search(message, " ".join(str(caught.value).split())), caught.value


def test_what_is_no_folder_and_no_array_is_told(tmp_path):
    (tmp_path / "file.zarr").write_bytes(b"x")
    (tmp_path / "empty.zarr").mkdir()
    for name, message in (("file", "is a folder, and this is a file"), ("empty", "damaged or no Zarr array"),
                          ("gone", "no such file")):  # fmt: skip
        with pytest.raises(si.DataError, match=message):
            Array(str(tmp_path / f"{name}.zarr"))


def test_without_zarr_the_fix_is_told(group, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(si.UsageError, match=r"pip install 'si-zarr\[zarr\]'"):
        Array(group, key="table")


def test_pickles_are_never_loaded(tmp_path):
    """Version 2 of the format knows a codec by which arrays are pickles; not every numcodecs refuses it by itself."""
    path = tmp_path / "evil.zarr"
    root = zarr.create_group(str(path), zarr_format=2)
    for name, dtype in (("x", "f8"), ("label", "i8")):
        root.create_array(name, shape=(N,), dtype=dtype)[...] = DOSE
    known = path / "label/.zarray"
    codecs = {"dtype": "|O", "filters": [{"id": "vlen-utf8"}, {"id": "pickle", "protocol": 4}], "fill_value": None}
    known.write_text(json.dumps(json.loads(known.read_text()) | codecs))

    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    (path / "label/0").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(si.DataError, match="stored as a pickle is never loaded"):
        Array(str(path), key="x", label="label")
    assert not (tmp_path / "ran").exists()


def test_the_recipe_of_the_readme_is_one(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", Path(__file__).parents[1].joinpath("README.md").read_text(), re.DOTALL)
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    assert str(si.load_recipe(tmp_path / "r.yaml").target.options["path"]).endswith(".zarr")
