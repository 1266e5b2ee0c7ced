"""Samples written as they are drawn: memory holds one block, whatever their number, and a request that was stopped
goes on (:mod:`si_core.runs.partial_samples`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from si_core.contract.processes import LostProcess
from si_core.contract.weights import effective_sample_size, weights_of_mean_one
from si_core.errors import NumericsError, StorageError
from si_core.models.blocks import Blocks
from si_core.models.samples import Samples
from si_core.runs.partial_samples import LOG_WEIGHTS, PartialSamples
from si_core.runs.sample_files import check_finite
from si_core.runs.sample_formats.base import Array, SampleFormat
from si_core.runs.signals import Interrupted

__all__ = ["Heard", "going_on", "write_stream"]


@dataclass(frozen=True)
class Heard:
    """Who is told what.

    Args:
        progress: samples done, and in all.
        line: what an earlier process left.
        warn: what is to be looked at.
    """

    progress: Callable[[int, int], object]
    line: Callable[[str], object]
    warn: Callable[[str], object]


def write_stream(
    out: Path, blocks: Blocks, form: SampleFormat, request: Mapping[str, Any], heard: Heard
) -> float | None:
    """Draw what is asked for, into a file or folder that is there whole or not at all.

    Args:
        out: the file or folder.
        blocks: the samples.
        form: the format.
        request: all that their bits depend on, as plain data.
        heard: who is told.

    Returns:
        The effective sample size of samples with weights; None without.

    Raises:
        NumericsError: samples that are not finite, or an integration that failed; nothing is left.
        StorageError: no room on the disk, or another process is at the same request. What is recorded stays.
        LostProcess: another of several processes has ended. What is recorded stays.
        Interrupted: a signal came. What is recorded stays, and the message says how to go on.
    """
    with going_on(out, request, blocks.n, heard) as partial:
        _draw(partial, blocks, form, out, heard)
        partial.complete()
        log_weights = _log_weights(partial)
        form.publish(partial, out, None if log_weights is None else weights_of_mean_one(log_weights).numpy())
    return None if log_weights is None else effective_sample_size(log_weights)


@contextmanager
def going_on(out: Path, request: Mapping[str, Any], rows: int, heard: Heard) -> Iterator[PartialSamples]:
    """What is there of a request, to be added to and then made a file of; it stays where that ends early.

    Args:
        out: the file or folder.
        request: all that the bits depend on, as plain data.
        rows: how many samples are asked for.
        heard: who is told.

    Raises:
        NumericsError: passed on; nothing is left.
        StorageError: another process is at the same request, or as it came; what is recorded stays, and a note says so.
        LostProcess, Interrupted: as they came; what is recorded stays, and the message says how to go on.
    """
    with PartialSamples(out, request, rows, heard.warn) as partial:
        try:
            if partial.done:
                heard.line(
                    f"going on after the first {partial.done} of {rows} samples, which stand in {partial.folder}"
                )
            yield partial
        except BaseException as error:
            lost = isinstance(error, LostProcess)
            if (isinstance(error, NumericsError) and not lost) or not partial.kept:
                partial.remove()  # the same request would fail again, or there is nothing to go on with
            elif isinstance(error, Interrupted):
                raise _go_on(error, partial, out) from error
            elif lost or isinstance(error, StorageError):
                error.add_note(_words(partial, out))
            raise
        partial.remove()


def _draw(partial: PartialSamples, blocks: Blocks, form: SampleFormat, out: Path, heard: Heard) -> None:
    """Draw the blocks that are not there yet."""
    for block in blocks.drawn(-(-partial.done // blocks.size)):
        check_finite(out, block.x)
        partial.append(form.arrays(block) | _stored_weights(block))
        heard.progress(partial.done, blocks.n)


def _stored_weights(block: Samples) -> dict[str, Array]:
    return {} if block.log_weights is None else {LOG_WEIGHTS: block.log_weights.numpy()}


def _log_weights(partial: PartialSamples) -> Tensor | None:
    """All of them: their mean is one over all samples. Eight bytes a sample are held."""
    if not partial.weighted:
        return None
    return torch.from_numpy(np.concatenate(list(partial.rows_of(LOG_WEIGHTS))))


def _words(partial: PartialSamples, out: Path) -> str:
    return f"{partial.done} of {partial.rows} samples are kept beside {out.name}: the same command goes on from there"


def _go_on(error: Interrupted, partial: PartialSamples, out: Path) -> Interrupted:
    try:
        partial.record()
    except StorageError as problem:
        error.add_note(f"the newest samples could not be recorded: {problem}")
    return Interrupted(error.exit_code, f"{error}; {_words(partial, out)}")
