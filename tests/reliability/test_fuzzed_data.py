"""Damaged data files: only the library's own errors, within seconds, and no raw control character in them.

Every file is a good one of some format, changed by a few random edits: bytes flipped, cut, repeated, moved, or a number
of a header replaced by a hostile one.
"""

from __future__ import annotations

import io
import logging
import random
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import si_core as si

pytest.importorskip("si_distributions")
Image = pytest.importorskip("PIL.Image")
pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402 - after the check that it is there

SECONDS = 5.0
ROWS = np.random.default_rng(0).normal(size=(12, 3))
NAMES = [f"k{i % 3}" for i in range(len(ROWS))]
NUMBERS = [b"0", b"-1", b"99999999999", b"1e400", b"nan", b"\x1b[31m", b"'", b"(", b"9" * 5000, b"\xff", b"\0"]


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


FILES = {
    "f8.npy": lambda: _bytes(lambda stream: np.save(stream, ROWS)),
    "f4.npy": lambda: _bytes(lambda stream: np.save(stream, np.asfortranarray(ROWS.astype("f4")))),
    "i2.npy": lambda: _bytes(lambda stream: np.save(stream, ROWS.astype(">i2").reshape(12, 3, 1))),
    "plain.npz": lambda: _bytes(lambda stream: np.savez(stream, x=ROWS, kind=np.array(NAMES))),
    "packed.npz": lambda: _bytes(lambda stream: np.savez_compressed(stream, x=ROWS, kind=np.array(NAMES))),
    "comma.csv": lambda: _text(",", True),
    "german.csv": lambda: _text(";", True, ","),
    "tabs.tsv": lambda: _text("\t", False),
    "spaces.txt": lambda: _text(" ", True),
    "table.parquet": lambda: _bytes(
        lambda stream: pq.write_table(pa.table({"a": ROWS[:, 0], "b": ROWS[:, 1], "kind": NAMES}), stream)
    ),
    "picture.png": lambda: _pixels("PNG"),
    "picture.jpg": lambda: _pixels("JPEG"),
    "picture.gif": lambda: _pixels("GIF"),
    "picture.bmp": lambda: _pixels("BMP"),
    "picture.tiff": lambda: _pixels("TIFF"),
    "picture.webp": lambda: _pixels("WEBP"),
    "picture.ppm": lambda: _pixels("PPM"),
}
WHOLE = {"npz": {"key": "x"}, "npy": {}}
"""What some formats need to be read; the others have a column of text beside those of numbers."""
OPTIONS = [{}, {"label": "kind"}, {"label": 1}, {"columns": [0, 1]}, {"columns": ["a"]}, {"conditions": ["b"]}]
OPTIONS += [{"key": "x"}, {"key": "x", "label": "kind"}, {"missing": "drop"}, {"header": False}, {"held_out": 0.5}]


def _edited(data: bytes, chance: random.Random) -> bytes:
    """The bytes after one to four edits, more of them near the start, where headers are."""
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4])):
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


def _rezipped(data: bytes, chance: random.Random) -> bytes:
    """An archive whose members are damaged, and whose own sums are right."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            new.writestr(name, _edited(old.read(name), chance))
    return stream.getvalue()


GOOD = {name: write() for name, write in FILES.items()}


def _read(folder: Path, number: int) -> str:
    """Read the file of a number; what was said."""
    chance = random.Random(number)
    name = chance.choice(sorted(GOOD))
    damage = _rezipped if name.endswith(".npz") and chance.random() < 0.5 else _edited
    path = folder / name
    path.write_bytes(damage(GOOD[name], chance))
    images = name.startswith("picture")
    options = {"path": str(folder)} if images else {"path": str(path), **chance.choice(OPTIONS)}
    began = time.monotonic()
    try:
        law = si.build("distribution", "images" if images else "array", **options)
        law.draw(2)
        said = str(law.frame.columns or "")
    except (si.DataError, si.UsageError) as error:
        said = str(error)
    except si.SIError as error:
        raise AssertionError(f"file {number}, {name}, {options}: {error}") from error
    except Exception as error:
        raise AssertionError(f"file {number}, {name}, {options}: {type(error).__name__}") from error
    finally:
        path.unlink()
    assert time.monotonic() - began < SECONDS, f"file {number}, {name}, {options}"
    return said


def _none_is_strange(folder: Path, numbers: range) -> None:
    for name, data in GOOD.items():  # libraries are imported before anything is timed
        (folder / name).write_bytes(data)
        images, options = name.startswith("picture"), WHOLE.get(name.rpartition(".")[2], {"columns": [0, 1]})
        options = {"path": str(folder)} if images else {"path": str(folder / name), **options}
        si.build("distribution", "images" if images else "array", held_out=0.0, **options)
        (folder / name).unlink()
    logging.disable(logging.WARNING)  # what readers say of odd files is tested elsewhere
    try:
        for number in numbers:
            said = _read(folder, number)
            assert len(said) < 10_000, f"file {number}"
            if "\n  " in said:
                assert all(c.isprintable() or c in "\n\t" for c in said), f"file {number}: {said!r}"
    finally:
        logging.disable(logging.NOTSET)


def test_damaged_files(tmp_path):
    _none_is_strange(tmp_path, range(300))


@pytest.mark.slow
def test_many_damaged_files(tmp_path):
    _none_is_strange(tmp_path, range(300, 20_300))
