"""Forecasts written block by block: memory holds one block, and a request that was stopped goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from si_core.public.runs import Heard, going_on
from si_forecast.rolling.roll_out import RollOut
from si_forecast.writing.formats import ForecastWriter

__all__ = ["write_forecasts"]


def write_forecasts(
    out: Path, asked: RollOut, writer: ForecastWriter, request: Mapping[str, Any], heard: Heard
) -> None:
    """Draw what is asked for, into a file that is there whole or not at all.

    Args:
        out: the file.
        asked: the forecasts.
        writer: of its format.
        request: all that their bits depend on, as plain data.
        heard: who is told.

    Raises:
        NumericsError: a forecast that is not finite; nothing is left.
        StorageError: no room on the disk, or another process is at the same request. What is recorded stays.
        Interrupted: a signal came. What is recorded stays, and the message says how to go on.
    """
    with going_on(out, request, asked.n, heard) as partial:
        for block in asked.blocks(partial.done):
            partial.append({"x": block.numpy()})
            heard.progress(partial.done, asked.n)
        partial.complete()
        writer.publish(partial, out)
