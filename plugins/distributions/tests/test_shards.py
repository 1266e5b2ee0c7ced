"""Data sets in parts: every form gives the same rows, labels and conditions, and names its faults."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file

import si_core as si
from si_distributions.datasets.shards import Shards
from si_distributions.files.recent import Recent

RNG = np.random.default_rng(0)
ROWS = RNG.normal([3.0, -40.0], [0.5, 9.0], (70, 2)).astype("f4")
KIND = np.arange(70) * 7 % 3
DOSE = RNG.normal(5, 2, 70)
PARTS = [slice(0, 30), slice(30, 31), slice(31, 70)]
IMAGES = RNG.integers(0, 256, (70, 3, 2, 2), dtype=np.uint8)


def add(archive, name, data):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def npy(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def write(folder, form):
    """The parts in a form, and the options that read them."""
    for k, part in enumerate(PARTS):
        path, x, kind, dose = folder / f"part-{k}", ROWS[part], KIND[part], DOSE[part]
        if form == ".npy":
            np.save(f"{path}.npy", x)
        elif form in (".npz", "compressed .npz"):
            save = np.savez if form == ".npz" else np.savez_compressed
            save(f"{path}.npz", x=x, kind=kind, dose=dose)
        elif form == ".safetensors":
            save_file({"x": x, "kind": kind, "dose": dose}, f"{path}.safetensors")
        elif form == ".parquet":
            table = pa.table({"a": x[:, 0], "b": x[:, 1], "kind": [str(k) for k in kind], "dose": dose})
            pq.write_table(table, f"{path}.parquet", row_group_size=8)
        elif form == "lists in .parquet":
            table = pa.table({"x": list(x), "n": kind, "kind": [str(k) for k in kind], "dose": dose})
            pq.write_table(table, f"{path}.parquet", row_group_size=8)
        else:
            with tarfile.open(f"{path}.tar", "w") as archive:
                for i, row in enumerate(x):
                    add(archive, f"{k}/{i:03}.npy", npy(row))
                    add(archive, f"{k}/{i:03}.json", json.dumps({"kind": int(kind[i])}).encode())
    np.save(folder.parent / "kinds.npy", KIND)
    return {
        ".npy": {"labels": str(folder.parent / "kinds.npy")},
        ".parquet": {"label": "kind", "conditions": ["dose"]},
        "lists in .parquet": {"key": "x", "label": "kind", "conditions": ["dose"]},
        ".tar": {"label": "kind"},
    }.get(form, {"key": "x", "label": "kind", "conditions": ["dose"]})


FORMS = [".npy", ".npz", "compressed .npz", ".safetensors", ".parquet", "lists in .parquet", ".tar"]
every = pytest.mark.parametrize("form", FORMS)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(tmp_path, form, **options):
    folder = tmp_path / "parts"
    if not folder.exists():
        folder.mkdir()
        made.options = write(folder, form)
    return Shards(folder, **{**made.options, **options})


@every
def test_every_form_gives_its_rows_back(tmp_path, form):
    law = made(tmp_path, form, held_out=0)
    x, told = law.rows(torch.arange(70))
    np.testing.assert_allclose(law.decode(x.double()), ROWS, rtol=1e-5)
    torch.testing.assert_close(x.mean(0), torch.zeros(2), rtol=0, atol=1e-5)
    torch.testing.assert_close(x.std(0, correction=0), torch.ones(2))
    (name,) = {"kind", "label"} & set(told)
    assert law.conditions[name].classes == ("0", "1", "2")
    assert told[name].tolist() == KIND.tolist()
    if "dose" in told:
        np.testing.assert_allclose(told["dose"], DOSE, rtol=1e-6)
        assert law.conditions["dose"].mean == pytest.approx(DOSE.mean())
        assert law.conditions["dose"].scale == pytest.approx(DOSE.std())
    else:
        assert law.frame.labels.counts.tolist() == np.bincount(KIND).tolist()


@every
def test_training_and_held_out_rows_are_all_rows_once(tmp_path, form):
    law = made(tmp_path, form, held_out=0.2, units=[0.0, 1.0])
    held = law.held_out()[0]
    rows = torch.cat([law.rows(torch.arange(law.size))[0], held])
    assert len(held) == 14
    assert sorted(rows.tolist()) == sorted(ROWS.tolist())
    if law.frame.labels is not None:
        assert int(law.frame.labels.counts.sum()) == law.size
        assert torch.equal(law.frame.labels.counts, torch.bincount(law.rows(torch.arange(law.size))[1].popitem()[1]))
    assert made(tmp_path, form, held_out=0.2, split_seed=1).fingerprint != law.fingerprint


@every
def test_an_epoch_has_each_training_row_once_and_a_step_depends_on_its_number_alone(tmp_path, form):
    law = made(tmp_path, form, held_out=0.1, window=2, workers=2)
    assert law.prefetch == 2
    steps = [law.of_step(k, 9, 3).draw(9) for k in range(7)]
    assert sorted(torch.cat([x for x, _ in steps])[: law.size].tolist()) == sorted(
        law.rows(torch.arange(law.size))[0].tolist()
    )
    # Another object, without a cache, asked for one step alone.
    x, told = made(tmp_path, form, held_out=0.1, window=2, cache=0, workers=0).of_step(4, 9, 3).draw(9)
    assert torch.equal(x, steps[4][0])
    assert all(torch.equal(values, steps[4][1][name]) for name, values in told.items())


@every
def test_headers_alone_are_enough_where_units_are_given(tmp_path, form):
    law = made(tmp_path, form, check="sizes", units=[1.0, 2.0], held_out=0)
    np.testing.assert_allclose(law.rows(torch.arange(70))[0], (ROWS - 1) / 2, rtol=1e-5)
    assert made(tmp_path, form, check="sizes", units=[1.0, 2.0], held_out=0).fingerprint == law.fingerprint
    with pytest.raises(si.UsageError, match="a scale needs a look at all rows"):
        made(tmp_path, form, check="sizes")


def test_a_changed_number_is_another_fingerprint(tmp_path):
    law = made(tmp_path, ".npy")
    values = ROWS[31:].copy()
    values[3] += 1
    np.save(tmp_path / "parts" / "part-2.npy", values)
    with pytest.raises(si.DataError, match="changed while it is in use"):
        law.rows(torch.arange(60))
    assert made(tmp_path, ".npy").fingerprint != law.fingerprint


@pytest.mark.parametrize("dtype", ["f2", "bf16"])
def test_latents_in_half_precision_have_labels(tmp_path, dtype):
    latents = RNG.normal(0.2, 4, (40, 4, 8, 8)).astype("f4")
    if dtype == "bf16":
        from safetensors.torch import save_file as save_torch

        stored = torch.from_numpy(latents).bfloat16()
        save_torch({"x": stored[:25]}, tmp_path / "a.safetensors")
        save_torch({"x": stored[25:]}, tmp_path / "b.safetensors")
        stored = stored.double().numpy()
    else:
        stored = latents.astype("f2")
        np.save(tmp_path / "a.npy", stored[:25])
        np.save(tmp_path / "b.npy", stored[25:])
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "x.txt").write_text("\n".join(f"n{k % 5:02}" for k in range(40)))
    law = Shards(tmp_path, labels=tmp_path / "labels" / "x.txt", held_out=0)
    x, told = law.rows(torch.arange(40))
    assert law.shape == (4, 8, 8)
    assert x.dtype == torch.float32
    wanted = stored.astype(np.float64)
    np.testing.assert_allclose(x, (wanted - wanted.mean()) / wanted.std(), rtol=1e-5, atol=1e-6)
    assert law.conditions["label"].classes == tuple(f"n{k:02}" for k in range(5))
    assert told["label"].tolist() == [k % 5 for k in range(40)]


def pictures(folder, damaged=None):
    for k, part in enumerate(PARTS):
        with tarfile.open(folder / f"{k}.tar", "w") as archive:
            for i in range(part.start, part.stop):
                buffer = io.BytesIO()
                Image.fromarray(IMAGES[i].transpose(1, 2, 0)).save(buffer, "PNG")
                data = buffer.getvalue()
                add(archive, f"{i:03}.png", data[: len(data) // 2] if i == damaged else data)
                add(archive, f"{i:03}.cls", b"cat" if i % 2 else b"dog")
            add(archive, f"{i:03}.mask.png", b"another thing of this row")
            add(archive, f"._{i:03}.png", b"what a tool left behind")


def test_images_in_tar_files(tmp_path):
    pictures(tmp_path)
    law = Shards(tmp_path, label="cls", held_out=0)
    x, told = law.rows(torch.arange(70))
    np.testing.assert_allclose(x, IMAGES / 127.5 - 1, atol=1e-6)
    assert law.frame.pixels == (0.0, 255.0)
    assert law.conditions["class"].classes == ("cat", "dog")
    assert told["class"].tolist() == [1 - k % 2 for k in range(70)]
    assert Shards(tmp_path, size=4, channels=1).shape == (1, 4, 4)


@pytest.mark.fault(29)
def test_a_damaged_sample_is_named_before_training_or_at_its_step(tmp_path):
    pictures(tmp_path, damaged=40)
    with pytest.raises(si.DataError, match="damaged") as caught:
        Shards(tmp_path)
    assert "040.png (row 9)" in str(caught.value)
    assert str(tmp_path / "2.tar") in str(caught.value)
    law = Shards(tmp_path, check="sizes", held_out=0)
    fine = 0
    for k in range(7):
        if 40 in law.of_step(k, 10, 1).index(10, None):
            with pytest.raises(si.DataError, match=r"040.png \(row 9\) of"):
                law.of_step(k, 10, 1).draw(10)
        else:
            fine += len(law.of_step(k, 10, 1).draw(10)[0]) == 10
    assert fine == 6


FAULTS = {
    "no such file or folder": lambda folder: None,
    "there are no parts": lambda folder: folder.mkdir(),
    "parts have one suffix": lambda folder: (
        folder.mkdir(),
        np.save(folder / "a.npy", ROWS),
        (folder / "b.tar").write_bytes(b"x"),
    ),
    "parts of several shapes": lambda folder: (
        folder.mkdir(),
        np.save(folder / "a.npy", ROWS),
        np.save(folder / "b.npy", ROWS[:, :1]),
    ),
    "parts of several columns": lambda folder: (
        folder.mkdir(),
        pq.write_table(pa.table({"a": [1.0, 2.0], "b": [2.0, 4.0]}), folder / "a.parquet"),
        pq.write_table(pa.table({"b": [1.0, 2.0], "a": [2.0, 4.0]}), folder / "b.parquet"),
    ),
    "not finite": lambda folder: (
        folder.mkdir(),
        np.save(folder / "a.npy", np.where(ROWS[7, 1] == ROWS, np.nan, ROWS)),
    ),
    "Python objects": lambda folder: (folder.mkdir(), np.save(folder / "a.npy", np.array([[None]]))),
    "which array": lambda folder: (folder.mkdir(), np.savez(folder / "a.npz", x=ROWS, y=ROWS)),
    "damaged or no safetensors": lambda folder: (folder.mkdir(), (folder / "a.safetensors").write_bytes(b"\xff" * 40)),
    "damaged": lambda folder: (folder.mkdir(), (folder / "a.tar").write_bytes(b"\xff" * 2000)),
    "events without numbers": lambda folder: (folder.mkdir(), np.save(folder / "a.npy", ROWS[:, :0])),
    "the file is empty": lambda folder: (folder.mkdir(), (folder / "a.npy").write_bytes(b"")),
}


@pytest.mark.fault(22, 23)
@pytest.mark.parametrize("message", FAULTS)
def test_faults_are_named(tmp_path, message):
    FAULTS[message](tmp_path / "parts")
    with pytest.raises(si.DataError, match=message) as caught:
        Shards(tmp_path / "parts")
    assert str(tmp_path / "parts") in str(caught.value)


@pytest.mark.fault(29)
@pytest.mark.parametrize("broken", ["cut in a header", "cut between members", "a header", "a link"])
def test_rows_of_tar_files_are_not_lost_in_silence(tmp_path, broken):
    path, buffer = tmp_path / "a.tar", io.BytesIO()
    np.save(buffer, ROWS[0])
    with tarfile.open(path, "w") as archive:
        for name in "abcd":
            add(archive, f"{name}.npy", buffer.getvalue())
        if broken == "a link":
            link = tarfile.TarInfo("e.npy")
            link.type, link.linkname = tarfile.LNKTYPE, "a.npy"
            archive.addfile(link)
    data = bytearray(path.read_bytes())
    if broken == "a header":
        data[1024 + 3] ^= 1
    path.write_bytes(data[: {"cut in a header": 1100, "cut between members": 1024}.get(broken)])
    with pytest.raises(si.DataError, match="no plain file" if broken == "a link" else "damaged|cut short") as caught:
        Shards(path, standardise=False)
    assert str(path) in str(caught.value)


def test_options_that_do_not_fit_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    with pytest.raises(si.DataError, match="need a scale"):
        Shards(tmp_path, standardise=False)
    with pytest.raises(si.DataError, match="no conditions"):
        Shards(tmp_path, conditions=["dose"])
    with pytest.raises(si.UsageError, match="unknown order"):
        Shards(tmp_path, order="sorted")
    with pytest.raises(si.UsageError, match="no such check"):
        Shards(tmp_path, check="none")
    assert Shards(str(tmp_path / "*.npy")).size == 69


def test_what_is_kept_is_bounded():
    recent, made_of = Recent(10, len), []

    def make(key):
        made_of.append(key)
        return "x" * key

    for key in (4, 5, 4, 3, 4, 5, 20, 20):
        assert recent.get(key, lambda key=key: make(key)) == "x" * key
    # 5 was used longest ago when 3 came, and 20 is too large to keep.
    assert made_of == [4, 5, 3, 5, 20, 20]


def test_what_several_ask_for_at_once_is_made_once():
    recent, made_of, begun = Recent(10), [], threading.Barrier(4)

    def make():
        made_of.append(threading.current_thread())
        time.sleep(0.3)
        if len(made_of) == 1:
            raise si.DataError("damaged")
        return 7

    def ask():
        begun.wait()
        return recent.get("x", make)

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask) for _ in range(4)]
    assert all(isinstance(each.exception(), si.DataError) for each in asked)
    with ThreadPoolExecutor(4) as pool:
        assert [each.result() for each in [pool.submit(ask) for _ in range(4)]] == [7] * 4
    assert len(made_of) == 2
