"""Reading a folder of images by Pillow, with care for damaged, huge and unequal ones."""

from __future__ import annotations

import hashlib
import logging
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.files.marks import Marks
from si_distributions.files.picture import FORMATS, PictureReader
from si_distributions.files.picture_store import PictureStore, refuse_no_image, unequal
from si_distributions.files.read import near

__all__ = ["FoundImages", "image_files", "read_images"]

_log = logging.getLogger(__name__)


class FoundImages(NamedTuple):
    """The images of a folder.

    Args:
        rows: bytes (N, channels, height, width), or the images where they lie.
        folders: the sub-folder of each, or None.
        skipped: how many can't be used.
        marks: of those that stay where they lie and were read.
        digest: of those that stay where they lie.
    """

    rows: NDArray[np.uint8] | PictureStore
    folders: list[str] | None
    skipped: int
    marks: Marks | None
    digest: bytes


def read_images(
    path: str, reader: PictureReader, skip: bool, stays: Callable[[int, tuple[int, ...]], bool], look: bool, cache: int
) -> FoundImages:
    """The images of a folder, each read once; those that stay where they lie are read again when they are drawn.

    Args:
        path: a folder of images, or of sub-folders with images.
        reader: of each image.
        skip: whether images that can't be used are left out, with a warning.
        stays: whether so many images of a shape stay where they lie.
        look: whether images that stay are read before they are drawn: else the first one alone.
        cache: bytes of images in memory at most, where they stay.

    Raises:
        DataError: no images, images both here and in sub-folders, or an image that can't be used.
        UsageError: Pillow is not installed.
    """
    files, folders = image_files(path)
    root, linked = os.path.realpath(path), dict[str, bool]()
    images: NDArray[np.uint8] | None = None
    shape: tuple[int, ...] = ()
    used: list[int] = []
    marks: Marks | None = None
    digest = hashlib.sha256()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Image size .* exceeds limit")
        for place, file in enumerate(files):
            try:
                refuse_no_image(file)
                if shape and images is None and not look:
                    used.append(place)
                    continue
                image = reader.read(file)
                if not shape:
                    shape = image.shape
                    if stays(len(files), shape):
                        marks = Marks(len(files), shape, image.dtype)
                    else:
                        images = np.empty((len(files), *shape), np.uint8)
                if image.shape != shape:
                    reader.undo()
                    raise unequal(image, shape, file, files[used[0]])
            except DataError as error:
                if not skip:
                    raise
                # What to do about it is said once, by the count of all.
                got = "" if error.got is None else f", got {error.got}"
                _log.warning("skipped: %s: %s%s", error.where, error.problem, got)
                continue
            if images is not None:
                images[len(used)] = image
            elif marks is not None:
                marks.add(len(used), image[None])
                digest.update(np.ascontiguousarray(image))
            used.append(place)
            if _linked(file, linked) and not _within(root, file):
                reader.remarks["reached by a link that leads out of the folder"] += 1
    skipped = len(files) - len(used)
    if not shape:
        fix = "set damaged: stop to see why"
        raise DataError("no image can be used", where=path, got=f"{skipped} skipped", fix=fix)
    if skipped:
        _log.warning("%s: skipped %d of %d images", path, skipped, len(files))
    for remark, count in reader.remarks.items():
        _log.warning("%s: %d of %d images: %s", path, count, len(used), remark)
    told = [folders[place] for place in used] if folders else None
    if images is None:
        store = PictureStore([files[place] for place in used], reader, shape, cache)
        if not look:
            marks = None
            digest.update(store.described().encode())
        return FoundImages(store, told, skipped, marks, digest.digest())
    images = images[: len(used)]
    # Channels come first, as networks have them.
    images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    return FoundImages(images, told, skipped, None, b"")


def image_files(path: str) -> tuple[list[str], list[str] | None]:
    """The image files in the order of their names, and the sub-folder of each where there are sub-folders."""
    root = Path(path)
    if not root.is_dir():
        problem = "this is a file, not a folder" if root.is_file() else "no such folder"
        raise DataError(problem, where=path, got=repr(str(root.absolute())), fix=near(root))
    here, classes, lost = _entries(path)
    below = [(file, Path(folder).name) for folder in classes for file in _entries(folder)[0]]
    if not here:
        # A link that leads nowhere may have been to the folder of a class; read, it is told as a damaged image is.
        below += [(link, Path(link).name) for link in lost]
    if here and below:
        raise DataError(
            "images both in the folder and in sub-folders",
            where=path,
            got=f"{len(here)} here, {len(below)} in sub-folders",
            fix="move all images into sub-folders named by their class, or all out of them",
        )
    if not here and not below:
        raise DataError("there are no images", where=path, allowed=", ".join(FORMATS))
    return (here, None) if here else ([file for file, _ in below], [folder for _, folder in below])


def _entries(folder: str) -> tuple[list[str], list[str], list[str]]:
    """The images in a folder, its sub-folders, and links to nowhere without a suffix; not what tools leave there."""
    files, folders, lost = [], [], []
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError("the folder can't be read", where=folder, got=error.strerror or str(error)) from error
    for entry in entries:
        name, path = entry.name, os.path.join(folder, entry.name)
        # Hidden files and folders (``.ipynb_checkpoints``), and ``__MACOSX``.
        if name.startswith(".") or name == "__MACOSX":
            continue
        suffix = os.path.splitext(name)[1].lower()
        if os.path.isdir(path) if entry.is_symlink() else entry.is_dir():
            folders.append(path)
        elif suffix in FORMATS:
            files.append(path)
        elif not suffix and not os.path.exists(path):
            lost.append(path)
    return files, folders, lost


def _linked(file: str, known: dict[str, bool]) -> bool:
    """Whether a file or its folder is a link: else it lies where it seems to."""
    folder = os.path.dirname(file)
    if folder not in known:
        known[folder] = os.path.islink(folder)
    return known[folder] or os.path.islink(file)


def _within(root: str, file: str) -> bool:
    """Whether a file is below a folder, whose links are resolved, when those on the way to it are."""
    return os.path.realpath(file).startswith(os.path.join(root, ""))
