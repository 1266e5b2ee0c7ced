"""Arrays that lie uncompressed within another file, mapped where they are: members of .npz archives."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from si_distributions.files.damaged import reading_bytes

__all__ = ["map_member"]

_LOCAL = struct.Struct("<26xHH")
"""The end of a member's own header: the lengths of its name and of what follows (APPNOTE.TXT 4.3.7)."""

_CHUNK = 2**20
_ENCRYPTED = 1


def map_member(path: Path, name: str, where: str, verify: bool = True) -> NDArray[np.generic] | None:
    """An array of an archive as a map of the file; None for one that is compressed, empty, or holds Python objects.


    Args:
        path: the archive.
        name: of the array.
        where: the file, for errors.
        verify: whether its bytes are read once, for the archive's check sum.

    Raises:
        DataError: the archive is damaged.
    """
    with reading_bytes(where), zipfile.ZipFile(path) as archive:
        members = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
        entry = members.get(name)
        if entry is None or entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & _ENCRYPTED:
            return None
        with archive.open(entry) as member:
            if member.read(len(np.lib.format.MAGIC_PREFIX)) != np.lib.format.MAGIC_PREFIX:
                return None
            member.seek(0)
            version = np.lib.format.read_magic(member)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(member)
            start = member.tell()
            while verify and member.read(_CHUNK):
                pass  # the last read compares the check sum
        size = int(np.prod(shape, dtype=object)) * dtype.itemsize
        if dtype.hasobject or not size or start + size != entry.file_size:
            return None
        with path.open("rb") as file:
            file.seek(entry.header_offset)
            lengths = _LOCAL.unpack(file.read(_LOCAL.size))
        offset = entry.header_offset + _LOCAL.size + sum(lengths) + start
        return np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")
