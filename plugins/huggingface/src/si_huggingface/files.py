"""Which files of a folder are a model: those go to the hub, and no others come from it."""

from __future__ import annotations

from pathlib import Path

from si_core import StorageError
from si_core.public.runs import ExportedModel, RunDirectory

__all__ = ["PATTERNS", "card_with_metadata", "files_in", "model_files"]

PATTERNS = ("*.safetensors", "*.json", "*.jsonl", "recipe.yaml", "README.md")
"""Names of the files of a model; none of them is ever executed or unpickled."""

_METADATA = """\
---
library_name: si-core
tags:
- stochastic-interpolants
- generative-model
---

"""
_MARK = "---\n"


def model_files(folder: Path, where: str) -> list[Path]:
    """The files of an exported model, in the order of their names.

    Raises:
        StorageError: there is none in the folder.
    """
    directory = RunDirectory.open(folder)
    if not isinstance(directory, ExportedModel):
        problem = "a run is not sent as it is: its log and recipe may name folders of this machine"
        raise StorageError(problem, where=where, fix=f"si export {where} DIR, then push DIR")
    return files_in(folder)


def files_in(folder: Path) -> list[Path]:
    """Those of a folder whose names are those of a model's files, in their order."""
    return sorted(path for pattern in PATTERNS for path in folder.glob(pattern) if path.is_file())


def card_with_metadata(text: str) -> str:
    """A card as the hub shows it, with the lines by which it finds models."""
    return text if text.startswith(_MARK) else _METADATA + text
