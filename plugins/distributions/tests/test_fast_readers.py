"""Fast readers give what the strict one gives, or leave the file to it: tables of every kind, every separator."""

from __future__ import annotations

import contextlib
import csv

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import si_core as si
from si_distributions.files import fast_text
from si_distributions.files.fast_pandas import read_by_pandas
from si_distributions.files.fast_pyarrow import read_by_pyarrow
from si_distributions.files.text_form import text_form
from si_distributions.files.text_table import read_strictly, reading_text

READERS = {"pyarrow": read_by_pyarrow, "pandas": read_by_pandas}
reader = pytest.mark.parametrize("name", READERS)

NUMBERS = st.one_of(
    st.floats(allow_nan=False).map(repr),
    st.floats(-1e6, 1e6).map(lambda x: f"{x:.4f}"),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["1", "0", "-0.0", "+2.5", ".5", "5.", "1e5", " 3 ", "inf", "-inf"]),
)
ODD = st.sampled_from(["", "NA", "nan", "N/A", "?", "null", "NaN", "true", "False", "1_0", "four", "1.2.3", "٣", '"7"'])
TEXTS = st.sampled_from(["oak", "elm", "a b", "Ü", "", " ash ", '"x"', "NA", "#1"])


@st.composite
def tables(draw):
    """The text of a table, one of its columns labels; one cell in a hundred or so is odd, one row in fifty ragged."""
    separator = draw(st.sampled_from(",;\t "))
    width = draw(st.integers(2, 4))
    decimal = draw(st.booleans()) and separator != ","
    rare = draw(st.sampled_from([0, 0, 0, 30]))

    def cell(column):
        if column == width - 1:
            text = draw(TEXTS)
            return text.replace(" ", "") or "x" if separator == " " else text
        text = draw(ODD if rare and draw(st.integers(0, rare)) == 0 else NUMBERS)
        text = text.strip() or "NA" if separator == " " else text
        return text.replace(".", ",") if decimal else text

    rows = [[cell(i) for i in range(width)] for _ in range(draw(st.integers(1, 12)))]
    if rare and draw(st.integers(0, 5)) == 0:
        rows[-1] = rows[-1][:-1]
    header = [["", "a", "b,c", "d"][-width:]] if draw(st.booleans()) else []
    quoted = [[f'"{name}"' if separator in name else name for name in row] for row in header]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    lines = [separator.join(row) for row in quoted + rows]
    head = draw(st.sampled_from(["", "# a comment" + end, end, f"sep={separator}" + end if separator != " " else ""]))
    return head + end.join(lines) + draw(st.sampled_from(["", end, end + end]))


def agree(read, path, where="x.csv"):
    """Hold a fast reader against the strict one; whether it read the file at all."""
    with reading_text(path, where):
        form = text_form(path, where)
    chosen, label = list(range(len(form.names) - 1)), len(form.names) - 1
    plain = fast_text.plain_text(path, form, chosen)
    found = None if plain is None else read(path, form, plain, chosen, label)
    if found is None:
        return False
    try:
        with reading_text(path, where):
            wanted = read_strictly(path, form, chosen, label, where)
    except si.DataError as error:
        pytest.fail(f"only the strict reader refuses: {error}")
    assert found.values.dtype == wanted.values.dtype
    np.testing.assert_array_equal(found.values, wanted.values)
    np.testing.assert_array_equal(
        np.signbit(found.values[found.values == 0]), np.signbit(wanted.values[wanted.values == 0])
    )
    assert found.labels.tolist() == wanted.labels.tolist()
    assert list(found.lines) == wanted.lines.tolist()
    return True


@reader
def test_fast_and_strict_readers_agree(name, tmp_path):
    pytest.importorskip(name)
    path, read = tmp_path / "x.csv", 0

    @settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(tables())
    def holds(text):
        nonlocal read
        path.write_bytes(text.encode())
        with contextlib.suppress(si.DataError):  # of the head, before a fast reader was asked
            read += agree(READERS[name], path)

    holds()
    assert read > 30  # most tables are plain


FAULTS = {
    "ragged": "a,b,k\n" + "1,2,x\n" * 5 + "3,y\n",
    "long": "a,b,k\n" + "1,2,x\n" * 5 + "3,4,y,z\n",
    "text": "a,b,k\n" + "1,2,x\n" * 5 + "3,four,y\n",
    "blank lines": "a,b,k\n" + "1,2,x\n" * 5 + "\n\n" + "3,4,y\n",
    "a quotation mark inside": "a,b,k\n" + "1,2,x\n" * 5 + '3,4,y"z\n',
    "a quotation mark left open": "a,b,k\n" + "1,2,x\n" * 5 + '3,4,"y\n',
    "a line end in quotation marks": "a,b,k\n" + "1,2,x\n" * 5 + '3,4,"y\nz"\n',
    "a separator in quotation marks": "a,b,k\n" + "1,2,x\n" * 5 + '3,4,"y,z"\n',
    "latin-1": "a,b,k\n" + "1,2,x\n" * 5 + "3,4,\xfc\n",
    "underscores": "a,b,k\n" + "1,2,x\n" * 5 + "1_0,4,x\n",
}


@reader
@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_fast_reader_gives_of_a_faulty_file_is_what_the_strict_one_does(name, fault, tmp_path):
    pytest.importorskip(name)
    path = tmp_path / "x.csv"
    path.write_bytes(FAULTS[fault].encode("latin-1"))
    with contextlib.suppress(si.DataError):  # the head alone may be refused
        agree(READERS[name], path)


@pytest.mark.parametrize("first", ["", "# made by hand\n"])
def test_a_large_table_is_read_fast_and_its_errors_have_lines(tmp_path, first, monkeypatch):
    pytest.importorskip("pyarrow")
    path = tmp_path / "x.csv"
    table = np.random.default_rng(0).normal(size=(30_000, 3))
    with path.open("w", newline="") as file:
        file.write(first)
        csv.writer(file).writerows([["a", "b", "c"], *table.tolist()])
    assert path.stat().st_size > 2**20
    law = si.build("distribution", "array", path=str(path), held_out=0, standardise=False, dtype="float64")
    np.testing.assert_array_equal(law.rows(__import__("torch").arange(law.size))[0].numpy(), table)
    with path.open("a") as file:
        file.write("1,2,three\n")
    line = 30_002 + bool(first)
    with pytest.raises(si.DataError, match=rf"x.csv:{line}: column 'c': a cell is no number[\s\S]*'three'"):
        si.build("distribution", "array", path=str(path))
