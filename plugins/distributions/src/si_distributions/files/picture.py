"""One image file as bytes: upright, opaque, 8 bits a channel, whatever it was stored as."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from si_core import DataError, UsageError

__all__ = ["FORMATS", "PictureReader", "image_module"]

# Formats that Pillow decodes itself: others hand the file to outside programs.
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".webp": "WEBP",
    ".gif": "GIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".ppm": "PPM",
    ".pgm": "PPM",
    ".pbm": "PPM",
}
_OPENED = sorted(set(FORMATS.values()))
_TRIED = {suffix: [own, *(kind for kind in _OPENED if kind != own)] for suffix, own in FORMATS.items()}
_MODES = {1: "L", 3: "RGB"}
_MOST_PIXELS = 2**24
_TURNED = {"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"}  # where an orientation may stand
_16_BIT = 65535 // 255  # levels of 16 bits to one of 8


@dataclass
class PictureReader:
    """Reads images one by one, and counts what was done to them.

    Args:
        channels: 1 for grey, 3 for colour.
        size: (height, width) to fit images to, the rest cropped evenly at both sides; None to leave them as they are.
        background: what shows through where an image is transparent, ``white`` or ``black``.

    Attributes:
        remarks: how many of the images that could be read were changed beyond colour and size, by what was done.
    """

    channels: int
    size: tuple[int, int] | None = None
    background: str = "white"
    remarks: Counter[str] = field(default_factory=Counter)
    _last: Counter[str] = field(default_factory=Counter)

    def read(self, path: str, file: BinaryIO | None = None) -> NDArray[np.uint8]:
        """One image, shape (height, width) or (height, width, 3); its header is checked before its pixels are read.

        Args:
            path: of the image; its name in errors where a file is given.
            file: its bytes, where they lie elsewhere.

        Raises:
            DataError: a damaged or huge image, or one whose numbers are no brightness.
            UsageError: Pillow is not installed.
        """
        pillow = image_module(path)
        self._last = Counter()
        try:
            with pillow.open(
                path if file is None else file, formats=_TRIED.get(os.path.splitext(path)[1].lower(), _OPENED)
            ) as image:
                width, height = image.size
                if width * height > _MOST_PIXELS:
                    raise _huge(f"{width} x {height} pixels", path)
                image.load()
                finished = np.asarray(self._finished(image, path))
            self.remarks.update(self._last)
            return finished
        except DataError:
            raise
        except (pillow.DecompressionBombWarning, pillow.DecompressionBombError) as error:
            raise _huge(str(error), path) from error
        except Exception as error:  # damaged bytes make decoders raise anything
            got = (
                "0 bytes" if os.path.isfile(path) and os.path.getsize(path) == 0 else str(error) or type(error).__name__
            )
            fix = "repair or delete it, or set damaged: skip"
            raise DataError("the image is damaged", where=path, got=got, fix=fix) from error

    def fresh(self) -> PictureReader:
        """One that reads the same way and has counted nothing: what it counts is for one thread."""
        return PictureReader(self.channels, self.size, self.background)

    def described(self) -> str:
        """How images are read, for a digest."""
        return f"{self.channels} {self.size} {self.background}"

    def undo(self) -> None:
        """The image read last is not used: it is no longer counted."""
        self.remarks.subtract(self._last)
        self.remarks, self._last = +self.remarks, Counter()

    def _finished(self, image: Any, path: str) -> Any:
        from PIL import ImageOps

        if getattr(image, "n_frames", 1) > 1:
            self._last["several frames, the first one taken"] += 1
        if image.format == "TIFF" or not _TURNED.isdisjoint(image.info):
            image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            image = self._shallow(image, path)
        if image.mode in ("F", "LAB"):
            raise DataError(
                "pixels that are no brightness",
                where=path,
                got=f"mode {image.mode}",
                allowed="grey or colour of 1, 8 or 16 bits",
                fix="store such numbers as a .npy file, for array",
            )
        if image.mode.endswith(("A", "a")) or "transparency" in image.info:
            image = self._opaque(image)
        if image.mode == "CMYK":
            image = image.convert("RGB")
        if image.mode != _MODES[self.channels]:
            image = image.convert(_MODES[self.channels])
        if self.size is not None and image.size != self.size[::-1]:
            image = ImageOps.fit(image, self.size[::-1], method=image_module(path).Resampling.LANCZOS)
        return image

    def _shallow(self, image: Any, path: str) -> Any:
        """16 bits as 8: white stays white."""
        levels = np.asarray(image)
        if levels.min() < 0 or levels.max() > 65535:
            got = f"values {levels.min()} to {levels.max()}"
            fix = "store such numbers as a .npy file, for array"
            raise DataError("pixels of more than 16 bits", where=path, got=got, allowed="0..65535", fix=fix)
        self._last["16 bits, rounded to 8"] += 1
        return image_module(path).fromarray(((levels.astype(np.int64) + _16_BIT // 2) // _16_BIT).astype(np.uint8))

    def _opaque(self, image: Any) -> Any:
        """A transparent image laid over the background."""
        whole = image.convert("RGBA")
        if whole.getchannel("A").getextrema()[0] == 255:
            return whole.convert("RGB")
        self._last[f"transparent, laid over {self.background}"] += 1
        under = image_module("").new("RGBA", whole.size, self.background)
        under.alpha_composite(whole)
        return under.convert("RGB")


def _huge(got: str, path: str) -> DataError:
    return DataError("the image is too large", where=path, got=got, allowed=f"at most {_MOST_PIXELS} pixels")


def image_module(where: str) -> Any:
    """The module ``PIL.Image``.

    Raises:
        UsageError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        fix = "pip install 'si-distributions[images]'"
        raise UsageError("reading images needs Pillow", where=where, fix=fix) from error
    return Image
