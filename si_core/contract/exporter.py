"""Exporters: forms in which a trained model is written for elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

__all__ = ["Exporter"]


class Exporter(ABC):
    """Writes a trained model into a folder from which another program, or another machine, can use it."""

    @abstractmethod
    def export(self, model: Any, directory: Path) -> list[Path]:
        """Write a model (:class:`si_core.Model`) and return the files written.

        Args:
            model: the trained model; it stays as it is.
            directory: an existing, empty folder. No file in it may name a path of this machine.

        Raises:
            UsageError: a model that this form has no words for.
        """
