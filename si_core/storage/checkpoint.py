"""Checkpoints: folders from which a run goes on as if it had never stopped.

::

    checkpoints/step-00000500/
        <group>.safetensors     one file a group of tensors: model, average, optimizer, ...
        state.json              everything else: counters, positions, hashes; JSON only, never pickle
        manifest.json           sizes and SHA-256 of the above, written last

Order of a save: folder ``step-00000500.tmp-<id>``, files, manifest, each synced; sync the folder; rename it; sync
its parent. So at every moment the folder named ``step-...`` is absent or whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from si_core.errors import NumericsError, StorageError
from si_core.storage.atomic import open_new, storage_error, sync_folder
from si_core.storage.faults import fault_point
from si_core.storage.manifest import MANIFEST, DamagedError, FileRecord, Manifest, checkpoint_name, verify
from si_core.storage.nested import flatten_state, unflatten_state
from si_core.storage.own_files import make_own_folder, read_own
from si_core.storage.retention import aside_of, newest_verified, prune
from si_core.storage.strict_json import format_json, parse_json
from si_core.storage.tensors import format_tensors, load_tensors, parse_tensors, save_tensors
from si_core.storage.weights import load_into

__all__ = [
    "Checkpoint",
    "DamagedError",
    "flatten_state",
    "load_checkpoint",
    "load_into",
    "load_tensors",
    "newest_verified",
    "prune",
    "save_checkpoint",
    "save_tensors",
    "unflatten_state",
    "verify",
]

_STATE = "state.json"
_SUFFIX = ".safetensors"
_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds: the step, tensors by group and name (on the CPU), and the rest."""

    step: int
    tensors: dict[str, dict[str, torch.Tensor]]
    state: dict[str, Any]


def save_checkpoint(
    folder: Path, step: int, tensors: Mapping[str, Mapping[str, torch.Tensor]], state: Mapping[str, Any]
) -> Path:
    """Write ``folder/step-<step>`` and return it; an older one of the same step is replaced.

    Args:
        folder: ``RunDirectory.checkpoints``; made if absent.
        step: training steps done.
        tensors: by group and name; see :func:`flatten_state` for an optimizer's state.
        state: the rest, as JSON.

    Raises:
        NumericsError: a tensor holds NaN; nothing is written. (Infinity is allowed: masks are made of it.)
        StorageError: a value that can't be stored, or the disk is full or not writable; the part written is removed
            and no older checkpoint is touched.
    """
    folder = Path(folder)
    path = folder / checkpoint_name(step)
    _check(path, tensors)
    mark = secrets.token_hex(6)
    temporary, old = folder / f"{path.name}.tmp-{mark}", folder / f"replaced-{path.name}-{mark}"
    strange = os.path.lexists(path) and (path.is_symlink() or not path.is_dir())
    if strange:
        old = aside_of(path)  # no checkpoint of ours: kept for a person to look at
    needed = sum(tensor.numel() * tensor.element_size() for group in tensors.values() for tensor in group.values())
    try:
        try:
            make_own_folder(folder)
            temporary.mkdir()
            fault_point("checkpoint: folder made")
            _fill(temporary, step, tensors, state)
            if os.path.lexists(path):
                os.rename(path, old)
                fault_point("checkpoint: old one set aside")
            os.rename(temporary, path)
        except BaseException:
            if os.path.lexists(old) and not os.path.lexists(path):
                os.rename(old, path)
            if temporary.exists():
                shutil.rmtree(temporary)
            raise
        fault_point("checkpoint: published")
        sync_folder(folder)
    except OSError as error:
        raise storage_error(path, error, needed) from error
    if strange:
        warnings.warn(f"{path}: no folder of a checkpoint stood there; set aside as {old.name}", stacklevel=2)
    elif old.exists():
        shutil.rmtree(old, onerror=lambda _function, name, _info: warnings.warn(f"{name}: not removed", stacklevel=2))
    fault_point("checkpoint: done")
    return path


def load_checkpoint(path: Path) -> Checkpoint:
    """The content of a checkpoint folder; each file is parsed only after its size and checksum were found right.

    Raises:
        DamagedError: a file is missing or changed.
        StorageError: unreadable, of a newer version, or not a checkpoint.
    """
    path = Path(path)
    try:
        if not path.is_dir():
            raise StorageError(
                "no such checkpoint", where=str(path), fix="name a folder like checkpoints/step-00000500"
            )
        manifest = Manifest.read(path)
        if _STATE not in manifest.files:
            raise DamagedError("damaged: no state.json", where=str(path))
        state = parse_json(_read(path / _STATE, manifest.files[_STATE]), str(path / _STATE))
        tensors = {
            name.removesuffix(_SUFFIX): parse_tensors(_read(path / name, record), str(path / name)).tensors
            for name, record in manifest.files.items()
            if name.endswith(_SUFFIX)
        }
    except OSError as error:
        raise storage_error(path, error) from error
    if not isinstance(state, dict):
        raise DamagedError("damaged: the state is no mapping", where=str(path / _STATE))
    return Checkpoint(manifest.step, tensors, state)


def _fill(
    temporary: Path, step: int, tensors: Mapping[str, Mapping[str, torch.Tensor]], state: Mapping[str, Any]
) -> None:
    where = str(temporary / _STATE)
    files = {_STATE: _write(temporary / _STATE, [format_json(dict(state), where)])}
    for group, content in tensors.items():
        file = temporary / f"{group}{_SUFFIX}"
        files[file.name] = _write(file, format_tensors(content, f"group {group!r}", checksum=False))
        fault_point("checkpoint: file written")
    fault_point("checkpoint: before manifest")
    _write(temporary / MANIFEST, [Manifest(step, files).to_bytes()])
    fault_point("checkpoint: manifest written")
    sync_folder(temporary)
    fault_point("checkpoint: folder synced")


def _write(path: Path, chunks: list[bytes | memoryview]) -> FileRecord:
    digest, size = hashlib.sha256(), 0
    with open_new(path) as file:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            fault_point("checkpoint: file half written")
        file.flush()
        os.fsync(file.fileno())
    return FileRecord(size, digest.hexdigest())


def _read(path: Path, record: FileRecord) -> bytes:
    if not path.is_file():
        raise DamagedError("damaged: a file is missing", where=str(path), allowed=f"{record.size} bytes")
    record.check(path, path.stat().st_size)
    data = read_own(path, record.size)
    record.check(path, len(data), hashlib.sha256(data).hexdigest())
    return data


def _check(path: Path, tensors: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
    for group, content in tensors.items():
        if not _GROUP.fullmatch(group):
            allowed = "letters, digits, - and _"
            raise StorageError("the name of a group is a file name", where=str(path), got=repr(group), allowed=allowed)
        for name, tensor in content.items():
            if not isinstance(tensor, torch.Tensor):
                raise StorageError("not a tensor", where=f"{group}: {name}", got=type(tensor).__name__)
            if (tensor.is_floating_point() or tensor.is_complex()) and not tensor.is_sparse:
                count = int(tensor.isnan().sum())
                if count:
                    raise NumericsError(
                        "NaN in what was to be saved; the last checkpoint is untouched",
                        where=str(path),
                        got=f"{count} of {tensor.numel()} values of {group}: {name}",
                    )
