"""Which checkpoints are good, and which may go.

Nothing here trusts a name: a checkpoint counts after its checksums were found right, the newest is the one of the
highest step (clocks jump), and what is damaged is set aside for a person to look at, never deleted.
"""

from __future__ import annotations

import os
import re
import secrets
import warnings
from collections.abc import Callable
from pathlib import Path

from si_core.errors import StorageError
from si_core.storage.atomic import storage_error
from si_core.storage.faults import fault_point
from si_core.storage.manifest import DamagedError, step_of, verify
from si_core.storage.own_files import refuse_link, remove_own

__all__ = ["aside_of", "newest_verified", "prune"]

_MINIMUM = 2
_TEMPORARY = re.compile(r"step-[0-9]+\.tmp-[0-9a-f]{12}")
_REPLACED = re.compile(r"replaced-(step-[0-9]+)-[0-9a-f]{12}")

Report = Callable[[str], object]


def newest_verified(folder: Path, report: Report, tidy: bool = True) -> Path | None:
    """The checkpoint of the highest step whose content is right; None where there is none.

    Args:
        folder: ``RunDirectory.checkpoints``.
        report: called with a line for each checkpoint that is skipped, and why.
        tidy: also remove what interrupted saves left, and rename damaged checkpoints to ``damaged-...``. Only the
            owner of the run (:class:`~si_core.storage.lock.RunLock`) may; a reader of a living run passes False.

    Raises:
        StorageError: the folder can't be read, or with ``tidy`` is a link: nothing is removed or renamed elsewhere.
    """
    folder = Path(folder)
    if tidy:
        refuse_link(folder, "a folder")
    try:
        if tidy and folder.is_dir():
            _tidy(folder, report)
        for path in _by_step(folder):
            try:
                verify(path)
            except DamagedError as error:
                report(f"checkpoint skipped: {error}")
                if tidy:
                    _set_aside(path, report)
            except StorageError as error:
                report(f"checkpoint skipped: {error}")
            else:
                return path
    except OSError as error:
        raise storage_error(folder, error) from error
    return None


def prune(folder: Path, keep: int, written: Path | None = None, report: Report = warnings.warn) -> list[Path]:
    """Remove old checkpoints and return them.

    The ``keep`` newest stay, at least two; of those that stay two are verified, the one just written among them. Where
    some are damaged, older good ones stay in their place.

    Args:
        folder: ``RunDirectory.checkpoints``.
        keep: how many to keep; less than 2 means 2.
        written: the one just saved, which stays even if others have a higher step; default the highest step.
        report: called with a line where a removal fails; the run goes on.

    Raises:
        StorageError: the one just written is not good; nothing is removed.
    """
    folder = Path(folder)
    try:
        paths = [path for path in _by_step(folder) if path.is_dir()]
        if not paths:
            return []
        newest = folder / written.name if written is not None else paths[0]
        verify(newest)
        fault_point("prune: verified")
        others = [path for path in paths if path != newest]
        stay, candidates = others[: max(keep, _MINIMUM) - 1], others[max(keep, _MINIMUM) - 1 :]
        good = 1
        for path in [*stay, *candidates] if candidates else []:
            if good >= _MINIMUM:
                break
            if _is_good(path, report):
                good += 1
                if path in candidates:
                    candidates.remove(path)
        return [path for path in candidates if _remove(path, report)]
    except OSError as error:
        raise storage_error(folder, error) from error


def _by_step(folder: Path) -> list[Path]:
    """What is named like a checkpoint in a folder, be it a file, highest step first."""
    if not folder.is_dir():
        return []
    steps = [(step, path) for path in folder.iterdir() if (step := step_of(path)) is not None]
    return [path for _, path in sorted(steps, reverse=True)]


def _is_good(path: Path, report: Report) -> bool:
    try:
        verify(path)
    except StorageError as error:
        report(f"an older checkpoint is not good: {error}")
        return False
    return True


def _remove(path: Path, report: Report) -> bool:
    # The rename comes first, so that a kill in the middle leaves no half checkpoint under a good name.
    gone = path.with_name(f"{path.name}.tmp-{secrets.token_hex(6)}")
    try:
        os.rename(path, gone)
        fault_point("prune: renamed")
        remove_own(gone)
        fault_point("prune: removed")
    except OSError as error:
        report(f"{path}: can't be removed: {error}")
        return False
    return True


def aside_of(path: Path) -> Path:
    """A free name for what is no good checkpoint and is kept for a person to look at."""
    return path.with_name(f"damaged-{path.name}-{secrets.token_hex(3)}")


def _set_aside(path: Path, report: Report) -> None:
    aside = aside_of(path)
    try:
        os.rename(path, aside)
    except OSError as error:
        report(f"{path}: can't be set aside: {error}")
    else:
        report(f"{path}: set aside as {aside.name}")


def _tidy(folder: Path, report: Report) -> None:
    for path in sorted(folder.iterdir()):
        replaced = _REPLACED.fullmatch(path.name)
        try:
            if replaced and not os.path.lexists(folder / replaced[1]):
                # The save that was to replace it was killed before it published the new one.
                os.rename(path, folder / replaced[1])
            elif replaced or _TEMPORARY.fullmatch(path.name):
                remove_own(path)
        except OSError as error:
            report(f"{path}: can't be tidied up: {error}")
