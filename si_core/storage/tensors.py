"""Tensors in files: safetensors, whole or refused.

The format holds no code, so a hostile file can at most be wrong. Beyond the library's own checks, a header of another
size than ours could have, equal names and overlapping tensors are refused before anything is allocated. Files written
here carry a SHA-256 of header and data in their metadata (key ``sha256``), as the format has no checksum of its own;
files of other programs, which have none, load too. Equal input gives equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import safetensors
import safetensors.torch
import torch

from si_core.errors import StorageError
from si_core.storage.atomic import storage_error, write_atomic
from si_core.storage.own_files import open_to_read
from si_core.storage.strict_json import parse_json

__all__ = [
    "MAX_HEADER",
    "MAX_TENSORS",
    "TensorFile",
    "format_header",
    "format_tensors",
    "header_digest",
    "load_metadata",
    "load_tensors",
    "parse_tensors",
    "save_tensors",
]

MAX_HEADER = 4 << 20
"""Bytes of the largest header that is written or read."""
MAX_TENSORS = 50_000
"""The largest number of tensors in a file."""

_CHECKSUM = "sha256"
_METADATA = "__metadata__"
_DTYPES = frozenset(
    {torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.bool, torch.uint8, torch.int8}
    | {torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64}
    | {torch.float8_e4m3fn, torch.float8_e5m2}
)
_EXPORT = "save the weights with safetensors.torch.save_file(model.state_dict(), FILE)"


class TensorFile(NamedTuple):
    """What a file holds: tensors by name, on the CPU, and text by name."""

    tensors: dict[str, torch.Tensor]
    metadata: dict[str, str]


def save_tensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors to a file atomically; tensors that share memory are stored one by one.

    Raises:
        StorageError: a tensor that can't be stored (sparse, complex128, without data), or no room on the disk.
    """
    chunks = format_tensors(tensors, str(path), metadata)

    def write(file: BinaryIO) -> None:
        for chunk in chunks:
            file.write(chunk)

    write_atomic(path, write)


def load_tensors(path: Path) -> TensorFile:
    """The tensors and metadata of a file.

    Raises:
        StorageError: no such file; cut, changed or of another format; a header that is too large or contradicts itself.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise StorageError("no such file of tensors", where=str(path))
        with path.open("rb") as file:
            size = path.stat().st_size
            # A hostile header is refused before the rest of a large file is read.
            start = file.read(8)
            _check_start(start, size, str(path))
            return parse_tensors(start + file.read(), str(path))
    except OSError as error:
        raise storage_error(path, error) from error


def load_metadata(path: Path) -> dict[str, str]:
    """The metadata of a file of tensors, by its head alone: the tensors are not read, nor is their checksum looked at.

    Raises:
        StorageError: as for :func:`load_tensors`, of the header.
    """
    try:
        with open_to_read(path) as file:
            size = os.fstat(file.fileno()).st_size
            length = _check_start(file.read(8), size, str(path))
            content = file.read(length)
            _check_size(content, str(path))
            text = _check_header(parse_json(content, str(path), MAX_HEADER), size - 8 - length, str(path))
    except OSError as error:
        raise storage_error(path, error) from error
    return {name: value for name, value in text.items() if name != _CHECKSUM}


def format_tensors(
    tensors: Mapping[str, torch.Tensor], where: str, metadata: Mapping[str, str] | None = None, checksum: bool = True
) -> list[bytes | memoryview]:
    """The content of a file of tensors, in pieces to be written one after another."""
    if _METADATA in tensors:
        raise StorageError("a tensor can't have this name", where=where, got=_METADATA)
    text = dict(sorted((metadata or {}).items()))
    if _CHECKSUM in text or not all(isinstance(item, str) for pair in text.items() for item in pair):
        raise StorageError("metadata is text by name", where=where, got=text, allowed=f"any name but {_CHECKSUM!r}")
    seen: set[int] = set()
    plain = {name: _plain(name, tensor, seen, where) for name, tensor in tensors.items()}
    try:
        blob = memoryview(safetensors.torch.save(plain))
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise StorageError("the tensors can't be stored", where=where, got=str(error)) from error
    # The library writes metadata in an order that changes from run to run, so it is put in here.
    length = int.from_bytes(blob[:8], "little")
    header, data = json.loads(bytes(blob[8 : 8 + length])), blob[8 + length :]
    return [format_header(text, header, _digest(text, header, data) if checksum else None, where), data]


def format_header(text: Mapping[str, str], header: Mapping[str, Any], digest: str | None, where: str) -> bytes:
    """The bytes before the data: the length of the header, the header, blanks up to a multiple of eight.

    Args:
        text: metadata.
        header: dtype, shape and place of each tensor.
        digest: of it all (:func:`header_digest`, then the data); None for none.
        where: the file, for errors.

    Raises:
        StorageError: too many tensors for one file.
    """
    told = {**text, **({} if digest is None else {_CHECKSUM: digest})}
    content = _dump({_METADATA: told, **header})
    content += b" " * (-len(content) % 8)
    _check_size(content, where)
    return len(content).to_bytes(8, "little") + content


def parse_tensors(data: bytes, where: str) -> TensorFile:
    """The tensors and metadata in the content of a file; ``where`` names it in errors."""
    length = _check_start(data[:8], len(data), where)
    _check_size(data[8 : 8 + length], where)
    header = parse_json(data[8 : 8 + length], where, MAX_HEADER)
    text = _check_header(header, len(data) - 8 - length, where)
    expected = text.pop(_CHECKSUM, None)
    if expected is not None:
        found = _digest(text, header, memoryview(data)[8 + length :])
        if found != expected:
            raise StorageError("damaged: wrong checksum", where=where, got=found, allowed=expected)
    try:
        loaded = safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError, AssertionError) as error:
        raise StorageError("damaged: not valid tensors", where=where, got=f"{type(error).__name__}: {error}") from error
    # The library's order changes from run to run.
    return TensorFile({name: loaded[name] for name in header}, text)


def _plain(name: str, tensor: torch.Tensor, seen: set[int], where: str) -> torch.Tensor:
    if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided or tensor.is_meta:
        got = f"{name}: {getattr(tensor, 'layout', type(tensor).__name__)}"
        raise StorageError("only dense tensors with data can be stored", where=where, got=got)
    if tensor.dtype not in _DTYPES:
        raise StorageError("no tensor of this type can be stored", where=where, got=f"{name}: {tensor.dtype}")
    result = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous()
    address = result.untyped_storage().data_ptr()
    if address in seen:
        result = result.clone()
    seen.add(address)
    return result


def _check_start(start: bytes, size: int, where: str) -> int:
    """The length of the header, from the first 8 bytes of a file."""
    length = int.from_bytes(start, "little")
    if len(start) == 8 and 2 <= length <= min(size - 8, MAX_HEADER):
        return length  # asked first: a header of 1152 bytes begins with the bytes of a pickle, 0x80 0x04
    if start[:4] == b"PK\x03\x04" or start[:2] in (b"\x80\x02", b"\x80\x04", b"\x80\x05"):
        got = "a pickle or torch.save file, which can run code when loaded"
        raise StorageError("refused: not safetensors", where=where, got=got, fix=_EXPORT)
    if len(start) < 8 or length < 2 or length > size - 8:
        # Not which bytes: it may be a link to a file of another kind.
        got = f"{size} bytes that begin as no such file does"
        raise StorageError("damaged or not safetensors", where=where, got=got, fix=_EXPORT)
    raise StorageError("refused: too large a header", where=where, got=f"{length} bytes", allowed=f"{MAX_HEADER} bytes")


def _check_size(content: bytes, where: str) -> None:
    # Each tensor opens three brackets. Counting them bounds the objects that parsing makes before it makes any.
    count = content.count(b"[") + content.count(b"{")
    if len(content) > MAX_HEADER or count > 3 * MAX_TENSORS + 100:
        raise StorageError(
            "refused: too many tensors for one file",
            where=where,
            got=f"about {count // 3} tensors, {len(content)} bytes of names and shapes",
            allowed=f"{MAX_TENSORS} tensors, {MAX_HEADER} bytes",
        )


def _check_header(header: Any, size: int, where: str) -> dict[str, str]:
    """The metadata, after taking it out of ``header``; the tensors must fill the ``size`` bytes of data exactly."""
    text = header.pop(_METADATA, {}) if isinstance(header, dict) else None
    if not isinstance(text, dict) or not all(isinstance(value, str) for value in text.values()):
        raise StorageError("damaged: not a header of safetensors", where=where)
    spans: list[tuple[int, int, str]] = []
    for name, entry in header.items():
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise StorageError("damaged: a tensor without dtype, shape or place", where=where, got=name[:80])
        place, shape = entry["data_offsets"], entry["shape"]
        if (
            not _counts(place)
            or len(place) != 2
            or place[0] > place[1]
            or not _counts(shape)
            or math.prod(shape) > size
        ):
            raise StorageError("damaged: a tensor of no possible size", where=where, got=name[:80])
        spans.append((place[0], place[1], name))
    end = 0
    for begin, stop, name in sorted(spans):
        if begin != end:
            raise StorageError("damaged: tensors overlap or leave a gap", where=where, got=f"at {name[:80]}")
        end = stop
    if end != size:
        raise StorageError("damaged: cut or too long", where=where, got=f"{size} bytes of data", allowed=f"{end} bytes")
    return text


def _counts(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 1 << 63 for item in value)


def header_digest(text: Mapping[str, str], header: Mapping[str, Any]) -> hashlib._Hash:
    """The checksum of a file before its data are added."""
    return hashlib.sha256(_dump({_METADATA: {**text}, **header}))


def _digest(text: Mapping[str, str], header: Mapping[str, Any], data: memoryview) -> str:
    digest = header_digest(text, header)
    digest.update(data)
    return digest.hexdigest()


def _dump(header: Mapping[str, Any]) -> bytes:
    return json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
