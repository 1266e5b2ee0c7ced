"""Images as PNG files: eight bits a channel, no other chunk than is needed, equal images as equal bytes.

Portable Network Graphics (ISO/IEC 15948:2004): a signature, then chunks ``length | type | data | CRC-32``; IHDR has the
size and the kind of colour, IDAT the rows, each after a byte that names its filter (0, none), compressed by zlib.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHANNELS", "png_of"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LEVEL = 6
_COLOUR = {1: 0, 2: 4, 3: 2, 4: 6}
CHANNELS = {1: "grey", 2: "grey and opacity", 3: "red, green, blue", 4: "red, green, blue, opacity"}
"""What the channels of an image may be, by how many there are."""


def png_of(image: NDArray[np.uint8]) -> bytes:
    """The file of an image of shape (channels, height, width), its channels one of :data:`CHANNELS`."""
    channels, height, width = image.shape
    rows = np.ascontiguousarray(image.transpose(1, 2, 0)).reshape(height, width * channels)
    filtered = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)
    size = struct.pack(">IIBBBBB", width, height, 8, _COLOUR[channels], 0, 0, 0)
    data = zlib.compress(filtered.tobytes(), _LEVEL)
    return _SIGNATURE + _chunk(b"IHDR", size) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
