"""An event file: the records that TensorBoard reads, written one by one.

Each record is one write without a buffer: a reader and a kill see whole records, an error is raised where it happens
and not in a thread, and nothing is left to write when the process ends. A run makes a record now and then, so a write
for each costs nothing that shows.
"""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.text.metadata import create_summary_metadata
from tensorboard.summary.writer.record_writer import RecordWriter

from si_core.public.storage import make_own_folder

__all__ = ["EventFile"]

_NAME = "events.out.tfevents"
_VERSION = "brain.Event:2"


class EventFile:
    """A new event file in a folder.

    Files of a folder are read in the order of their names, so they are numbered: a clock may jump.

    Args:
        folder: where; made if absent.
        step: training steps done. Records of later steps in earlier files are hidden from now on: the process that
            wrote them was killed, and they are made again.

    Raises:
        OSError: it can't be made.
        StorageError: a link stands in place of the folder.
    """

    def __init__(self, folder: Path, step: int) -> None:
        make_own_folder(folder)
        self.path = folder / f"{_NAME}.{_next_number(folder):010d}"
        self._file = open(self.path, "xb", buffering=0)  # noqa: SIM115
        self._write(Event(wall_time=time.time(), file_version=_VERSION))
        self._write(Event(wall_time=time.time(), step=step + 1, session_log=SessionLog(status=SessionLog.START)))

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Write numbers by tag, in single precision, as one record."""
        self._summary([Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()], step)

    def text(self, tag: str, markdown: str, step: int) -> None:
        """Write a text."""
        one = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
        tensor = TensorProto(dtype=DT_STRING, string_val=[markdown.encode()], tensor_shape=one)
        self._summary([Summary.Value(tag=tag, metadata=create_summary_metadata("", ""), tensor=tensor)], step)

    def flush(self) -> None:
        """Wait until all records are on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; it is of no more use."""
        self._file.close()

    def _summary(self, values: list[Summary.Value], step: int) -> None:
        self._write(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    def _write(self, event: Event) -> None:
        record = io.BytesIO()
        RecordWriter(record).write(event.SerializeToString())
        if self._file.write(record.getvalue()) != len(record.getvalue()):
            raise OSError(f"{self.path}: a record was cut short: the disk may be full")


def _next_number(folder: Path) -> int:
    found = [re.fullmatch(rf"{re.escape(_NAME)}\.(\d+)", path.name) for path in folder.iterdir()]
    return max((int(match[1]) for match in found if match), default=0) + 1
