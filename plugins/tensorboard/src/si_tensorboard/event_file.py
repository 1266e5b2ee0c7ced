"""An event file by torch's own writer, on the disk of the system after every event of a run.

torch writes in a thread; a run makes a record now and then, so waiting for that thread at each costs nothing that
shows, and what fails there is raised where it happened.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from si_core.public.storage import make_own_folder

__all__ = ["EventFile"]

_OPEN_FOLDERS = Path("/proc/self/fd")


def _name(folder: Path) -> str:
    """The folder by a name that is UTF-8, which tensorboard's files need, whatever the locale makes of its own."""
    text = str(folder)
    if text.isprintable() or not _OPEN_FOLDERS.is_dir():
        return text
    # The folder stays open as long as the process: its number is its name.
    return str(_OPEN_FOLDERS / str(os.open(folder, os.O_RDONLY)))


class EventFile:
    """A new event file in a folder.

    Args:
        folder: where; made if absent.
        step: training steps done. Records of later steps in earlier files are hidden from now on: the process that
            wrote them was killed, and they are made again.

    Raises:
        OSError: it can't be made.
        StorageError: a link stands in place of the folder.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._writer = SummaryWriter(_name(make_own_folder(folder)), purge_step=step + 1)
        self.flush()

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Write numbers by tag, in single precision."""
        for tag, value in values.items():
            self._writer.add_scalar(tag, value, step)
        self.flush()

    def text(self, tag: str, markdown: str, step: int) -> None:
        """Write a text."""
        self._writer.add_text(tag, markdown, step)
        self.flush()

    def pictures(self, files: Mapping[str, Path], step: int) -> None:
        """Write pictures by tag; none without Pillow, which made them and shows them."""
        if not files or importlib.util.find_spec("PIL") is None:
            return
        from PIL import Image

        for tag, path in files.items():
            with Image.open(path) as picture:
                self._writer.add_image(tag, np.asarray(picture.convert("RGB")), step, dataformats="HWC")
        self.flush()

    def flush(self) -> None:
        """Wait until all is written.

        Raises:
            OSError: it could not be written.
        """
        self._writer.flush()

    def close(self) -> None:
        """Close the file; it is of no more use."""
        self._writer.close()
