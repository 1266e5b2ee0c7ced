"""A fitted model in a folder: an exported model (:mod:`si_core.runs.model_folder`), and how its data came."""

from __future__ import annotations

from pathlib import Path

from si_core.contract.exporter import RunRecords
from si_core.errors import StorageError, one_line
from si_core.memory.layout import Layout
from si_core.memory.training import Trained
from si_core.models.model import Model
from si_core.recipes.selection import Selection
from si_core.runs.directory import ExportedModel
from si_core.runs.model_file import written_parts
from si_core.runs.model_folder import write_model_folder
from si_core.runs.noise_level import fit_noise_level
from si_core.runs.plan import used_by
from si_core.runs.sampling_clock import fit_clock
from si_core.storage.atomic import write_atomic
from si_core.storage.new_folder import new_folder
from si_core.storage.own_files import read_own
from si_core.storage.strict_json import format_json, parse_json

__all__ = ["check_layout", "load_layout", "save_fitted"]

LAYOUT = "layout.json"
_FORMAT = 1


def save_fitted(folder: Path, trained: Trained, layout: Layout) -> Path:
    """Write a fitted model; returns the folder.

    Raises:
        StorageError: the folder is in use, or can't be written.
    """
    if folder.is_dir() and any(folder.iterdir()):
        fix = "choose another one, or remove it"
        raise StorageError("the folder is not empty", where=str(folder), allowed="a new or empty folder", fix=fix)
    assembly, recipe = trained.assembly, trained.assembly.recipe
    with new_folder(folder) as temporary:
        # What was measured on the model is measured again, by the same seed: that writes it down.
        directory = ExportedModel(temporary)
        predictor = written_parts(trained.model)[2]
        measured = fit_noise_level(
            directory, assembly.model(assembly.fields.of(predictor)), recipe.sample.epsilon, recipe.seed
        )
        if isinstance(recipe.sample.clock, Selection) and not recipe.sample.clock.in_memory:
            fit_clock(directory, measured, recipe.sample.clock.qualified, recipe.seed)
        path = temporary / LAYOUT
        write_atomic(path, format_json({"format": _FORMAT, **layout.plain()}, LAYOUT, indent=1))
        records = RunRecords(metrics=trained.history, environment=used_by(recipe, assembly))
        write_model_folder(trained.model, temporary, records)
    return folder


def load_layout(folder: Path) -> Layout | None:
    """How the data of a fitted model came; None for the folder of a run.

    Raises:
        StorageError: the file is damaged.
    """
    path = folder / LAYOUT
    if not path.is_file():
        return None
    plain = parse_json(read_own(path), str(path))
    try:
        if plain["format"] != _FORMAT:
            raise ValueError(f"format {plain['format']}")
        return Layout.of_plain(plain)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StorageError("damaged", where=str(path), got=one_line(error, 200), fix="save it again") from error


def check_layout(folder: Path, layout: Layout, model: Model) -> None:
    """Refuse the layout of other data than a model's.

    Raises:
        StorageError: another number of columns, or classes that are not named so.
    """
    whole = [name for name, form in layout.spoken.items() if form == "whole"]
    specs = model.process.conditions
    odd = [name for name in whole if name in specs and not all(map(_is_whole, specs[name].classes or ()))]
    if odd or not layout.fits(model.end.frame.shape):
        got = f"classes of {odd[0]} that are no numbers" if odd else f"events of shape {tuple(model.end.frame.shape)}"
        where = str(folder / LAYOUT)
        raise StorageError("this is how other data came", where=where, got=got, fix="put the file back, or save again")


def _is_whole(text: object) -> bool:
    try:
        int(str(text))
    except ValueError:
        return False
    return True
