"""Exporters: forms in which a trained model is written for elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Exporter", "RunRecords"]


@dataclass(frozen=True)
class RunRecords:
    """What a run wrote down beside its weights; empty for a model in memory.

    Args:
        estimates: the records of ``estimates.json``.
        metrics: the records of ``metrics.jsonl``.
        environment: versions of everything used.
        beside: further files of the model, plain values by file name: what was measured on it to sample it
            (``diffusion.json``, ``clock.json``), and how the data in memory came (``layout.json``).
    """

    estimates: Sequence[Mapping[str, Any]] = ()
    metrics: Sequence[Mapping[str, Any]] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)


class Exporter(ABC):
    """Writes a trained model into a folder from which another program, or another machine, can use it."""

    @abstractmethod
    def export(self, model: Any, directory: Path, records: RunRecords) -> list[Path]:
        """Write a model (:class:`si_core.Model`) and return the files written.

        Args:
            model: the trained model; it stays as it is.
            directory: an existing, empty folder. No file in it may name a path of this machine.
            records: what is known of its run.

        Raises:
            UsageError: a model that this form has no words for.
        """
