"""Files of tensors (:mod:`si_core.storage.tensors`) that are larger than the memory: rows are written in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from si_core.storage.atomic import write_atomic
from si_core.storage.growing_array import RowForm
from si_core.storage.tensors import format_header, header_digest

__all__ = ["TensorStream", "stream_tensors", "tensor_word"]

_WORDS = {
    "<f8": "F64", "<f4": "F32", "<f2": "F16", "<i8": "I64", "<i4": "I32", "<i2": "I16", "|i1": "I8",
    "<u8": "U64", "<u4": "U32", "<u2": "U16", "|u1": "U8", "|b1": "BOOL",
}  # fmt: skip


@dataclass(frozen=True)
class TensorStream:
    """A tensor whose rows come in pieces.

    Args:
        name: of the tensor.
        rows: how many it has.
        form: what they have in common.
        pieces: the rows in order, from the first one each time it is called.
    """

    name: str
    rows: int
    form: RowForm
    pieces: Callable[[], Iterator[NDArray[Any]]]


def tensor_word(dtype: str) -> str | None:
    """The format's word for a dtype of numpy; None where it has none."""
    return _WORDS.get(dtype)


def stream_tensors(path: Path, tensors: Sequence[TensorStream], metadata: Mapping[str, str]) -> None:
    """Write a file of tensors atomically, with the checksum that :func:`si_core.storage.tensors.load_tensors` asks for.

    The rows are read twice, as the checksum stands before them.

    Raises:
        StorageError: no room on the disk.
        KeyError: a dtype that the format lacks.
    """
    # Wide numbers first, so that each tensor begins at a multiple of its own size, as the format asks.
    ordered = sorted(tensors, key=lambda each: (-RowForm(each.form.dtype, ()).size, each.name))
    header, end = dict[str, Any](), 0
    for each in ordered:
        size = each.rows * each.form.size
        shape = [each.rows, *each.form.event]
        header[each.name] = {"dtype": _WORDS[each.form.dtype], "shape": shape, "data_offsets": [end, end + size]}
        end += size
    digest = header_digest(metadata, header)
    for piece in _pieces(ordered):
        digest.update(piece)
    start = format_header(metadata, header, digest.hexdigest(), str(path))

    def write(file: BinaryIO) -> None:
        file.write(start)
        for piece in _pieces(ordered):
            file.write(piece)

    write_atomic(path, write)


def _pieces(tensors: Sequence[TensorStream]) -> Iterator[bytes]:
    for each in tensors:
        for piece in each.pieces():
            yield piece.tobytes()
