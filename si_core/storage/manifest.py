"""The manifest of a checkpoint: its step and the size and SHA-256 of each of its files.

It is written last, so a folder with a valid manifest is complete; a folder without one counts as absent. Checksums are
needed because tensors with a flipped bit load without a word.

::

    {"schema": 1, "step": 500, "files": {"model.safetensors": {"size": 8360, "sha256": "..."}, ...}}
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from si_core.errors import StorageError
from si_core.storage.atomic import storage_error
from si_core.storage.strict_json import format_json, parse_json

__all__ = ["MANIFEST", "SCHEMA", "DamagedError", "FileRecord", "Manifest", "checkpoint_name", "step_of", "verify"]

MANIFEST = "manifest.json"
SCHEMA = 1
_LIMIT = 1 << 20
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[a-z]+)?")
_STEP_NAME = re.compile(r"step-([0-9]{8,18})")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class DamagedError(StorageError):
    """A checkpoint whose content is not what was written."""


@dataclass(frozen=True)
class FileRecord:
    """What a file must be: its size in bytes and the SHA-256 of its content in hexadecimal."""

    size: int
    sha256: str

    def check(self, path: Path, size: int, sha256: str | None = None) -> None:
        """Compare with what was found; a digest None is left out.

        Raises:
            DamagedError: naming the file, the value expected and the value found.
        """
        if size != self.size:
            raise DamagedError(
                "damaged: wrong size", where=str(path), got=f"{size} bytes", allowed=f"{self.size} bytes"
            )
        if sha256 is not None and sha256 != self.sha256:
            raise DamagedError("damaged: wrong checksum", where=str(path), got=sha256, allowed=self.sha256)


@dataclass(frozen=True)
class Manifest:
    """A checkpoint's step and files."""

    step: int
    files: dict[str, FileRecord]

    def to_bytes(self) -> bytes:
        """The text of the manifest; there is exactly one for a value, so any change of it shows."""
        files = {name: {"size": record.size, "sha256": record.sha256} for name, record in sorted(self.files.items())}
        return format_json({"schema": SCHEMA, "step": self.step, "files": files}, MANIFEST, indent=1)

    @classmethod
    def read(cls, checkpoint: Path) -> Manifest:
        """The manifest of a checkpoint folder.

        Raises:
            DamagedError: missing, changed, or of another step than the folder's name says.
            StorageError: written by a newer version, or unreadable.
        """
        path = checkpoint / MANIFEST
        data = _read(path, _LIMIT)
        try:
            value: Any = parse_json(data, str(path), _LIMIT)
        except StorageError as error:
            raise DamagedError("damaged: not a manifest", where=str(path), got=error.got) from error
        schema = value.get("schema") if isinstance(value, dict) else None
        if isinstance(schema, int) and schema > SCHEMA:
            raise StorageError(
                "a checkpoint of a newer version",
                where=str(path),
                got=f"schema {schema}",
                allowed=f"up to {SCHEMA}",
                fix="upgrade si-core",
            )
        try:
            files = {name: FileRecord(item["size"], item["sha256"]) for name, item in value["files"].items()}
            manifest = cls(value["step"], files)
            unchanged = manifest.to_bytes() == data and manifest._sound()
        except (TypeError, KeyError, AttributeError, StorageError) as error:
            raise DamagedError(
                "damaged: not a manifest", where=str(path), got=f"{type(error).__name__}: {error}"
            ) from error
        if not unchanged:
            raise DamagedError("damaged: not a manifest as si-core writes it", where=str(path))
        if step_of(checkpoint) not in (None, manifest.step):
            raise DamagedError(
                "damaged: the manifest of another step", where=str(path), got=manifest.step, allowed=step_of(checkpoint)
            )
        return manifest

    def _sound(self) -> bool:
        return _is_count(self.step) and all(
            _FILE_NAME.fullmatch(name) and _is_count(record.size) and _DIGEST.fullmatch(record.sha256)
            for name, record in self.files.items()
        )


def checkpoint_name(step: int) -> str:
    """The folder name of the checkpoint after ``step`` steps, such as ``step-00000500``."""
    return f"step-{step:08d}"


def step_of(path: Path) -> int | None:
    """The step that a folder name stands for; None for any other name."""
    match = _STEP_NAME.fullmatch(path.name)
    return int(match[1]) if match and checkpoint_name(int(match[1])) == path.name else None


def verify(path: Path) -> Manifest:
    """Check a checkpoint folder file by file and return its manifest; memory does not grow with the files.

    Raises:
        DamagedError: a file is missing, added or changed (hidden files, which systems make, don't count).
        StorageError: the folder can't be read.
    """
    path = Path(path)
    try:
        if not path.is_dir():
            there = os.path.lexists(path)
            raise DamagedError("damaged: no folder" if there else "no such checkpoint", where=str(path))
        manifest = Manifest.read(path)
        present = {entry.name for entry in path.iterdir() if not entry.name.startswith(".")}
        extra = sorted(present - set(manifest.files) - {MANIFEST})
        if extra:
            raise DamagedError("damaged: a file too many", where=str(path), got=", ".join(extra[:10]))
        for name, record in manifest.files.items():
            file = path / name
            if not file.is_file():
                raise DamagedError("damaged: a file is missing", where=str(file), allowed=f"{record.size} bytes")
            record.check(file, file.stat().st_size)
            with file.open("rb") as stream:
                record.check(file, record.size, hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as error:
        raise storage_error(path, error) from error
    return manifest


def _read(path: Path, limit: int) -> bytes:
    if not path.is_file():
        raise DamagedError("damaged: the manifest is missing, so the checkpoint is not complete", where=str(path))
    with path.open("rb") as file:
        return file.read(limit + 1)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
