"""A folder of images, by their headers alone."""

from __future__ import annotations

from collections import Counter

from si_core import DataError, UsageError
from si_distributions.files.image_folder import image_files
from si_distributions.files.picture import FORMATS
from si_distributions.look.found import FoundImages

__all__ = ["look_at_images"]

_GREY = ("1", "L", "I;16", "I", "F")


def look_at_images(path: str) -> FoundImages:
    """How many there are, of which sizes, grey or in colour, and the classes by their sub-folders.

    Raises:
        DataError: no images there, or none that can be opened.
        UsageError: Pillow is not installed.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        fix = "pip install 'si-distributions[images]'"
        raise UsageError("reading images needs Pillow", where=path, fix=fix) from error
    files, folders = image_files(path)
    sizes: Counter[tuple[int, int]] = Counter()
    colour, damaged = False, 0
    for file in files:
        try:
            with Image.open(file, formats=sorted(set(FORMATS.values()))) as image:
                sizes[image.height, image.width] += 1
                colour = colour or image.mode not in _GREY
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            damaged += 1  # the recipe leaves it out, and says so when it does
    if not sizes:
        raise DataError("no image can be opened", where=path, got=f"{damaged} files", allowed=", ".join(FORMATS))
    classes = tuple(sorted(set(folders or ())))
    return FoundImages(path, len(files), tuple(sizes.most_common()), 3 if colour else 1, classes, damaged)
