"""Rows that stay in their file: the numbers of those in memory, in bounded memory, none of a file that changed."""

from __future__ import annotations

import os
import zipfile

import numpy as np
import pytest
import torch

import si_core as si
from si_distributions.datasets import on_file
from si_distributions.datasets.array import Array
from si_distributions.files.blocks import map_of

RNG = np.random.default_rng(0)
ARRAYS = {
    "table": RNG.normal([1.0, 50.0, -3.0], [0.1, 7.0, 2.0], (60, 3)),
    "latents": RNG.normal(0.3, 4, (60, 4, 2, 2)).astype("f2"),
    "bytes": RNG.integers(0, 256, (60, 1, 3, 3), dtype=np.uint8),
    "counts": RNG.integers(-5, 70, (60, 2)),
    "fortran": np.asfortranarray(RNG.normal(3, 2, (60, 2, 3)).astype(">f4")),
}
every = pytest.mark.parametrize("name", ARRAYS)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def saved(folder, name):
    path = folder / "x.npy"
    np.save(path, ARRAYS[name])
    np.save(folder / "labels.npy", np.arange(60) % 3)
    return path


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_they_are_those_in_memory_bit_for_bit(tmp_path, name, dtype):
    path = saved(tmp_path, name)
    laws = [
        Array(path, labels=tmp_path / "labels.npy", held_out=0.2, dtype=dtype, storage=storage)
        for storage in ("memory", "file")
    ]
    first, second = laws
    assert (first.prefetch, second.prefetch) == (0, 1)
    assert first.frame.plain() == second.frame.plain()
    assert first.moments == second.moments
    for ours, theirs in (
        [law.draw(50, seeded(3)) for law in laws],
        [law.rows(torch.arange(law.size)) for law in laws],
        [law.held_out() for law in laws],
        [law.of_step(4, 7, 1).draw(7, seeded(3)) for law in laws],
    ):
        assert torch.equal(ours[0], theirs[0])
        assert ours[0].dtype == theirs[0].dtype
        assert torch.equal(ours[1]["label"], theirs[1]["label"])


def test_columns_stay_where_they_lie(tmp_path):
    table = np.column_stack([ARRAYS["table"], np.arange(60) % 2])
    np.save(tmp_path / "x.npy", table)
    laws = [
        Array(tmp_path / "x.npy", label=3, conditions=[1], columns=[0, 2], storage=storage)
        for storage in ("memory", "file")
    ]
    for ours, theirs in zip(*(law.draw(20, seeded()) for law in laws), strict=True):
        for name in ours if isinstance(ours, dict) else ():
            assert torch.equal(ours[name], theirs[name])
        assert isinstance(ours, dict) or torch.equal(ours, theirs)
    with pytest.raises(si.UsageError, match="can't be read one by one"):
        Array(tmp_path / "x.npy", columns=[2, 0], storage="file")


def test_members_of_an_archive_are_mapped_where_they_are_not_compressed(tmp_path):
    np.savez(tmp_path / "x.npz", x=ARRAYS["table"], kind=np.arange(60) % 3)
    np.savez_compressed(tmp_path / "z.npz", x=ARRAYS["table"])
    laws = [Array(tmp_path / "x.npz", key="x", label="kind", storage=storage) for storage in ("memory", "file")]
    assert torch.equal(*(law.sample(40, seeded()) for law in laws))
    with pytest.raises(si.UsageError, match="not compressed"):
        Array(tmp_path / "z.npz", storage="file")
    data = bytearray((tmp_path / "x.npz").read_bytes())
    data[400] ^= 1
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(si.DataError, match="damaged"), zipfile.ZipFile(tmp_path / "x.npz"):
        Array(tmp_path / "x.npz", key="x", storage="file")


@every
def test_the_fingerprint_tells_values_rows_and_units_apart(tmp_path, name):
    path = saved(tmp_path, name)
    marks = [Array(path, storage="file", **options).fingerprint for options in ({}, {"split_seed": 1})]
    assert Array(path, storage="file").fingerprint == marks[0]
    values = ARRAYS[name].copy()
    values.reshape(60, -1)[3, 0] += 1
    np.save(path, values)
    marks.append(Array(path, storage="file").fingerprint)
    assert len(set(marks)) == len(marks)


@pytest.mark.fault(28)
@pytest.mark.parametrize("change", ["written over", "replaced", "gone"])
def test_a_file_that_changes_while_it_is_in_use_is_told(tmp_path, change):
    path = saved(tmp_path, "table")
    law = Array(path, storage="file")
    law.sample(3)
    if change == "written over":
        with path.open("r+b") as file:
            file.seek(200)
            file.write(b"\0" * 8)
        os.utime(path, ns=(1, 1))
    elif change == "replaced":
        np.save(tmp_path / "y.npy", ARRAYS["table"][:50])
        os.replace(tmp_path / "y.npy", path)
    else:
        path.unlink()
    with pytest.raises(si.DataError, match="while it is in use") as caught:
        law.sample(3)
    assert str(path) in str(caught.value)


@pytest.mark.fault(23)
def test_what_is_not_finite_is_found_before_anything_is_drawn(tmp_path):
    values = ARRAYS["latents"].copy()
    values[[7, 9], 1] = np.inf
    np.save(tmp_path / "x.npy", values)
    with pytest.raises(si.DataError, match=r"2 of 60 rows; first row 7.*inf"):
        Array(tmp_path / "x.npy", storage="file")
    assert Array(tmp_path / "x.npy", storage="file", missing="drop").size == 52


def test_beyond_a_size_they_stay_on_file(tmp_path, monkeypatch):
    path = saved(tmp_path, "table")
    assert Array(path).prefetch == 0
    monkeypatch.setattr(on_file, "_IN_MEMORY", 60 * 3 * 4 - 1)
    assert Array(path, workers=2).prefetch == 2
    # What is held out is given in bounded memory, and kept from training as a whole.
    monkeypatch.setattr(on_file, "_HELD_NUMBERS", 9)
    monkeypatch.setattr(on_file, "HELD_ROWS", 2)
    law, whole = Array(path, held_out=0.2), Array(path, held_out=0.2, storage="memory")
    assert law.size == whole.size == 48
    assert torch.equal(law.held_out()[0], whole.held_out()[0][:3])


def test_maps_are_found_beneath_views(tmp_path):
    mapped = np.load(saved(tmp_path, "table"), mmap_mode="r")
    assert map_of(mapped[:, ::2]) is map_of(mapped) is not None
    assert map_of(np.zeros(3)) is None
