"""Events of a run, for loggers (hook ``si_event``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

__all__ = ["Event"]


@dataclass(frozen=True)
class Event:
    """Something that happened in a run.

    A run that is resumed starts again, at the step it goes on from: what was heard of later steps is void. Each start
    has one end (finished, interrupted or failed), unless the process is killed.

    ===============  ===================================================================================================
    name             values
    ===============  ===================================================================================================
    ``started``      ``recipe``: the resolved recipe as plain data; ``environment``: what ``environment.json`` holds
    ``step``         a record of ``metrics.jsonl``: ``step``, ``loss``, ``losses`` by field, ``grad_norm``, ``lr``
                     (and ``validation``, by field and in ``total``, where the target holds rows out;
                     ``validation_by_time`` with ``train.validation_bins``)
    ``checkpoint``   ``path``: its folder
    ``finished``     ``estimates``: the records of ``estimates.json``; ``seconds``: by stage, in this process
    ``interrupted``  ``exit_code`` and ``message``: a signal ended it, and it can be resumed
    ``failed``       ``exit_code`` and ``message``: an error ended it
    ===============  ===================================================================================================

    Args:
        name: what happened.
        directory: the run's folder.
        step: training steps done; of one that was interrupted or failed, those that are saved.
        values: what there is to say, plain values. Each listener has its own copy.
    """

    name: Literal["started", "step", "checkpoint", "finished", "interrupted", "failed"]
    directory: Path
    step: int
    values: Mapping[str, Any] = field(default_factory=dict)
