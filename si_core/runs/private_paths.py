"""What a run writes of paths: as they are told from the current directory or from its own folder, never whose they are.

A line of a log, a warning of a plugin or the traceback of an error may name a file by its absolute path, which tells
the user's name, the machine's disks and where its Python is. The files of a run are passed on; the console may show it.
"""

from __future__ import annotations

import os
import re
import site
import sys
from pathlib import Path

__all__ = ["without_private_paths"]

_FRAME = re.compile(r'File "([^"]*)"')
"""The file of a frame of a traceback."""


def without_private_paths(text: str, folder: Path) -> str:
    """The text with absolute paths shortened where their start is known.

    Args:
        text: any text.
        folder: that of the run; what is in it is told from there, as ``./name``.

    Returns:
        The text; below the current directory paths are told from there, those of installed modules from the folder
        that they are imported from, and others of the user's from the home directory, as ``~/name``. Of the files of a
        traceback that lie elsewhere the name alone stays.
    """
    known = {os.path.expanduser("~"): "~", sys.prefix: "<python>", sys.base_prefix: "<python>"}
    known |= dict.fromkeys((site.getusersitepackages(), *site.getsitepackages(), *sys.path), "")
    known |= {str(Path(__file__).parents[2]): "", os.getcwd(): "", os.path.abspath(folder): "."}
    starts = {start: word for start, word in known.items() if os.path.isabs(start) and os.path.dirname(start) != start}
    for start in sorted(starts, key=len, reverse=True):
        word = starts[start]
        # What precedes is no part of a longer path, and what follows ends the name.
        found = rf"(?<![\w.~/\\-]){re.escape(start)}"
        text = re.sub(found + re.escape(os.sep), _plain(f"{word}{os.sep}" if word else ""), text)
        text = re.sub(found + r"(?![\w.-])", _plain(word or "."), text)
    return _FRAME.sub(_named, text)


def _named(frame: re.Match[str]) -> str:
    return f'File "{os.path.basename(frame[1])}"' if os.path.isabs(frame[1]) else frame[0]


def _plain(text: str) -> str:
    """A replacement in which nothing stands for a group."""
    return text.replace("\\", "\\\\")
