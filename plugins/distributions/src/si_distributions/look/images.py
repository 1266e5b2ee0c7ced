"""A folder of images, by their headers alone."""

from __future__ import annotations

from collections import Counter

from si_core import DataError
from si_distributions.files.image_folder import image_files
from si_distributions.files.picture import FORMATS, image_module
from si_distributions.look.found import FoundImages

__all__ = ["look_at_images"]

_GREY = ("1", "L", "I;16", "I", "F")


def look_at_images(path: str) -> FoundImages:
    """How many there are, of which sizes, grey or in colour, and the classes by their sub-folders.

    Raises:
        DataError: no images there, or none that can be opened.
        UsageError: Pillow is not installed.
    """
    pillow = image_module(path)
    files, folders = image_files(path)
    sizes: Counter[tuple[int, int]] = Counter()
    colour, damaged = False, 0
    for file in files:
        try:
            with pillow.open(file, formats=sorted(set(FORMATS.values()))) as image:
                sizes[image.height, image.width] += 1
                colour = colour or image.mode not in _GREY
        except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError):
            damaged += 1  # the recipe leaves it out, and says so when it does
    if not sizes:
        raise DataError("no image can be opened", where=path, got=f"{damaged} files", allowed=", ".join(FORMATS))
    classes = tuple(sorted(set(folders or ())))
    return FoundImages(path, len(files), tuple(sizes.most_common()), 3 if colour else 1, classes, damaged)
