"""Reading a folder of images by Pillow, with care for damaged, huge and unequal ones."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from si_core import DataError, UsageError
from si_distributions.files.read import near

__all__ = ["read_images"]

# Formats that Pillow decodes itself: others hand the file to outside programs.
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".webp": "WEBP"}
_MODES = {1: "L", 3: "RGB"}
_EIGHT_BIT = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}
_MOST_PIXELS = 2**24

_log = logging.getLogger(__name__)


def read_images(path: str, channels: int, damaged: str) -> tuple[NDArray[np.uint8], list[str] | None, int]:
    """The images (N, channels, height, width), the sub-folder of each or None, and how many were skipped.

    Args:
        path: a folder of images, or of sub-folders with images.
        channels: 1 or 3.
        damaged: ``stop`` or ``skip`` at an image that can't be used.

    Raises:
        DataError: no images, images both here and in sub-folders, or an image that can't be used.
        UsageError: Pillow is not installed, or an option is not allowed.
    """
    for name, value, allowed in (("channels", channels, (1, 3)), ("damaged", damaged, ("stop", "skip"))):
        if value not in allowed:
            raise UsageError(
                "not an option", where=f"images: {name}", got=repr(value), allowed=", ".join(map(str, allowed))
            )
    files, folders = _files(path)
    images: list[NDArray[np.uint8]] = []
    used: list[str] = []
    first: Path | None = None
    for file, folder in zip(files, folders or [""] * len(files), strict=True):
        try:
            image = _decode(file, channels, images[0].shape[1:] if images else None, first)
        except DataError as error:
            if damaged == "stop":
                raise
            _log.warning("skipped: %s", error)
            continue
        first = first or file
        images.append(image)
        used.append(folder)
    skipped = len(files) - len(images)
    if not images:
        raise DataError(
            "no image can be used", where=path, got=f"{skipped} skipped", fix="set damaged: stop to see why"
        )
    if skipped:
        _log.warning("%s: skipped %d of %d images", path, skipped, len(files))
    return np.stack(images), used if folders else None, skipped


def _files(path: str) -> tuple[list[Path], list[str] | None]:
    """The image files in the order of their names, and the sub-folder of each where there are sub-folders."""
    root = Path(path)
    if not root.is_dir():
        problem = "this is a file, not a folder" if root.is_file() else "no such folder"
        raise DataError(problem, where=path, got=repr(str(root.absolute())), fix=near(root))
    here = _images_in(root)
    classes = sorted(folder for folder in root.iterdir() if folder.is_dir() and not _left_behind(folder))
    below = [(file, folder.name) for folder in classes for file in _images_in(folder)]
    if here and below:
        raise DataError(
            "images both in the folder and in sub-folders",
            where=path,
            got=f"{len(here)} here, {len(below)} in sub-folders",
            fix="move all images into sub-folders named by their class, or all out of them",
        )
    if not here and not below:
        raise DataError("there are no images", where=path, allowed=", ".join(_FORMATS))
    return (here, None) if here else ([file for file, _ in below], [folder for _, folder in below])


def _images_in(folder: Path) -> list[Path]:
    files = (file for file in folder.iterdir() if file.suffix.lower() in _FORMATS and file.is_file())
    return sorted(file for file in files if not _left_behind(file))


def _left_behind(path: Path) -> bool:
    """Whether a tool left it there: hidden files and folders (``.ipynb_checkpoints``), ``__MACOSX``."""
    return path.name.startswith(".") or path.name == "__MACOSX"


def _decode(file: Path, channels: int, size: tuple[int, ...] | None, first: Path | None) -> NDArray[np.uint8]:
    """One image (channels, height, width); its header is checked before its pixels are read."""
    pillow = _pillow(str(file))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            with pillow.open(file, formats=sorted(set(_FORMATS.values()))) as image:
                _check(image, size, file, first)
                pixels = np.asarray(image.convert(_MODES[channels]))
    except (pillow.DecompressionBombWarning, pillow.DecompressionBombError) as error:
        raise _huge(str(error), file) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        got = "0 bytes" if file.stat().st_size == 0 else str(error) or type(error).__name__
        raise DataError(
            "the image is damaged", where=str(file), got=got, fix="repair or delete it, or set damaged: skip"
        ) from error
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def _check(image: Any, size: tuple[int, ...] | None, file: Path, first: Path | None) -> None:
    width, height = image.size
    if width * height > _MOST_PIXELS:
        raise _huge(f"{width} x {height} pixels", file)
    if size is not None and (height, width) != size:
        raise DataError(
            "images of several sizes",
            where=str(file),
            got=f"{width} x {height}",
            allowed=f"{size[1]} x {size[0]} as {first}",
            fix="resize the images to one size, or set damaged: skip",
        )
    if image.mode not in _EIGHT_BIT:
        raise DataError(
            "an image of another depth", where=str(file), got=f"mode {image.mode}", allowed="8 bits a channel"
        )


def _huge(got: str, file: Path) -> DataError:
    return DataError("the image is too large", where=str(file), got=got, allowed=f"at most {_MOST_PIXELS} pixels")


def _pillow(where: str) -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        fix = "pip install 'si-distributions[images]'"
        raise UsageError("reading images needs Pillow", where=where, fix=fix) from error
    return Image
