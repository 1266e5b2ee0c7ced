"""Reading a folder of images by Pillow, with care for damaged, huge and unequal ones."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.files.picture import FORMATS, PictureReader
from si_distributions.files.read import near

__all__ = ["read_images"]

_log = logging.getLogger(__name__)


def read_images(path: str, reader: PictureReader, skip: bool) -> tuple[NDArray[np.uint8], list[str] | None, int]:
    """The images (N, channels, height, width), the sub-folder of each or None, and how many were skipped.

    Args:
        path: a folder of images, or of sub-folders with images.
        reader: of each image.
        skip: whether images that can't be used are left out, with a warning.

    Raises:
        DataError: no images, images both here and in sub-folders, or an image that can't be used.
        UsageError: Pillow is not installed.
    """
    files, folders = _files(path)
    root = os.path.realpath(path)
    images: NDArray[np.uint8] | None = None
    used: list[int] = []
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Image size .* exceeds limit")
        for place, file in enumerate(files):
            try:
                _refuse_no_file(file)
                image = reader.read(file)
                if images is None:
                    images = np.empty((len(files), *image.shape), np.uint8)
                if image.shape != images.shape[1:]:
                    reader.undo()
                    raise _unequal(image, images, file, files[used[0]])
            except DataError as error:
                if not skip:
                    raise
                # What to do about it is said once, by the count of all.
                got = "" if error.got is None else f", got {error.got}"
                _log.warning("skipped: %s: %s%s", error.where, error.problem, got)
                continue
            images[len(used)] = image
            used.append(place)
            if not _within(root, file):
                reader.remarks["reached by a link that leads out of the folder"] += 1
    skipped = len(files) - len(used)
    if images is None:
        fix = "set damaged: stop to see why"
        raise DataError("no image can be used", where=path, got=f"{skipped} skipped", fix=fix)
    if skipped:
        _log.warning("%s: skipped %d of %d images", path, skipped, len(files))
    for remark, count in reader.remarks.items():
        _log.warning("%s: %d of %d images: %s", path, count, len(used), remark)
    images = images[: len(used)]
    # Channels come first, as networks have them.
    images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    return images, [folders[place] for place in used] if folders else None, skipped


def _files(path: str) -> tuple[list[str], list[str] | None]:
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
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise DataError("the folder can't be read", where=folder, got=error.strerror or str(error)) from error
    for name in names:
        # Hidden files and folders (``.ipynb_checkpoints``), and ``__MACOSX``.
        if name.startswith(".") or name == "__MACOSX":
            continue
        path, suffix = os.path.join(folder, name), os.path.splitext(name)[1].lower()
        if os.path.isdir(path):
            folders.append(path)
        elif suffix in FORMATS:
            files.append(path)
        elif not suffix and not os.path.exists(path):
            lost.append(path)
    return files, folders, lost


def _refuse_no_file(path: str) -> None:
    """Refuse a link that leads nowhere, or a pipe, which would be waited for."""
    if os.path.isfile(path):
        return
    got, problem = "a pipe, a device or the like", "this is no file"
    if os.path.islink(path):
        got = f"a link to {os.readlink(path)!r}"
        problem = "this is no file" if os.path.exists(path) else "a link that leads nowhere"
    raise DataError(problem, where=path, got=got, fix="put the image there, remove the link, or set damaged: skip")


def _within(root: str, file: str) -> bool:
    """Whether a file is below a folder, whose links are resolved, when those on the way to it are."""
    return os.path.realpath(file).startswith(os.path.join(root, ""))


def _unequal(image: NDArray[np.uint8], images: NDArray[np.uint8], file: str, first: str) -> DataError:
    return DataError(
        "images of several sizes",
        where=file,
        got=f"{image.shape[1]} x {image.shape[0]}",
        allowed=f"{images.shape[2]} x {images.shape[1]} as {first}",
        fix=f"set size: {min(images.shape[1:3])}, to which each is fitted and cropped in the middle",
    )
