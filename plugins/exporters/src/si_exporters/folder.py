"""The exporter ``folder``: a model that loads elsewhere as it does here, with a card for people."""

from __future__ import annotations

from pathlib import Path

from si_core import Exporter, Model, RunRecords
from si_core.public.runs import write_model_folder
from si_core.public.storage import write_atomic
from si_exporters.card import card

__all__ = ["Folder"]


class Folder(Exporter):
    """``model.safetensors``, ``recipe.yaml``, ``frame.json``, ``environment.json``, what was measured, ``README.md``.

    ``si.load_model(DIR)`` gives the same model, bit for bit; its data are not in the folder.
    """

    def export(self, model: Model, directory: Path, records: RunRecords) -> list[Path]:
        """Write into an existing, empty folder; the model stays as it is.

        Returns:
            The files.

        Raises:
            UsageError: fields that are not learned, or a model of no recipe.
            StorageError: a file can't be written.
        """
        files, path = write_model_folder(model, directory, records), directory / "README.md"
        write_atomic(path, card(model, records).encode())
        return [path, *files]
