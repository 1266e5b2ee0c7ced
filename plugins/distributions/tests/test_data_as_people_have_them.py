"""Files as people have them, and what happens: each row of the table in the README, in its order."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import si_core as si
from si_distributions.datasets.array import Array

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
CASES: dict[str, tuple[str, Callable[[Folder], None]]] = {}
PLAIN = {"held_out": 0, "standardise": False, "dtype": "float64"}


class Folder:
    """A place to write a file, and to say what comes of it."""

    def __init__(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        self.folder, self.path, self.log = path, path / "x.csv", caplog

    def text(self, text: str | bytes, name: str = "x.csv") -> Folder:
        self.path = self.folder / name
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        return self

    def array(self, values: np.ndarray, name: str = "x.npy", **arrays: np.ndarray) -> Folder:
        self.path = self.folder / name
        np.save(self.path, values) if name.endswith("npy") else np.savez(self.path, x=values, **arrays)
        return self

    def frame(self, **columns: object) -> Folder:
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        self.path = self.folder / "x.parquet"
        pq.write_table(pa.table(columns), self.path)
        return self

    def law(self, **options: object) -> Array:
        with self.log.at_level(logging.INFO):
            return Array(str(self.path), **{**PLAIN, **options})

    def reads(self, rows: object, names: str | None = "a b", says: str = "", **options: object) -> Array:
        """The rows come back to the last digit, under these names, and with these words or none."""
        law = self.law(**options)
        found = law.rows(torch.arange(law.size))[0].numpy()
        np.testing.assert_allclose(found, np.asarray(rows, dtype=np.float64), rtol=1e-12)
        assert law.frame.columns == (None if names is None else tuple(names.split()))
        warned = [record.getMessage() for record in self.log.records if record.levelno == logging.WARNING]
        assert bool(warned) == bool(says), warned
        assert re.search(says, " ".join(warned)), warned
        return law

    def refused(self, words: str, **options: object) -> None:
        with pytest.raises(si.SIError) as caught:
            self.law(**options)
        text = " ".join(str(caught.value).split())
        assert re.search(words, text), text
        assert str(self.folder) in text

    def classes(self, names: str, of_rows: str, label: int | str | None = "kind", **options: object) -> None:
        """The classes, and those of the rows in turn."""
        law = self.law(label=label, **options)
        ((_, spec),) = law.conditions.items()
        assert spec.classes == tuple(names.split())
        (places,) = law.rows(torch.arange(law.size))[1].values()
        assert [spec.classes[place] for place in places.tolist()] == of_rows.split()


def case(file: str, happens: str) -> Callable[[Callable[[Folder], None]], None]:
    def add(check: Callable[[Folder], None]) -> None:
        assert file not in CASES
        CASES[file] = happens, check

    return add


TWO = [[1.5, 2.0], [3.0, -4.25], [5.0, 6.0]]
LINES = "1.5,2\n3,-4.25\n5,6\n"


@case("commas, names in the first row", "read, columns by name; the columns in use are logged")
def _(f: Folder) -> None:
    f.text("a,b\n" + LINES).reads(TWO)
    assert "3 rows of columns a, b" in f.log.text


@case("semicolons", "found")
def _(f: Folder) -> None:
    f.text(("a,b\n" + LINES).replace(",", ";")).reads(TWO)


@case("tabs, whatever the suffix", "found (.csv, .tsv, .txt)")
def _(f: Folder) -> None:
    for name in ("x.csv", "x.tsv", "x.txt"):
        f.text(("a,b\n" + LINES).replace(",", "\t"), name).reads(TWO)


@case("spaces, as `numpy.savetxt` writes", "found, runs of them as one")
def _(f: Folder) -> None:
    np.savetxt(f.folder / "x.txt", TWO)
    f.path = f.folder / "x.txt"
    f.reads(TWO, None)
    f.text("  1.5   2\n  3    -4.25 \n  5     6\n", "x.txt").reads(TWO, None)


@case("a first line `sep=;`, as Excel writes", "taken at its word")
def _(f: Folder) -> None:
    f.text("sep=;\na;b\n" + LINES.replace(",", ";")).reads(TWO)


@case("decimal commas", "found, where the separator is another or the numbers are quoted")
def _(f: Folder) -> None:
    lines = LINES.replace(",", ";").replace(".", ",")
    f.text("a;b\n" + lines).reads(TWO)
    f.text(lines).reads(TWO, None)
    f.text(lines.replace(";", "\t")).reads(TWO, None)
    f.text('a,b\n"1,5",2\n3,"-4,25"\n5,6\n').reads(TWO)


@case("decimal commas that begin beyond the head of a long file", "found")
def _(f: Folder) -> None:
    f.text("a;b\n" + "1;2\n" * 40_000 + "1,5;2\n").reads([[1, 2]] * 40_000 + [[1.5, 2]])


@case("decimal commas and points in one file", "refused: line, column, cell")
def _(f: Folder) -> None:
    f.text("a;b\n1,5;2\n3.25;4\n").refused(r"x.csv:2: column 'a': a cell is no number got '1,5'.*decimals with a point")
    f.text("a;b\n1;2\n" * 1 + "1;2\n" * 30_000 + "1,5;2\n3.25;4\n").refused(r"x.csv:30004: .*'3.25'.*decimal commas")


@case("marks between thousands", "refused: line, column, cell")
def _(f: Folder) -> None:
    f.text('a,b\n"1,234",2\n').refused(r"x.csv:2: column 'a'.*'1,234'.*no marks between thousands")
    f.text("a;b\n1.234,5;2,5\n").refused(r"x.csv:2: column 'a'.*'1.234,5'.*without marks between thousands")


@case("lines of comments (`#`) and empty ones at the top", "left out")
def _(f: Folder) -> None:
    f.text("# made by hand\n\n#, in 2026\na,b\n" + LINES).reads(TWO)


@case("names in quotation marks, with separators inside", "read as they are")
def _(f: Folder) -> None:
    law = f.text('"length, cm","width\n(cm)"\n' + LINES).law()
    assert law.frame.columns == ("length, cm", "width\n(cm)")
    f.text('"length, cm",b\n1,2\n3,four\n').refused("x.csv:3: column 'b'.*'four'")


@case("a byte order mark, lines that end as on Windows, empty lines at the end", "read")
def _(f: Folder) -> None:
    f.text(b"\xef\xbb\xbf" + ("a,b\n" + LINES + "\n\n").replace("\n", "\r\n").encode()).reads(TWO)


@case("another encoding than UTF-8", "refused: line and byte")
def _(f: Folder) -> None:
    f.text("a,b\n1,2\n3,\xfc\n".encode("latin-1")).refused("x.csv:3: the file is not UTF-8 text got byte 0xfc")


@case("no names", "columns by index, from 0")
def _(f: Folder) -> None:
    f.text(LINES).reads(TWO, None)
    f.text(LINES).reads([[2], [-4.25], [6]], None, columns=[1])


@case("years as names", "numbers with a warning; names with `header: true`")
def _(f: Folder) -> None:
    f.text("2019,2020\n" + LINES).reads([[2019, 2020], *TWO], None, "2019 to 2020, was read as numbers.*header: true")
    f.log.clear()
    f.text("2019,2020\n" + LINES).reads(TWO, "2019 2020", header=True)


@case(
    "a first row of text that is no names", "refused; with `header: false` as a row, so as text where numbers are due"
)
def _(f: Folder) -> None:
    f.text("x,y\n" + LINES).refused("x.csv:1: column 0: a cell is no number got 'x'", header=False)
    f.text("NA,NA\n" + LINES).reads(TWO, None, "dropped 1 of 4", missing="drop")


@case(
    "pandas' index: a first column without a name that counts up", "left out with a warning; kept where `columns` asks"
)
def _(f: Folder) -> None:
    lines = "".join(f"{k},{line}\n" for k, line in enumerate(LINES.split()))
    f.text(",a,b\n" + lines).reads(TWO, says="first column '', which numbers the rows, is taken for an index")
    f.log.clear()
    law = f.text(",a,b\n" + lines).law(columns=[0, 1])
    assert law.frame.columns == ("", "a")


@case("the same, read and written once more (`Unnamed: 0`), or with its rows shuffled", "left out with a warning")
def _(f: Folder) -> None:
    f.text("Unnamed: 0,a,b\n7,1.5,2\n2,3,-4.25\n5,5,6\n").reads(TWO, says="first column 'Unnamed: 0'")


@case("a first column without a name that is data", "kept")
def _(f: Folder) -> None:
    law = f.text(",b\n" + LINES).law()
    assert law.shape == (2,)
    law = f.text(",b\n1,2\n1,3\n2,5\n").law()
    assert law.shape == (2,)


@case("R's names of rows", "left out with a warning")
def _(f: Folder) -> None:
    f.text('"","a","b"\n"Mazda RX4",1.5,2\n"Datsun",3,-4.25\n"Fiat",5,6\n').reads(TWO, says="with the names of rows")


@case("missing values: nothing, NA, N/A, NaN, null, None, ?", "refused: how many rows, the first one's line and column")
def _(f: Folder) -> None:
    for cell in ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?", "<NA>", "#N/A"):
        f.text(f"a,b\n1,2\n3,{cell}\n5,6\n").refused(
            r"1 of 3 rows; first row 1 \(line 3\), column 'b': nan.*missing: drop.*missing: mean"
        )


@case("the same, `missing: drop`", "rows left out, with a warning that says how many")
def _(f: Folder) -> None:
    f.text("a,b\n1.5,2\nNA,1\n3,-4.25\n7,?\n5,6\n").reads(TWO, says="dropped 2 of 5 rows", missing="drop")


@case("the same, `missing: mean`", "the mean of the column's training rows, with a warning that says where")
def _(f: Folder) -> None:
    f.text("a,b\n1,2\n,4\n5,?\n").reads(
        [[1, 2], [3, 4], [5, 3]], says="2 missing numbers: .*'a', .*'b'", missing="mean"
    )
    table = np.random.default_rng(0).normal(3, 2, (50, 2))
    table[::7, 1] = np.nan
    law = f.array(table).law(missing="mean", held_out=0.3)
    both = np.concatenate([law.rows(torch.arange(law.size))[0].numpy(), law.held_out()[0].numpy()])
    filled = np.sort(both[:, 1])[np.diff(np.sort(both[:, 1]), append=np.inf) == 0][0]
    seen = law.rows(torch.arange(law.size))[0].numpy()[:, 1]
    assert filled == pytest.approx(seen[seen != filled].mean(), rel=1e-12)


@case("the same, without a number in the column or infinite, `missing: mean`", "refused by name")
def _(f: Folder) -> None:
    f.text("a,b\n1,\n2,\n").refused("column 'b': nan", missing="mean")
    f.text("a,b\n1,\n2,inf\n").refused("2 of 2 rows; .*column 'b'", missing="mean")


@case("`true` and `false`", "1 and 0")
def _(f: Folder) -> None:
    f.text("a,b\ntrue,2\nFalse,3\nTRUE,4\n").reads([[1, 2], [0, 3], [1, 4]])


@case("whole numbers beyond 2^53", "float64, with a warning that names the column")
def _(f: Folder) -> None:
    f.text("a,b\n9007199254740993,2\n3,4\n").reads([[2.0**53, 2], [3, 4]], says="beyond 2.53 are rounded.*: a .1 of 2")
    f.log.clear()
    f.text("a,b\n1e300,2\n0.5,4\n").reads([[1e300, 2], [0.5, 4]])


@case("a column of text", "refused: line, column, cell; other columns by `columns`, this one as `label`")
def _(f: Folder) -> None:
    f.text("a,b,c\n1.5,2,x\n3,-4.25,y\n5,6,x\n").refused(
        "x.csv:2: column 'c': a cell is no number got 'x'.*columns.*label"
    )
    f.reads(TWO, columns=["a", "b"])


@case("a cell of a spreadsheet's error, such as #REF!", "refused: the cell, and what to do about it")
def _(f: Folder) -> None:
    f.text("a,b\n1.5,2\n3,#REF!\n5,6\n").refused("x.csv:3: column 'b'.*got '#REF!'.*error of a spreadsheet.*formula")


@case("rows of unequal length", "refused: line, both lengths")
def _(f: Folder) -> None:
    f.text("a,b\n1,2\n3\n").refused("x.csv:3: a row of another length got 1 cells, the first row has 2")


@case("a column chosen by a name that is not there", "refused, with the nearest name")
def _(f: Folder) -> None:
    f.text("length,width\n" + LINES).refused(
        "no column has the name 'lenght'.*did you mean 'length'", columns=["lenght"]
    )


@case("labels as text in a column", "classes by these names, in their order")
def _(f: Folder) -> None:
    f.text("a,kind\n1,oak\n2, elm\n3,oak\n").classes("elm oak", "oak elm oak")


@case("labels 1, 2, 3, or 1.0, 2.0, 3.0", "classes 1, 2, 3: the file's numbers, never ours")
def _(f: Folder) -> None:
    for text in ("a,kind\n1,3\n2,1\n3,2\n", "a,kind\n1,3.0\n2,1.0\n3,2.0\n"):
        f.text(text).classes("1 2 3", "3 1 2")


@case(
    "a label that is missing: nothing, NA, ?",
    "refused: how many, the first line; rows dropped or kept without, as asked",
)
def _(f: Folder) -> None:
    f.text("a,kind\n1,oak\n2,?\n3,\n4,NA\n5,elm\n").refused(
        r"3 of 5 rows; first row 1 \(line 3\), label 'kind': \?", label="kind"
    )
    f.classes("elm oak", "oak elm", missing="drop")
    assert f.law(label="kind", missing="leave-out").rows(torch.arange(5))[1]["kind"].tolist() == [1, -1, -1, -1, 0]


@case("a class called None", "a class")
def _(f: Folder) -> None:
    f.text("a,kind\n1,None\n2,some\n").classes("None some", "None some")


@case("labels in a text file of their own, with or without a name on top", "one for each row (`labels: FILE`)")
def _(f: Folder) -> None:
    f.text("cat\nant bee\ncat\n", "y.csv").text(LINES)
    law = f.law(labels=f.folder / "y.csv")
    assert law.conditions == {"label": si.ConditionSpec(classes=("ant bee", "cat"))}
    f.text("kind\ncat\nant\ncat\n", "y.csv").text(LINES).classes(
        "ant cat", "cat ant cat", label=None, labels=f.folder / "y.csv"
    )
    assert "kind" in f.law(labels=f.folder / "y.csv").conditions
    f.text("n,kind\n1,cat\n2,ant\n3,cat\n", "y.csv").text(LINES).classes(
        "ant cat", "cat ant cat", labels=f.folder / "y.csv"
    )
    f.refused("which column has the labels.*n, kind", labels=f.folder / "y.csv")


@case("labels in a .npy file of their own", "one for each row")
def _(f: Folder) -> None:
    for labels in (np.array([3, 1, 3]), np.array([[3], [1], [3]])):
        f.array(labels, "y.npy").array(np.array(TWO)).classes("1 3", "3 1 3", label=None, labels=f.folder / "y.npy")
    f.array(np.array([True, False, True]), "y.npy").array(np.array(TWO))
    f.classes("0 1", "1 0 1", label=None, labels=f.folder / "y.npy")


@case("labels in a file of their own, not one for each row", "refused: both numbers")
def _(f: Folder) -> None:
    f.array(np.arange(4), "y.npy").array(np.array(TWO)).refused(
        r"one label for each row got shape \(4,\); allowed shape \(3,\)", labels=f.folder / "y.npy"
    )
    f.text("cat\nant\n", "y.csv").text(LINES).refused(r"y.csv: one label for each row", labels=f.folder / "y.csv")


@case("measurements named as labels", "refused: a class is a name that rows share")
def _(f: Folder) -> None:
    f.text("a,b\n" + LINES).refused("is it a class at all", label="b")


@case("a class that only training rows, or only rows held out, have", "told, with a warning")
def _(f: Folder) -> None:
    f.text("a,kind\n" + "".join(f"{k},{'rare' if k == 3 else 'oak'}\n" for k in range(20))).law(
        label="kind", held_out=0.2
    )
    assert re.search("classes among the (training rows|rows held out) alone, none among the [a-z ]+: rare", f.log.text)


@case("rows that are held out and trained on as well", "told, with a warning")
def _(f: Folder) -> None:
    table = np.random.default_rng(0).normal(size=(40, 2))
    f.array(table).law(held_out=0.25)
    assert "training rows as well" not in f.log.text
    f.array(np.concatenate([table] * 5)).law(held_out=0.25)
    assert re.search(r"(4\d|50) of 50 rows held out are training rows as well", f.log.text)


@case("a column that is constant, also up to rounding", "refused by name")
def _(f: Folder) -> None:
    f.text("a,b\n1,0.3\n2,0.3\n").refused("constant column can't be standardised got b .1 of 2", standardise=True)
    f.text("a,b\n1,0.3\n2,0.30000000000000004\n").refused(
        "constant column can't be standardised got b", standardise=True
    )
    f.array(np.float32(16_777_216) + np.array([[0.0], [2.0]], np.float32)).refused("constant column", standardise=True)
    assert f.text("a,b\n1,100000000\n2,100000001\n").law(standardise=True).shape == (2,)


@case("a column whose variance is beyond float64", "refused by name")
def _(f: Folder) -> None:
    f.text("a,b\n1,1e300\n2,-1e300\n").refused("got b: the variance is beyond float64", standardise=True)
    f.text("a,b\n1,1e-300\n2,-1e-300\n").refused("a constant column .*got b", standardise=True)


@case("another suffix, an empty file, none at all", "refused; a near name is suggested")
def _(f: Folder) -> None:
    f.text("", "x.xlsx").refused("unknown file format got '.xlsx'; allowed .npy")
    f.text("").refused("the file is empty")
    f.path = f.folder / "xx.csv"
    f.refused("no such file.*did you mean x.csv")
    # Another case comes before other letters.
    f.text("1,2\n", "b.csv")
    f.path = f.folder / "B.csv"
    if not f.path.exists():
        f.refused("no such file.*did you mean b.csv.$")


@case(".npy of shape (N,)", "one column")
def _(f: Folder) -> None:
    f.array(np.array([1.0, 2.0, 4.0])).reads([[1], [2], [4]], None)


@case(".npy of shape (N, *event)", "draws of shape event, one scale for all entries")
def _(f: Folder) -> None:
    values = np.random.default_rng(0).normal(size=(6, 2, 3, 4))
    assert f.array(values).reads(values, None).shape == (2, 3, 4)


@case(".npy in Fortran's order, of another machine's bytes, of whole numbers, of truth values", "read")
def _(f: Folder) -> None:
    values = np.arange(12.0).reshape(4, 3) % 5
    for stored in (
        np.asfortranarray(values),
        values.astype(">f4"),
        values.astype(">i2"),
        values.astype("u8"),
        values > 2,
    ):
        f.array(stored).reads(stored.astype(float), None)


@case(".npy of bytes 0..255", "kept as bytes, standardised as they are drawn")
def _(f: Folder) -> None:
    values = np.arange(48, dtype=np.uint8).reshape(12, 2, 2)
    law = f.array(values).law(standardise=True)
    np.testing.assert_allclose(law.decode(law.rows(torch.arange(12))[0]), values, atol=1e-9)
    f.refused("0..255.*standardise: true")


@case(".npy with columns and labels by index", "read")
def _(f: Folder) -> None:
    f.array(np.array([[1.0, 2, 0], [3, 4, 1], [5, 6, 1]])).classes("0 1", "0 1 1", label=2, columns=[1])


@case(".npy of half precision", "read")
def _(f: Folder) -> None:
    f.array(np.array(TWO, dtype="f2")).reads(TWO, None)


@case(".npy of complex numbers, dates or text", "refused with the way out")
def _(f: Folder) -> None:
    for dtype, words in (
        ("c16", "real and imaginary"),
        ("M8[D]", "datetime64"),
        ("U3", "<U3"),
    ):
        f.array(np.ones((3, 2)).astype("i8").astype(dtype)).refused(words)


@case(".npy or .npz of Python objects, pickles", "refused: never loaded")
def _(f: Folder) -> None:
    f.array(np.array([[1, None]], dtype=object)).refused("Python objects.*never loaded")


@case(".npy cut short", "refused: bytes there and promised")
def _(f: Folder) -> None:
    f.array(np.ones((100, 2)))
    f.path.write_bytes(f.path.read_bytes()[:500])
    f.refused("damaged or cut short got 500 bytes, fewer than its header promises")


@case(".npz of several arrays", "refused with their names; one by `key`, labels and conditions by theirs")
def _(f: Folder) -> None:
    f.array(np.array(TWO), "x.npz", y=np.arange(3), kind=np.array(["b", "a", "b"]))
    f.refused("which array.*x, y, kind.*key")
    f.classes("a b", "b a b", key="x", conditions=None)


@case(".parquet", "read by names, numbers of any width")
def _(f: Folder) -> None:
    f.frame(a=np.array([1.5, 3, 5], "f4"), b=np.array([2, -4, 6], "i2")).reads([[1.5, 2], [3, -4], [5, 6]])


@case(".parquet with pandas' index (`__index_level_0__`)", "left out with a warning")
def _(f: Folder) -> None:
    a, b = np.array(TWO).T
    f.frame(a=a, b=b, __index_level_0__=["x", "y", "z"]).reads(TWO, says="__index_level_0__ is taken for an index")


@case(".parquet with nulls, truth values, decimals", "missing, 1 and 0, float64")
def _(f: Folder) -> None:
    from decimal import Decimal

    f.frame(a=[1.5, None, 5.0], b=[True, False, None]).refused("2 of 3 rows; first row 1")
    f.frame(a=[Decimal("1.5"), Decimal("3.0")], b=[True, False]).reads([[1.5, 1], [3, 0]])


@case(".parquet with labels as categories", "classes by their names")
def _(f: Folder) -> None:
    pa = pytest.importorskip("pyarrow")
    f.frame(a=[1.0, 2, 3], kind=pa.array(["oak", "elm", "oak"]).dictionary_encode()).classes("elm oak", "oak elm oak")


@case(".parquet with whole numbers beyond 2^53", "float64, with a warning that names the column")
def _(f: Folder) -> None:
    f.frame(a=[2**60 + 1, 5], b=[1, 2]).reads([[2.0**60, 1], [5, 2]], says="beyond 2.53 are rounded.*: a .1 of 2")


@case(".parquet with columns of text or dates", "refused by name")
def _(f: Folder) -> None:
    f.frame(a=[1.0, 2], b=["x", "y"]).refused("column 'b' holds no numbers got string")


def test_the_readme_has_these_rows_and_no_others():
    table = README[README.index("| table |") : README.index("| image |")]
    found = re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.MULTILINE)[2:]
    assert found == [(file, happens) for file, (happens, _) in CASES.items()]
    assert len(found) >= 40


@pytest.mark.parametrize("name", CASES)
def test_files_as_people_have_them(name, tmp_path, caplog):
    CASES[name][1](Folder(tmp_path, caplog))
