"""Files as distributions: every format gives its rows back, and every fault is named."""

from __future__ import annotations

import logging
import os
import pickle
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import si_core as si
from si_core.contract.given_condition import read_condition
from si_distributions.datasets.array import Array
from si_distributions.datasets.labels import number_labels
from si_distributions.datasets.table import Table

TABLE = np.random.default_rng(0).normal([1.0, -3.0, 50.0], [0.1, 2.0, 7.0], (40, 3))


def everything(law: Array) -> torch.Tensor:
    """All training rows in data space, in float64."""
    return law.decode(law.rows(torch.arange(law.size))[0].double())


def write_csv(path, table=TABLE, header="a,b,c", separator=","):
    lines = [separator.join(repr(float(v)) for v in row) for row in table]
    path.write_text("\n".join(([header.replace(",", separator)] if header else []) + lines) + "\n", encoding="utf-8")


def write(path, table=TABLE):
    match path.suffix:
        case ".npy":
            np.save(path, table)
        case ".npz":
            np.savez_compressed(path, table)
        case ".csv":
            write_csv(path, table)
        case ".parquet":
            pq.write_table(pa.table({name: table[:, i] for i, name in enumerate("abc")}), path)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".parquet"])
@pytest.mark.parametrize("standardise", [True, False])
def test_every_format_gives_its_rows_back(tmp_path, suffix, standardise):
    path = tmp_path / f"daten ü{suffix}"
    write(path)
    law = Array(str(path), standardise=standardise, held_out=0, dtype="float64")
    np.testing.assert_allclose(everything(law), TABLE, rtol=1e-12)
    model = law.rows(torch.arange(40))[0]
    if standardise:
        torch.testing.assert_close(model.mean(0), torch.zeros(3).double(), rtol=0, atol=1e-12)
        torch.testing.assert_close(model.std(0, correction=0), torch.ones(3).double())
        assert float(law.frame.log_volume_at(model[:1])) == pytest.approx(np.log(TABLE.std(0)).sum())
    else:
        np.testing.assert_array_equal(model, TABLE)
        assert float(law.frame.log_volume_at(model[:1])) == 0
    assert law.frame.columns == (("a", "b", "c") if suffix in (".csv", ".parquet") else None)


@pytest.mark.parametrize("dtype", ["float32", "float64", ">f8", "int8", "uint8", "uint16", "int64"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_of_every_accepted_dtype(tmp_path, dtype, order):
    values = np.asarray((np.arange(60).reshape(20, 3) * 7) % 97, dtype=dtype, order=order)
    np.save(tmp_path / "x.npy", values)
    law = Array(str(tmp_path / "x.npy"), held_out=0, dtype="float64")
    np.testing.assert_allclose(everything(law), values.astype(float), rtol=1e-12, atol=1e-12)
    assert law.sample(3).dtype == torch.float64


@pytest.mark.parametrize("event", [(), (1, 8, 8), (5, 2)])
def test_npy_of_any_event_shape(tmp_path, event):
    values = np.random.default_rng(1).normal(3, 2, (10, *event))
    np.save(tmp_path / "x.npy", values)
    law = Array(str(tmp_path / "x.npy"), held_out=0, dtype="float64")
    assert law.shape == (event or (1,))
    np.testing.assert_allclose(everything(law).reshape(values.shape), values, rtol=1e-12)
    # A field of several axes has one scale for all entries.
    volume = law.frame.log_volume_at(torch.zeros(1, *law.shape))
    assert float(volume) == pytest.approx(values[0].size * np.log(values.std()))


def test_large_offsets_survive_in_float32(tmp_path):
    np.save(tmp_path / "x.npy", 1e9 + np.arange(10.0)[:, None])
    law = Array(str(tmp_path / "x.npy"), held_out=0)
    np.testing.assert_allclose(everything(law)[:, 0] - 1e9, np.arange(10), atol=1e-5)


def test_held_out_rows_are_fixed_and_unseen(tmp_path):
    write(tmp_path / "x.npy")
    path = str(tmp_path / "x.npy")
    law, again, other = Array(path, held_out=0.25), Array(path, held_out=0.25), Array(path, held_out=0.25, split_seed=1)
    assert (law.size, len(law.held_out()[0])) == (30, 10)
    assert torch.equal(law.held_out()[0], again.held_out()[0])
    assert not torch.equal(law.held_out()[0], other.held_out()[0])
    joined = torch.cat([everything(law), law.decode(law.held_out()[0].double())])
    np.testing.assert_allclose(np.sort(joined[:, 0]), np.sort(TABLE[:, 0]), rtol=1e-6)
    # The scale comes from the training rows alone.
    torch.testing.assert_close(law.rows(torch.arange(30))[0].mean(0), torch.zeros(3), rtol=0, atol=1e-6)
    assert law.fingerprint == again.fingerprint != other.fingerprint
    assert Array(path, held_out=0).held_out() is None


def test_draws_come_from_all_training_rows_alike(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(10.0))
    law = Array(str(tmp_path / "x.npy"), held_out=0, standardise=False)
    counts = torch.bincount(law.sample(20_000, torch.Generator().manual_seed(0))[:, 0].long(), minlength=10)
    # 2000 draws each: five deviations of a binomial count.
    assert bool(((counts - 2000).abs() < 5 * (2000 * 0.9) ** 0.5).all())


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["a,b,c", ""])
def test_csv_separators_headers_and_marks(tmp_path, separator, header):
    write_csv(tmp_path / "x.csv", header=header, separator=separator)
    text = (tmp_path / "x.csv").read_text().replace("\n", "\r\n")
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n")
    law = Array(str(tmp_path / "x.csv"), held_out=0, dtype="float64")
    np.testing.assert_allclose(everything(law), TABLE, rtol=1e-12)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".parquet"])
def test_columns_and_labels_by_index(tmp_path, suffix):
    table = TABLE.copy()
    table[:, 1] = np.arange(40) % 3 * 2
    write(tmp_path / f"x{suffix}", table)
    law = Array(str(tmp_path / f"x{suffix}"), columns=[2, 0], label=1, held_out=0, standardise=False, dtype="float64")
    rows, told = law.rows(torch.arange(40))
    np.testing.assert_array_equal(rows, table[:, [2, 0]])
    # The column has the name of the file, and numbers are named as a person writes them in every format.
    name = "b" if suffix in (".csv", ".parquet") else "label"
    assert law.conditions == {name: si.ConditionSpec(classes=("0", "2", "4"))}
    assert told[name].tolist() == [i % 3 for i in range(40)]


def test_columns_and_text_labels_by_name(tmp_path):
    kinds = ["cat", "ant", "bee", "ant"]
    (tmp_path / "x.csv").write_text("size,kind,note\n" + "".join(f"{i},{kind},n/a\n" for i, kind in enumerate(kinds)))
    pq.write_table(pa.table({"size": [0.0, 1, 2, 3], "kind": kinds, "note": ["n/a"] * 4}), tmp_path / "x.parquet")
    np.savez(tmp_path / "x.npz", size=np.arange(4.0), kind=np.array(kinds))
    for name, options in {
        "x.csv": {"columns": ["size"], "label": "kind"},
        "x.parquet": {"columns": ["size"], "label": "kind"},
        "x.npz": {"label": "kind"},
    }.items():
        law = Array(str(tmp_path / name), held_out=0, standardise=False, **options)
        rows, told = law.rows(torch.arange(4))
        assert rows[:, 0].tolist() == [0, 1, 2, 3]
        assert told["kind"].tolist() == [2, 0, 1, 0]
        assert law.conditions == {"kind": si.ConditionSpec(classes=("ant", "bee", "cat"))}


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".parquet"])
def test_columns_that_networks_are_told_by_index(tmp_path, suffix):
    table = TABLE.copy()
    table[:, 1] = np.arange(40) % 3
    write(tmp_path / f"x{suffix}", table)
    law = Array(str(tmp_path / f"x{suffix}"), label=1, conditions=[2], held_out=0, standardise=False, dtype="float64")
    rows, told = law.rows(torch.arange(40))
    np.testing.assert_array_equal(rows, table[:, :1])
    assert set(told) == set(law.conditions)
    (values,) = [name for name, spec in law.conditions.items() if spec.classes is None]
    np.testing.assert_array_equal(told[values], table[:, 2])
    (labels,) = set(told) - {values}
    assert told[labels].tolist() == [i % 3 for i in range(40)]


def test_a_label_and_values_by_name_keep_their_names_and_units(tmp_path):
    kinds = ["cat", "ant", "bee", "ant"]
    doses = [100.0, 300.0, 200.0, 400.0]
    lines = [f"{i},{kind},{dose}\n" for i, (kind, dose) in enumerate(zip(kinds, doses, strict=True))]
    (tmp_path / "x.csv").write_text("size,kind,dose\n" + "".join(lines))
    law = Array(str(tmp_path / "x.csv"), label="kind", conditions=["dose"], held_out=0)
    rows, told = law.rows(torch.arange(4))
    assert law.frame.columns == ("size",)
    assert set(law.conditions) == {"kind", "dose"}
    assert law.conditions["kind"] == si.ConditionSpec(classes=("ant", "bee", "cat"))
    assert (law.conditions["dose"].shape, law.conditions["dose"].classes) == ((), None)
    # Values stay in the units of the file though x is standardised; networks may take mean and scale off.
    assert told["dose"].tolist() == doses
    assert law.conditions["dose"].mean == pytest.approx(250.0)
    assert law.conditions["dose"].scale == pytest.approx(np.std(doses))
    assert told["kind"].tolist() == [2, 0, 1, 0]
    assert rows.shape == (4, 1)


def test_arrays_of_another_shape_go_with_their_rows(tmp_path):
    rng = np.random.default_rng(0)
    number = np.arange(30)
    arrays = {"x": rng.normal(size=(30, 2)), "y": np.stack([number + 0.5 * k for k in range(6)], 1).reshape(30, 3, 2)}
    arrays["x"][:, 0] = number
    np.savez(tmp_path / "x.npz", **arrays, kind=np.array(["b", "a", "c"])[number % 3], dose=10.0 * number)
    options = {"key": "x", "label": "kind", "conditions": ["y", "dose"], "standardise": False, "held_out": 0.2}
    law = Array(str(tmp_path / "x.npz"), **options)
    assert {name: (spec.shape, spec.classes) for name, spec in law.conditions.items()} == {
        "kind": ((), ("a", "b", "c")),
        "y": ((3, 2), None),
        "dose": ((), None),
    }
    draws = [law.draw(50, torch.Generator().manual_seed(1)), law.rows(torch.arange(law.size)), law.held_out()]
    for x, told in draws:
        row = x[:, 0].round().long()
        assert told["y"].shape == (len(x), 3, 2)
        np.testing.assert_allclose(told["y"], arrays["y"][row], rtol=1e-6)
        assert torch.equal(told["dose"], 10.0 * row)
        assert torch.equal(told["kind"], torch.tensor([1, 0, 2])[row % 3])
    fewer = {**arrays, "y": arrays["y"][:29]}
    np.savez(tmp_path / "fewer.npz", **fewer)
    with pytest.raises(si.DataError, match=r"a value for each row[\s\S]*'y' of shape \(29, 3, 2\), 30 rows"):
        Array(str(tmp_path / "fewer.npz"), key="x", conditions=["y"])
    with pytest.raises(si.DataError, match=r"no array has this key[\s\S]*'dosis'[\s\S]*dose"):
        Array(str(tmp_path / "x.npz"), key="x", conditions=["dosis"])


def test_numbers_as_labels_are_ordered_as_numbers():
    numbered, names = number_labels(np.array(["10", "9", "10"]), 3, "x")
    assert (numbered.tolist(), names) == ([1, 0, 1], ("9", "10"))
    # Codes with leading zeros are text: 01 and 1 stay two classes.
    assert number_labels(np.array(["01", "1", "10"]), 3, "x")[1] == ("01", "1", "10")
    assert number_labels(np.array([2.0, 0.0]), 2, "x")[1] == ("0", "2")
    assert number_labels(np.array([b"b", b"a"]), 2, "x")[1] == ("a", "b")
    with pytest.raises(si.DataError, match="whole"):
        number_labels(np.array([1e300, 0.0]), 2, "x")


@pytest.mark.parametrize(("numbers", "names"), [([3, 0, -1], ("-1", "0", "3")), ([1.5, 0.1, 2], ("0.1", "1.5", "2"))])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".parquet", " by savetxt.csv"])
def test_labels_that_are_numbers_go_round_by_every_spelling(tmp_path, suffix, numbers, names):
    """Whatever wrote the file, the classes are the same, and each is found by every spelling of its number."""
    path, table = tmp_path / f"x{suffix}", TABLE.copy()
    table[:, 1] = np.resize(numbers, 40)
    if "savetxt" in suffix:
        np.savetxt(path, table, delimiter=",")
    else:
        write(path, table)
    law = Array(str(path), label=1, held_out=0)
    ((name, spec),) = law.conditions.items()
    assert spec.classes == names
    labels = law.rows(torch.arange(40))[1][name]
    assert [float(names[k]) for k in labels.tolist()] == table[:, 1].tolist()
    for place, number in enumerate(sorted(numbers)):
        written = (float(number), np.float32(number), f"{number:.18e}", repr(float(number)), names[place])
        for spelling in (*written, *([number] if isinstance(number, int) else [])):
            assert read_condition(law.conditions, spelling)[name].tolist() == [place]


@pytest.mark.parametrize(
    "texts", [["1.1", "1.10"], ["01", "1"], ["1", "1.0"], ["1.0", "x"], ["a", "b"], ["inf", "1.0"]]
)
def test_names_that_are_not_numbers_alone_stay_as_they_are(tmp_path, texts):
    (tmp_path / "x.csv").write_text("size,kind\n" + "".join(f"{i},{kind}\n" for i, kind in enumerate(texts * 3)))
    law = Array(str(tmp_path / "x.csv"), label="kind", held_out=0)
    assert law.conditions["kind"].classes == tuple(sorted(texts))
    for text in texts:
        place = sorted(texts).index(text)
        assert read_condition(law.conditions, text)["kind"].tolist() == [place]


def test_a_number_of_two_classes_names_neither():
    specs = {"version": si.ConditionSpec(classes=("1.1", "1.10", "2.0", "01"))}
    assert read_condition(specs, 2)["version"].tolist() == [2]
    for several in ("1.100", 1, "3", True):
        with pytest.raises(si.UsageError, match="no class"):
            read_condition(specs, several)


@pytest.mark.fault(23)
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".parquet"])
def test_missing_values_stop_or_are_dropped(tmp_path, suffix, caplog):
    table = TABLE.copy()
    table[[4, 9], [1, 2]] = np.nan, np.inf
    write(tmp_path / f"x{suffix}", table)
    path = str(tmp_path / f"x{suffix}")
    with pytest.raises(si.DataError, match=r"2 of 40 rows; first row 4.*missing: drop"):
        Array(path)
    with caplog.at_level(logging.WARNING):
        law = Array(path, missing="drop", held_out=0, dtype="float64")
    assert "dropped 2 of 40" in caplog.text
    assert (law.dropped, law.size) == (2, 38)
    np.testing.assert_allclose(everything(law), np.delete(TABLE, [4, 9], 0), rtol=1e-12)


@pytest.mark.fault(23)
def test_empty_cells_are_missing_values(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3,\n5,6\n")
    with pytest.raises(si.DataError, match=r"1 of 3 rows; first row 1 \(line 3\), column 'b'"):
        Array(str(tmp_path / "x.csv"))
    assert Array(str(tmp_path / "x.csv"), missing="drop", held_out=0).size == 2


def lacking(path):
    """Values by columns a, b, c; a condition y and a label k, one of them lacking in two rows, both in a third."""
    dose, kind = np.arange(40.0), np.array(["cat", "ant"] * 20)
    dose[[3, 7]], kind[[5, 7]] = np.nan, ""
    if path.suffix == ".csv":
        cells = ["" if np.isnan(y) else repr(y) for y in dose.tolist()]
        lines = [f"{a!r},{b!r},{y},{k}" for (a, b, _), y, k in zip(TABLE.tolist(), cells, kind, strict=True)]
        path.write_text("\n".join(["a,b,y,k", *lines]) + "\n")
    elif path.suffix == ".npz":
        np.savez(path, x=TABLE[:, :2], y=dose, k=kind)
    else:
        kinds = pa.array([k or None for k in kind.tolist()])
        pq.write_table(pa.table({"a": TABLE[:, 0], "b": TABLE[:, 1], "y": dose, "k": kinds}), path)
    options = {"key": "x"} if path.suffix == ".npz" else {}
    return {**options, "label": "k", "conditions": ["y"], "held_out": 0, "standardise": False, "dtype": "float64"}


@pytest.mark.fault(23, 27)
@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet"])
def test_rows_without_a_label_or_a_condition_stop_are_dropped_or_left_out(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    options = lacking(path)
    with pytest.raises(si.DataError, match=r"3 of 40 rows; first row 3.*'y': nan.*missing: drop.*leave-out.*dropout"):
        Array(str(path), **options)
    dropped = Array(str(path), missing="drop", **options)
    np.testing.assert_array_equal(everything(dropped), np.delete(TABLE, [3, 5, 7], 0)[:, :2])
    law = Array(str(path), missing="leave-out", **options)
    x, told = law.rows(torch.arange(40))
    np.testing.assert_array_equal(x, TABLE[:, :2])
    assert law.conditions["k"].classes == ("ant", "cat")
    for name, rows in (("y", [3, 7]), ("k", [5, 7])):
        assert law.conditions[name].is_absent(told[name]).nonzero().flatten().tolist() == rows
    expected = [0 if i % 2 else 1 for i in range(40)]
    assert [k for k in told["k"].tolist() if k >= 0] == [k for i, k in enumerate(expected) if i not in (5, 7)]
    # Mean and scale are of the values that are there.
    assert law.conditions["y"].mean == pytest.approx(np.delete(np.arange(40.0), [3, 7]).mean())


def test_values_are_not_left_out_and_a_condition_not_of_all_rows(tmp_path):
    (tmp_path / "x.csv").write_text("a,y\n1,\n2,\n")
    for missing in ("refuse", "drop", "leave-out"):
        with pytest.raises(si.DataError, match=r"2 of 2 rows; .*no row is whole"):
            Array(str(tmp_path / "x.csv"), conditions=["y"], missing=missing)
    (tmp_path / "y.csv").write_text("a,y\n1,2\n,1\n2,3\n")
    with pytest.raises(si.DataError, match=r"1 of 3 rows; first row 1 \(line 3\), column 'a': nan"):
        Array(str(tmp_path / "y.csv"), conditions=["y"], missing="leave-out")


class Canary:
    def __reduce__(self):
        return os.mkdir, (os.environ["CANARY"],)


def faulty(path):
    """Write every faulty file into a folder."""
    np.save(path / "good.npy", TABLE)
    (path / "empty.npy").write_bytes(b"")
    (path / "empty.csv").write_bytes(b"")
    (path / "cut.npy").write_bytes((path / "good.npy").read_bytes()[:300])
    (path / "header.npy").write_bytes((path / "good.npy").read_bytes()[:40])
    huge = (path / "good.npy").read_bytes().replace(b"(40, 3)", b"(9999999999999, 3)")
    (path / "huge.npy").write_bytes(huge)
    (path / "objects.npy").write_bytes(b"")
    np.save(path / "objects.npy", np.array([Canary(), None]), allow_pickle=True)
    np.savez(path / "objects.npz", np.array([Canary(), None]), allow_pickle=True)
    (path / "pickle.npy").write_bytes(pickle.dumps(Canary()))
    (path / "pickle.npz").write_bytes(pickle.dumps(Canary()))
    np.savez(path / "many.npz", x=TABLE, y=TABLE, z=np.arange(3))
    np.savez_compressed(path / "good.npz", TABLE)
    good = (path / "good.npz").read_bytes()
    (path / "cut.npz").write_bytes(good[: len(good) // 2])
    (path / "flipped.npz").write_bytes(good[:300] + bytes([good[300] ^ 255]) + good[301:])
    np.save(path / "long.npy", TABLE.astype("longdouble"))
    np.save(path / "complex.npy", TABLE + 1j)
    np.save(path / "bool.npy", TABLE > 0)
    np.save(path / "text.npy", np.array([["a", "b"]]))
    np.save(path / "dates.npy", np.array(["2020-01-01"], dtype="datetime64[D]"))
    np.save(path / "zero_d.npy", np.float64(3))
    np.save(path / "no_rows.npy", np.zeros((0, 3)))
    np.save(path / "no_columns.npy", np.zeros((3, 0)))
    np.save(path / "one_row.npy", np.zeros((1, 3)))
    np.save(path / "nan.npy", np.full((2, 2), np.nan))
    np.save(path / "constant.npy", np.stack([np.arange(5.0), np.full(5, 0.1)], 1))
    np.save(path / "constant_field.npy", np.ones((5, 2, 2)))
    np.save(path / "bytes.npy", np.arange(12, dtype="uint8").reshape(4, 3))
    np.save(path / "wide.npy", np.array([[1e300], [-1e300]]))
    np.save(path / "field.npy", np.zeros((4, 2, 2)))
    (path / "text.csv").write_text("a,b\n1,2\n3,four\n")
    (path / "no_header.csv").write_text("1,setosa\n2,setosa\n")
    (path / "ragged.csv").write_text("a,b\n1,2\n3\n")
    (path / "header.csv").write_text("a,b\n")
    (path / "latin.csv").write_bytes("a,b\n1,2\n3,ü\n".encode("latin-1"))
    (path / "nul.csv").write_bytes(b"a,b\n1,\x00\n")
    (path / "quote.csv").write_text('a,b\n1,"2\n')
    (path / "underscore.csv").write_text("a,b\n1_0,2\n")
    (path / "twice.csv").write_text("a,a\n1,2\n")
    (path / "labels.csv").write_text("a,b\n1,x\n2,\n")
    (path / "broken.parquet").write_bytes(b"PAR1 and then nothing")
    pq.write_table(pa.table({"a": [1.0, 2.0], "b": ["x", "y"], "c": [True, False]}), path / "text.parquet")
    (path / "x.pkl").write_bytes(pickle.dumps(Canary()))
    (path / "folder.npy").mkdir()
    os.mkfifo(path / "pipe.npy")
    (path / "device.npy").symlink_to("/dev/zero")
    (path / "nowhere.npy").symlink_to("gone.npy")


# file, options, what the message says
FAULTS = [
    ("missing.npy", {}, "no such file.*fix: check the path"),
    ("goood.npy", {}, "did you mean good.npy"),
    ("folder.npy", {}, "a directory.*fix: name a file in it"),
    ("pipe.npy", {}, "a pipe or a device, not a file.*fix: copy"),
    ("device.npy", {}, "a pipe or a device, not a file.*fix: copy"),
    ("nowhere.npy", {}, "a link that leads nowhere.*fix"),
    ("~/there.npy", {}, "no such file.*~ and . in paths stand for themselves"),
    ("$HOME/there.npy", {}, "no such file.*~ and . in paths stand for themselves"),
    ("x.pkl", {}, "unknown file format.*allowed .npy, .npz, .csv, .tsv, .txt, .parquet"),
    ("nul\0.npy", {}, "no such file"),
    ("empty.npy", {}, "the file is empty"),
    ("empty.csv", {}, "the file is empty"),
    ("cut.npy", {}, "damaged or cut short.*300 bytes, fewer"),
    ("header.npy", {}, "damaged or cut short"),
    ("huge.npy", {}, "damaged or cut short"),
    ("objects.npy", {}, "Python objects.*never loaded"),
    ("objects.npz", {"key": "arr_0"}, "Python objects.*never loaded"),
    ("pickle.npy", {}, "no .npy file.*never loaded"),
    ("pickle.npz", {}, "no .npz file.*never loaded"),
    ("many.npz", {}, "which array.*x, y, z.*key"),
    ("many.npz", {"key": "w"}, "no array has this key.*'w'.*x, y, z"),
    ("many.npz", {"key": "x", "label": "z"}, "one label for each row"),
    ("many.npz", {"key": "x", "label": "q"}, "no array has this key"),
    ("cut.npz", {}, "cut short"),
    ("flipped.npz", {}, "damaged or cut short"),
    ("good.npy", {"key": "x"}, "only .npz files have one.*leave key out"),
    ("long.npy", {}, "float128.*astype"),
    ("complex.npy", {}, "complex128.*real and imaginary"),
    ("bool.npy", {}, "constant column.*column 0, column 2"),
    ("text.npy", {}, "<U1.*allowed float16"),
    ("dates.npy", {}, "datetime64"),
    ("zero_d.npy", {}, "0-d array"),
    ("no_rows.npy", {}, r"no numbers.*\(0, 3\)"),
    ("no_columns.npy", {}, r"no numbers.*\(3, 0\)"),
    ("one_row.npy", {}, "no rows are left to train on.*1 rows, 1 of them held out"),
    ("nan.npy", {"missing": "drop"}, "2 of 2 rows.*no row is whole"),
    ("constant.npy", {}, "constant column.*column 1.*standardise: false"),
    ("constant_field.npy", {}, "constant data"),
    ("bytes.npy", {"standardise": False}, "0..255.*standardise: true"),
    ("wide.npy", {"standardise": False, "held_out": 0}, "beyond the range of torch.float32"),
    ("field.npy", {"columns": [0]}, "only an array .N, d. has columns"),
    ("good.npy", {"columns": [3]}, r"no such column.*3.*0..2"),
    ("good.npy", {"columns": [0, 0]}, "chosen twice"),
    ("good.npy", {"columns": [0], "label": 0}, "chosen twice"),
    ("good.npy", {"columns": ["a"]}, "the file has no names"),
    ("good.npy", {"columns": []}, "no column is left"),
    ("good.npy", {"label": 0}, "labels must be whole"),
    ("good.npy", {"missing": "ignore"}, "unknown policy.*refuse, drop"),
    ("text.csv", {}, "text.csv:3: column 'b': a cell is no number.*'four'"),
    ("text.csv", {"columns": ["aa"]}, "no column has the name 'aa'.*allowed a, b.*did you mean 'a'"),
    ("no_header.csv", {}, "no_header.csv:1: column 1.*'setosa'.*header"),
    ("ragged.csv", {}, "ragged.csv:3: a row of another length.*1 cells, the first row has 2"),
    ("header.csv", {}, "a header and no rows"),
    ("latin.csv", {}, "latin.csv:3: the file is not UTF-8 text.*0xfc at offset 10"),
    ("nul.csv", {}, "nul.csv.*NUL|nul.csv:2: column 'b'"),
    ("quote.csv", {}, "not readable as CSV"),
    ("underscore.csv", {}, "'1_0'"),
    ("twice.csv", {"columns": ["a"]}, "2 columns have the name 'a'"),
    ("labels.csv", {"label": "b"}, "without a label.*1 of 2 rows; first row 1 .line 3., label 'b'"),
    ("broken.parquet", {}, "damaged or no Parquet"),
    ("text.parquet", {}, "column 'b' holds no numbers.*string"),
    ("text.parquet", {"columns": ["c"]}, "constant column.*got c"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("faulty")
    os.environ["CANARY"] = str(path / "canary")
    faulty(path)
    yield path
    assert not (path / "canary").exists()
    del os.environ["CANARY"]


@pytest.mark.fault(22, 24)
@pytest.mark.parametrize(("name", "options", "message"), FAULTS)
def test_every_fault_is_named(folder, name, options, message):
    path = str(folder / name)
    with pytest.raises(si.SIError) as caught:
        Array(path, **options)
    text = " ".join(str(caught.value).split())
    assert re.search(message, text), text
    assert text.startswith(path.removesuffix("\0.npy"))
    assert caught.value.code == (2 if isinstance(caught.value, si.UsageError) else 3)
    assert isinstance(caught.value, si.DataError) or "key" in options or "missing" in options
    assert not (folder / "canary").exists()


@pytest.mark.fault(22)
def test_unreadable_files_are_named(tmp_path, monkeypatch):
    write(tmp_path / "x.csv")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(si.DataError, match=r"can't be read\n  got Permission denied"):
        Array(str(tmp_path / "x.csv"))


def test_a_missing_reader_is_named(tmp_path, monkeypatch):
    write(tmp_path / "x.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(si.UsageError, match=re.escape("pip install 'si-distributions[parquet]'")):
        Array(str(tmp_path / "x.parquet"))


def test_relative_paths_start_at_the_current_directory(tmp_path, monkeypatch):
    write(tmp_path / "x.npy")
    monkeypatch.chdir(tmp_path)
    assert Array("x.npy").size == 36


@pytest.mark.parametrize(
    ("name", "rows", "columns", "classes"),
    [
        ("wine", 178, 13, ("class_0", "class_1", "class_2")),
        ("breast-cancer", 569, 30, ("benign", "malignant")),
        ("iris", 150, 4, ("setosa", "versicolor", "virginica")),
        ("diabetes", 442, 11, None),
    ],
)
def test_named_tables(name, rows, columns, classes):
    law = Table(name, held_out=0)
    assert (law.size, law.shape, len(law.frame.columns)) == (rows, (columns,), columns)
    assert law.conditions == ({} if classes is None else {"class": si.ConditionSpec(classes=classes)})
    torch.testing.assert_close(law.rows(torch.arange(rows))[0].std(0, correction=0), torch.ones(columns))
    assert not Table(name, label=False).conditions


def test_an_unknown_table_is_named():
    with pytest.raises(si.UsageError, match="no such table"):
        Table("mnist")
