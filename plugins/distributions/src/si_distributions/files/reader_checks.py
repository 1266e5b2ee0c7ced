"""What every reader must be: the checks that ``si check`` runs for components of the kind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from si_authoring.testing import Conformance, Output, Setting, Suite, Violation, check
from si_core import DataError, UsageError
from si_core.public.discovery import available
from si_distributions.files.contents import Contents
from si_distributions.files.reader import Chosen, Reader
from si_distributions.files.row_store import RowStore

__all__ = ["ReaderChecks"]

_ROWS = np.arange(12, dtype=np.float64).reshape(6, 2) ** 1.5


@contextmanager
def _written(reader: Reader, values: NDArray[np.generic]) -> Iterator[Path]:
    """A file of the reader's suffix, which is the name of its component."""
    classes = {found.component.target.partition(":")[2]: found.component.name for found in available("reader")}
    suffix = classes.get(type(reader).__name__, "data")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"example.{suffix}"
        reader.write(path, values)
        yield path


def _rows(contents: Contents) -> NDArray[np.generic]:
    values = contents.values
    return values.loaded() if isinstance(values, RowStore) else np.asarray(values)


def _exercise(reader: Reader, setting: Setting) -> Sequence[Output]:
    x = setting.states("x")
    with _written(reader, x.detach().cpu().numpy()) as path:
        rows = _rows(reader.read(path, Chosen(), str(path)))
    event = setting.event or (1,)
    return [Output("read", torch.from_numpy(np.array(rows)).to(x.device), (setting.count, *event))]


def _taken(contents: Contents, index: NDArray[np.int64]) -> NDArray[np.generic]:
    values = contents.values
    return values.take(index) if isinstance(values, RowStore) else np.asarray(values)[index]


@check
def same_numbers(reader: Reader) -> None:
    """What is read is what was written, row by row in the file's order."""
    with _written(reader, _ROWS) as path:
        found = _rows(reader.read(path, Chosen(), str(path)))
    if found.shape != _ROWS.shape or not np.array_equal(found, _ROWS):
        raise Violation(f"it reads {found.tolist()[:2]} ... where {_ROWS.tolist()[:2]} ... was written")


@check
def any_order(reader: Reader) -> None:
    """Rows are taken in any order and as often as asked, by name of a row that errors can tell."""
    index = np.array([5, 0, 0, 3, 1, 5], dtype=np.int64)
    with _written(reader, _ROWS) as path:
        contents = reader.read(path, Chosen(), str(path))
        for chosen in (index, index[:0]):
            found = _taken(contents, chosen)
            if not np.array_equal(found, _ROWS[chosen]):
                raise Violation(f"take({chosen.tolist()}) gives {found.tolist()}")
        if isinstance(contents.values, RowStore) and str(path) not in contents.values.named(3):
            raise Violation(f"named(3) is {contents.values.named(3)!r}, which does not name the file")


@check
def chosen_columns(reader: Reader) -> None:
    """Columns come in the order in which they are chosen."""
    with _written(reader, _ROWS) as path:
        found = _rows(reader.read(path, Chosen(columns=[1, 0]), str(path)))
    if not np.array_equal(found, _ROWS[:, [1, 0]]):
        raise Violation(f"columns [1, 0] of {_ROWS.tolist()[0]} are read as {found.tolist()[0]}")


@check
def refusals(reader: Reader) -> None:
    """What a file has not, and a damaged file, is an error for users that names the file."""
    wrong = (Chosen(key="no such array"), Chosen(columns=["no such column"]), Chosen(label="no such label"),
             Chosen(conditions=["no such column"]), Chosen(columns=[99]))  # fmt: skip
    with _written(reader, _ROWS) as path:
        for chosen in wrong:
            _refused(reader, path, chosen, f"{chosen}")
        for each in path.rglob("*") if reader.folder else [path]:
            if each.is_file():
                each.write_bytes(each.read_bytes()[: each.stat().st_size // 2])
        _refused(reader, path, Chosen(), "a file that is cut short")


def _refused(reader: Reader, path: Path, chosen: Chosen, what: str) -> None:
    try:
        _rows(reader.read(path, chosen, str(path)))
    except (DataError, UsageError) as error:
        if "example." not in str(error):
            raise Violation(f"the error about {what} does not name the file: {error}") from error
        return
    except Exception as error:
        raise Violation(f"{what} raises {type(error).__name__} in place of a DataError: {error}") from error
    raise Violation(f"{what} is read as if nothing were wrong")


class ReaderChecks(Conformance):
    """Inherit it, and give the reader as the fixture ``component``."""

    kind = "reader"
    SUITE = Suite("reader", _exercise, (same_numbers, any_order, chosen_columns, refusals))
