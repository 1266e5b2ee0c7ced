"""Damaged and strange data files: only the library's own errors, within seconds, and no raw control character in them.

Every file is a good one of some format, changed by a few random edits: bytes flipped, cut, repeated, moved, or a number
of a header replaced by a hostile one; or it is whole and of dtypes, shapes, cells or pixels that few files have. It is
read as data of a recipe, as labels, or as points of the command line.
"""

from __future__ import annotations

import logging
import random
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import si_core as si_
from si_core.cli.points import read_points
from si_core.storage.array_file import load_array

from .watchdog import steers_nothing, watched

pytest.importorskip("si_distributions")
pytest.importorskip("PIL.Image")
pytest.importorskip("pyarrow")
from .hostile_data import GOOD, damaged, options_for, strange

pytestmark = pytest.mark.fault(22, 23, 24, 26)

WHOLE: dict[str, dict[str, Any]] = {"npz": {"key": "x"}, "npy": {}}
"""What some formats need to be read; the others have a column of text beside those of numbers."""


def _taken(path: Path, options: dict[str, Any], door: str) -> str:
    """Read a file as data, labels or points; what is said of it."""
    if path.name.startswith("picture"):
        law: Any = si_.build("distribution", "images", path=str(path.parent), **options)
    elif door == "points":
        names = options.get("columns")
        points = read_points(
            str(path), names if names and isinstance(names[0], str) else None, drop="missing" in options
        )
        return f"{len(points.x)} points, {points.condition}"
    elif door == "condition" and path.suffix == ".npy":
        return str(load_array(path, si_.DataError, "write it again").dtype)
    elif door == "labels":
        np.save(path.parent / "rows.npy", np.arange(24.0).reshape(12, 2))
        law = si_.build("distribution", "array", path=str(path.parent / "rows.npy"), labels=str(path))
    else:
        law = si_.build("distribution", "array", path=str(path), **options)
    x = law.draw(2)
    assert np.isfinite(np.asarray(x[0] if isinstance(x, tuple) else x)).all(), "data that are not finite were taken"
    return str(law.frame.columns or "") + str(law.conditions)[:5000]


def _read(folder: Path, number: int) -> str:
    """Read the file of a number; what became of it."""
    chance = random.Random(number)
    name = chance.choice(sorted(GOOD))
    path = folder / name
    path.write_bytes(damaged(name, chance) if chance.random() < 0.7 else strange(name, chance))
    door = chance.choice(["data", "data", "data", "points", "labels", "condition"])
    options = options_for(name, chance)
    case = f"file {number}, {name}, {door}, {options}"
    said, became = "", "accepted"
    try:
        with watched(case), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            said = _taken(path, options, door)
    except (si_.DataError, si_.UsageError) as error:
        said, became = str(error), "refused"
        assert steers_nothing(said), f"{case}: {said!r}"
    except si_.SIError as error:
        raise AssertionError(f"{case}: {error}") from error
    except Exception as error:
        if isinstance(error, AssertionError):
            raise AssertionError(f"{case}: {error}") from error
        raise AssertionError(f"{case}: {type(error).__name__}: {error}"[:2000]) from error
    finally:
        path.unlink()
    assert len(said) < 10_000, case
    return became


def _all_read(folder: Path, numbers: range) -> Counter[str]:
    for name, data in GOOD.items():  # libraries are imported before anything is timed
        (folder / name).write_bytes(data)
        images, options = name.startswith("picture"), WHOLE.get(name.rpartition(".")[2], {"columns": [0, 1]})
        options = {"path": str(folder)} if images else {"path": str(folder / name), **options}
        si_.build("distribution", "images" if images else "array", held_out=0.0, **options)
        (folder / name).unlink()
    logging.disable(logging.WARNING)  # what readers say of odd files is tested elsewhere
    try:
        return Counter(_read(folder, number) for number in numbers)
    finally:
        logging.disable(logging.NOTSET)


def test_damaged_files(tmp_path):
    found = _all_read(tmp_path, range(300))
    assert min(found["refused"], found["accepted"]) > 40, "a fuzzer that reaches one side alone shows little"


@pytest.mark.slow
def test_many_damaged_files(tmp_path):
    _all_read(tmp_path, range(300, 20_300))
