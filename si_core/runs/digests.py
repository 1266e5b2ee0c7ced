"""``SHA256SUMS``: what a finished run has made, so that a flipped bit of it is found and made again.

One line a file, as ``sha256sum`` writes and checks them. What later commands may write anew, such as plots and reports,
is not among them, nor is what grows: log and metrics.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from si_core.runs.directory import RunDirectory
from si_core.storage.atomic import storage_error, write_atomic
from si_core.storage.own_files import open_to_read, read_own

__all__ = ["damaged_files", "digest_of", "write_digests"]

_LINE = re.compile(r"([0-9a-f]{64})  ([a-z.]+)")


def write_digests(directory: RunDirectory) -> None:
    """Write ``SHA256SUMS`` of a run that has made all it was asked for.

    Raises:
        StorageError: a file can't be read or written.
    """
    lines = [f"{digest_of(path)}  {path.name}\n" for path in _made(directory) if path.is_file()]
    write_atomic(directory.digests, "".join(lines).encode())


def damaged_files(directory: RunDirectory) -> list[str]:
    """What of a finished run is not as it was made, in words, one line a file; none where all is well.

    Raises:
        StorageError: a file is there and can't be read.
    """
    try:
        text = read_own(directory.digests).decode("ascii", "replace")
    except FileNotFoundError:
        return [f"{directory.digests}: missing, so nothing tells whether the rest is as it was made"]
    except OSError as error:
        raise storage_error(directory.digests, error) from error
    found = [_LINE.fullmatch(line) for line in text.removesuffix("\n").split("\n")]
    digests = {match[2]: match[1] for match in found if match is not None}
    known = {path.name: path for path in _made(directory)}
    needed = {path.name for path in (directory.model, directory.frame, directory.samples, directory.estimates)}
    if None in found or not needed <= set(digests) <= set(known):
        return [f"{directory.digests}: damaged, so nothing tells whether the rest is as it was made"]
    problems = {name: _problem(known[name], digest) for name, digest in digests.items()}
    return [f"{known[name]}: {problem}" for name, problem in problems.items() if problem]


def _made(directory: RunDirectory) -> tuple[Path, ...]:
    model = (directory.model, directory.frame, directory.diffusion, directory.clock)
    return (*model, directory.samples, directory.weights, directory.estimates)


def _problem(path: Path, digest: str) -> str:
    if not path.is_file():
        return "missing"
    found = digest_of(path)
    return "" if found == digest else f"damaged: SHA-256 {found[:16]}..., was {digest[:16]}... when it was made"


def digest_of(path: Path) -> str:
    """The SHA-256 of a file.

    Raises:
        StorageError: it can't be read.
    """
    try:
        with open_to_read(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise storage_error(path, error) from error
