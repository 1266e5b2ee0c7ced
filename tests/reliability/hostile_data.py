"""Data files as they may come: good ones whose bytes were changed, and whole ones that hold what nobody expects."""

from __future__ import annotations

import io
import random
import string
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

__all__ = ["GOOD", "damaged", "options_for", "strange"]

Chance = random.Random
ROWS = np.random.default_rng(0).normal(size=(12, 3))
NAMES = [f"k{i % 3}" for i in range(len(ROWS))]
NUMBERS = [b"0", b"-1", b"99999999999", b"1e400", b"nan", b"\x1b[31m", b"'", b"(", b"9" * 5000, b"\xff", b"\0"]
IMAGES = ("png", "jpg", "gif", "bmp", "tiff", "webp", "ppm")
CELLS = ["1", "2.5", "-1e300", "1e400", "nan", "inf", "", " ", "NA", "k1", "k2", "\x1b[31m", "\0", '"', "'", "é"]
CELLS += ["\u202e", "#"]
CELLS += ["1,5", "1_000", "0x10", "x" * 3000, "9" * 400, "=1+1", "2020-01-01", "True", '"a\nb"', "\\", "-", "1e", "٣"]
CELLS += ["1;2"]
DTYPES = ["f2", "f4", "f8", ">f8", "f16", "i1", "u1", ">i4", "i8", "u8", "?", "c8", "c16", "S3", "U3", "M8[s]"]
DTYPES += ["m8[D]", "V4"]
SHAPES = [(), (0,), (1,), (12,), (12, 1), (12, 3), (0, 3), (12, 0), (2, 2, 2, 2), (1, 1), (500, 2), (3, 4000)]
SHAPES += [(1,) * 30]
OPTIONS: list[dict[str, Any]] = [{}, {"label": "kind"}, {"label": 1}, {"columns": [0, 1]}, {"columns": ["a"]}]
OPTIONS += [{"conditions": ["b"]}, {"key": "x"}, {"key": "x", "label": "kind"}, {"missing": "drop"}, {"header": False}]
OPTIONS += [{"held_out": 0.5}, {"columns": [-1]}, {"columns": [99]}, {"columns": ["a", "a"]}, {"columns": []}]
OPTIONS += [{"label": "\x1b[31m"}, {"label": ""}, {"dtype": "float64"}, {"standardise": False}, {"header": True}]
TABLE: list[dict[str, Any]] = [{"columns": [0, 1]}, {"columns": ["a", "b"]}, {"columns": [0, 1, 2], "label": -1}]
TABLE += [{"columns": ["b"], "label": "kind"}, {"columns": ["a"], "conditions": ["b"]}]
TABLE += [{"columns": [1], "missing": "drop"}]
FITTING: dict[str, list[dict[str, Any]]] = {
    "npy": [{}, {"dtype": "float64"}, {"columns": [0, 1]}, {"missing": "drop"}, {"standardise": False}, {"label": 2}],
    "npz": [{"key": "x"}, {"key": "x", "label": "kind"}, {"key": "x", "columns": [0]}, {"key": "x", "missing": "drop"}],
}
"""Options with which a good file is read; for the others, tables, see above."""


def options_for(name: str, chance: Chance) -> dict[str, Any]:
    """Options to read a file with: mostly those that fit a good one."""
    kind = name.rpartition(".")[2]
    if kind in IMAGES:
        return {"held_out": 0.0, **chance.choice([{}, {}, {"channels": 1}, {"size": 4}, {"damaged": "skip"}])}
    return chance.choice(FITTING.get(kind, TABLE) if chance.random() < 0.8 else OPTIONS)


def _bytes(write: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def _text(separator: str, header: bool, decimal: str = ".") -> bytes:
    lines = [separator.join(["a", "b", "c", "kind"])] if header else []
    for row, name in zip(ROWS, NAMES, strict=True):
        lines.append(separator.join([*(f"{v:.6f}".replace(".", decimal) for v in row), name]))
    return "\n".join([*lines, ""]).encode()


def _pixels(kind: str) -> bytes:
    grey = (np.abs(np.kron(ROWS[:8, :1], np.ones((1, 8)))) * 60).astype(np.uint8)
    return _bytes(lambda stream: Image.fromarray(grey).convert("RGB").save(stream, kind))


def _table(stream: io.BytesIO) -> None:
    pq.write_table(pa.table({"a": ROWS[:, 0], "b": ROWS[:, 1], "kind": NAMES}), stream)


GOOD: dict[str, bytes] = {
    "f8.npy": _bytes(lambda stream: np.save(stream, ROWS)),
    "f4.npy": _bytes(lambda stream: np.save(stream, np.asfortranarray(ROWS.astype("f4")))),
    "i2.npy": _bytes(lambda stream: np.save(stream, ROWS.astype(">i2").reshape(12, 3, 1))),
    "plain.npz": _bytes(lambda stream: np.savez(stream, x=ROWS, kind=np.array(NAMES))),
    "packed.npz": _bytes(lambda stream: np.savez_compressed(stream, x=ROWS, kind=np.array(NAMES))),
    "comma.csv": _text(",", True),
    "german.csv": _text(";", True, ","),
    "tabs.tsv": _text("\t", False),
    "spaces.txt": _text(" ", True),
    "table.parquet": _bytes(_table),
}
GOOD |= {f"picture.{kind}": _pixels({"jpg": "JPEG"}.get(kind, kind.upper())) for kind in IMAGES}


def damaged(name: str, chance: Chance) -> bytes:
    """The bytes of a good file after a few edits; of an archive now and then those of its members."""
    data = GOOD[name]
    if name.endswith(".npz") and chance.random() < 0.5:
        stream = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
            for member in old.namelist():
                new.writestr(member, _edited(old.read(member), chance))
        return stream.getvalue()
    return _edited(data, chance)


def _edited(data: bytes, chance: Chance) -> bytes:
    """The bytes after up to four edits, more of them near the start, where headers are."""
    changed = bytearray(data)
    for _ in range(chance.choice([0, 1, 1, 2, 4])):
        size = max(len(changed), 1)
        at = chance.randrange(min(size, 200) if chance.random() < 0.6 else size)
        length = chance.choice([1, 2, 8, 64])
        match chance.randrange(6):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[at:]
            case 2:
                del changed[at : at + length]
            case 3:
                changed[at:at] = changed[at : at + length] * chance.choice([1, 3])
            case 4:
                changed[at : at + length] = chance.randbytes(length)
            case _:
                digits = [i for i in range(len(changed)) if 48 <= changed[i] < 58]
                at = chance.choice(digits) if digits else at
                changed[at : at + 1] = chance.choice(NUMBERS)
    return bytes(changed)


def strange(name: str, chance: Chance) -> bytes:
    """The bytes of a whole file of the format of ``name``, of what is seldom in one."""
    kind = name.rpartition(".")[2]
    if kind == "npy":
        return _bytes(lambda stream: np.save(stream, _array(chance), allow_pickle=True))
    if kind == "npz":
        members = {key: _array(chance) for key in chance.sample(["x", "kind", "a", "b/c", "\x1b[2J", "", "é"], 3)}
        return _bytes(lambda stream: np.savez(stream, **members))
    if kind == "parquet":
        names = chance.choices(["a", "b", "kind", "", "\x1b[31m", "x" * 300, "0"], k=chance.choice([1, 3, 4]))
        columns = pa.table([_column(chance) for _ in names], names=names)
        return _bytes(lambda stream: pq.write_table(columns, stream))
    if kind in IMAGES:
        return _picture(kind, chance)
    separator = chance.choice([",", ";", "\t", " ", "|"])
    width, end = chance.choice([1, 2, 4, 4, 4, 60]), chance.choice(["\n", "\r\n", "\r", "\n\n"])
    rows = [[_cell(chance) for _ in range(max(1, width + chance.choice([0, 0, 0, 0, 0, 0, 1, -1])))] for _ in range(12)]
    if chance.random() < 0.5:
        rows[0] = chance.choices(["a", "b", "c", "kind", "", "a b", "\x1b[31m", "1"], k=width)
    text = end.join(separator.join(row) for row in rows)
    return text.encode(chance.choice(["utf-8", "utf-8-sig", "utf-16", "latin-1", "utf-8"]), "replace")


def _cell(chance: Chance) -> str:
    return f"{chance.gauss(0, 1):.3f}" if chance.random() < 0.9 else chance.choice(CELLS)


def _array(chance: Chance) -> Any:
    """An array of any dtype and shape; now and then one of Python objects, or of records."""
    shape, draw = chance.choice(SHAPES), chance.random()
    if draw < 0.08:
        return np.array([chance.choice([1.0, None, "x", [1], {"a": 1}]) for _ in range(12)] + [object], dtype=object)
    if draw < 0.14:
        return np.zeros(12, dtype=[("a", "f8"), (chance.choice(["b", "\x1b[2J"]), chance.choice(["i4", "U3", "O"]))])
    numbers = np.random.default_rng(chance.randrange(2**32)).normal(size=shape) * chance.choice([1, 1, 100, 1e30])
    if draw < 0.3 and numbers.size:
        numbers.flat[chance.randrange(numbers.size)] = chance.choice([np.nan, np.inf, -np.inf, 1e300])
    dtype = np.dtype(chance.choice(DTYPES))
    between = {"M": "i8", "m": "i8", "V": "S4"}.get(dtype.kind, dtype)
    with np.errstate(all="ignore"):
        made = numbers.astype(between).astype(dtype)
    return np.asfortranarray(made) if chance.random() < 0.3 else made


def _column(chance: Chance) -> pa.Array:
    """A column of twelve values of some type of parquet."""
    numbers = [chance.gauss(0, 1) for _ in range(12)]
    makers: list[Callable[[], pa.Array]] = [
        lambda: pa.array(numbers),
        lambda: pa.array([*numbers[:-1], None]),
        lambda: pa.array([*numbers[:-1], chance.choice([float("nan"), float("inf"), 1e308])]),
        lambda: pa.array([int(v * 20) for v in numbers], chance.choice([pa.int8(), pa.int32(), pa.int64()])),
        lambda: pa.array([chance.choice(CELLS) for _ in numbers]),
        lambda: pa.array(NAMES).dictionary_encode(),
        lambda: pa.array([v > 0 for v in numbers]),
        lambda: pa.array([[v, v] for v in numbers]),
        lambda: pa.array([{"a": v} for v in numbers]),
        lambda: pa.array([int(v * 1e6) for v in numbers], pa.timestamp("us", chance.choice([None, "UTC"]))),
        lambda: pa.array([None] * 12),
        lambda: pa.array([chance.randbytes(3) for _ in numbers]),
        lambda: pa.array([int(v * 100) for v in numbers]).cast(pa.decimal128(30, 2)),
        lambda: pa.array([2**63 + i for i in range(12)], pa.uint64()),
    ]
    return chance.choice(makers)()


def _picture(kind: str, chance: Chance) -> bytes:
    mode = chance.choice(["RGB", "L", "P", "1", "RGBA", "I;16", "LA", "CMYK", "F", "I"])
    size = chance.choice([(1, 1), (8, 8), (8, 8), (1, 300), (64, 2)])
    words = {"comment": "".join(chance.choices(string.printable, k=20)).encode()} if chance.random() < 0.3 else {}
    written = {"jpg": "JPEG"}.get(kind, kind.upper())
    try:
        return _bytes(lambda stream: Image.new(mode, size).save(stream, written, **words))
    except (OSError, KeyError, ValueError, SystemError):
        return GOOD[f"picture.{kind}"]  # no such mode in this format
