"""A fitted model in a folder: a run's files as far as sampling needs them, and ``layout.json``, how its data came."""

from __future__ import annotations

from pathlib import Path

from si_core.errors import StorageError
from si_core.fields.predictor import Predictor
from si_core.memory.layout import Layout
from si_core.memory.training import Trained
from si_core.recipes.selection import Selection
from si_core.runs.directory import RunDirectory
from si_core.runs.model_file import save_model
from si_core.runs.noise_level import fit_noise_level
from si_core.runs.plan import used_by
from si_core.runs.sampling_clock import fit_clock
from si_core.storage.atomic import write_atomic
from si_core.storage.strict_json import format_json, parse_json

__all__ = ["load_layout", "save_fitted"]

_FORMAT = 1


def save_fitted(folder: Path, trained: Trained, layout: Layout) -> Path:
    """Write a fitted model; returns the folder.

    Raises:
        StorageError: the folder is in use, or can't be written.
    """
    assembly, model = trained.assembly, trained.model
    recipe = assembly.recipe
    predictor = getattr(model.unguided or model.fields, "predictor", None)
    if not isinstance(predictor, Predictor):
        raise StorageError("only learned fields are saved", got=type(model.fields).__name__)
    directory = RunDirectory.create(recipe.name, out=folder)
    write_atomic(directory.resolved, recipe.dump(directory.path).encode())
    write_atomic(directory.recipe, recipe.text.encode())
    write_atomic(directory.environment, format_json(used_by(recipe, assembly), str(directory.environment), indent=2))
    save_model(directory, model, trained.step)
    # What was measured on the model is measured again, by the same seed: that writes it down.
    plain = assembly.model(assembly.fields.of(predictor))
    measured = fit_noise_level(directory, plain, recipe.sample.epsilon, recipe.seed)
    if isinstance(recipe.sample.clock, Selection) and not recipe.sample.clock.in_memory:
        fit_clock(directory, measured, recipe.sample.clock.qualified, recipe.seed)
    path = directory.path / "layout.json"
    write_atomic(path, format_json({"format": _FORMAT, **layout.plain()}, str(path), indent=1))
    directory.lock.unlink(missing_ok=True)
    return directory.path


def load_layout(folder: Path) -> Layout | None:
    """How the data of a fitted model came; None for the folder of a run.

    Raises:
        StorageError: the file is damaged.
    """
    path = folder / "layout.json"
    if not path.is_file():
        return None
    plain = parse_json(path.read_bytes(), str(path))
    try:
        if plain["format"] != _FORMAT:
            raise ValueError(f"format {plain['format']}")
        return Layout.of_plain(plain)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StorageError(
            "damaged", where=str(path), got=f"{type(error).__name__}: {error}", fix="save it again"
        ) from error
