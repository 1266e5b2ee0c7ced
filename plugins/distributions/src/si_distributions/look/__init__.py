"""Looking at data that nobody has described yet: what a file or a folder holds, before a recipe is written for it."""

from __future__ import annotations

from pathlib import Path

from si_core import DataError
from si_distributions.files.read import SUFFIXES, TEXT
from si_distributions.files.reader import suffixes
from si_distributions.look.arrays import look_at_array, look_at_arrays
from si_distributions.look.found import Column, FoundImages, FoundTable
from si_distributions.look.images import look_at_images
from si_distributions.look.tables import look_at_table

__all__ = ["Column", "FoundImages", "FoundTable", "look"]


def look(path: str) -> FoundTable | FoundImages:
    """What is there: a table, an array, arrays by name, or a folder of images.

    Raises:
        DataError: nothing is there, or nothing that `array` and `images` read; with the place and the fix.
        UsageError: a library that reads this format is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix in suffixes():
        fix = f"a recipe for it says target: {{use: array, path: {path}}}, with its key"
        raise DataError("what a plugin reads is not looked into", where=path, got=repr(suffix), fix=fix)
    if Path(path).is_dir():
        parts = [each for each in sorted(Path(path).iterdir()) if each.suffix.lower() in (*SUFFIXES, ".tar")]
        if parts and not any(each.suffix.lower() in TEXT for each in parts):
            fix = f"a recipe for it says target: {{use: shards, path: {path}}}"
            raise DataError("a folder of data in parts", where=path, got=parts[0].name, fix=fix)
        return look_at_images(path)
    if suffix == ".npy":
        return look_at_array(path)
    return look_at_arrays(path) if suffix == ".npz" else look_at_table(path)
