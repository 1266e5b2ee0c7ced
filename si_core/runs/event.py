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

    Args:
        name: ``started``, ``step`` (with a record of metrics), ``checkpoint`` or ``finished``.
        directory: the run's folder.
        step: training steps done.
        values: what there is to say, plain values.
    """

    name: Literal["started", "step", "checkpoint", "finished"]
    directory: Path
    step: int
    values: Mapping[str, Any] = field(default_factory=dict)
