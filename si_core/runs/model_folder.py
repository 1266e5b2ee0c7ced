"""A trained model as a folder of its own, which loads anywhere: no data, no checkpoints, no path of this machine.

::

    model.safetensors  frame.json     the weights, and what the model keeps of its ends
    recipe.yaml                       the complete recipe; of a path in it the file's name alone
    environment.json                  with which versions
    diffusion.json  clock.json        what was measured on the model to sample it, where something was
    layout.json                       how the data came, of a model that was fitted to some in memory
    metrics.jsonl  estimates.json     how it was trained, and what was measured of it, where that is known
"""

from __future__ import annotations

from pathlib import Path

from si_core.contract.exporter import RunRecords
from si_core.discovery.lookup import find
from si_core.models.model import Model
from si_core.recipes.file_names import portable_text
from si_core.runs.directory import ExportedModel, RunDirectory
from si_core.runs.environment import environment
from si_core.runs.kept_records import read_environment, read_estimates
from si_core.runs.model_file import save_model, written_parts
from si_core.runs.resume import read_json
from si_core.storage.atomic import write_atomic
from si_core.storage.metrics import read_metrics
from si_core.storage.strict_json import format_json

__all__ = ["read_records", "write_model_folder"]


def write_model_folder(model: Model, folder: Path, records: RunRecords | None = None) -> list[Path]:
    """Write a model into an existing, empty folder that :func:`si_core.load_model` loads.

    Args:
        model: a model of a recipe, from a run or from training in memory.
        folder: the folder.
        records: what is known of its run.

    Returns:
        The files. The weights come last: a folder without them is no model.

    Raises:
        UsageError: fields that are not learned, or a model of no recipe.
        StorageError: a file can't be written.
    """
    records, directory = records or RunRecords(), ExportedModel(folder)
    recipe, _, _ = written_parts(model)
    components = [find(each.kind, each.qualified) for each in recipe.selections() if not each.in_memory]
    used = records.environment or environment(components=components)
    texts = {directory.resolved: portable_text(recipe).encode()}
    values = {directory.environment: used, **{folder / name: value for name, value in records.beside.items()}}
    if records.estimates:
        values[directory.estimates] = [dict(record) for record in records.estimates]
    texts |= {path: format_json(value, path.name, indent=2) for path, value in values.items()}
    if records.metrics:
        lines = [format_json(dict(record), directory.metrics.name) for record in records.metrics]
        texts[directory.metrics] = b"".join(lines)
    for path, text in texts.items():
        write_atomic(path, text)
    step = records.metrics[-1].get("step") if records.metrics else None
    return [*texts, *save_model(directory, model, step)]


def read_records(directory: RunDirectory) -> RunRecords:
    """What a run, or an exported model, has beside its weights; files that are not there add nothing.

    Raises:
        StorageError: a file is damaged.
    """

    known = (directory.diffusion, directory.clock, directory.path / "layout.json")
    beside = {path.name: read_json(path) for path in known if path.is_file()}
    metrics = read_metrics(directory.metrics) if directory.metrics.is_file() else []
    return RunRecords(read_estimates(directory.estimates), metrics, read_environment(directory.environment), beside)
