"""The trained model in a folder: ``model.safetensors``, with ``frame.json`` beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from si_core.errors import StorageError, UsageError
from si_core.fields.learned import LearnedFields
from si_core.fields.predictor import Predictor
from si_core.fields.rescheduled import RescheduledFields
from si_core.models.learnable import learnable_parts, parts_tensors
from si_core.models.model import Model
from si_core.recipes.recipe import Recipe
from si_core.runs.directory import RunDirectory
from si_core.runs.frame_file import save_ends
from si_core.runs.same_process import fingerprint_tensors
from si_core.runs.same_recipe import kept_text
from si_core.storage.tensors import save_tensors

__all__ = ["model_step", "save_model", "written_parts"]

_DIGITS = 18
"""Of the largest number of steps."""


def save_model(directory: RunDirectory, model: Model, step: int | None = None) -> list[Path]:
    """Write a trained model: the networks, the learnable parts of the process, its fingerprint, its recipe, its ends.

    Args:
        directory: where to.
        model: the model; guidance is its recipe's, and not in its weights.
        step: the steps it was trained, where they are known.

    Returns:
        The files, the weights last: what is loaded asks for both.

    Raises:
        UsageError: fields that are not learned, or a model of no recipe: nothing could be loaded.
        StorageError: a file can't be written.
    """
    recipe, learned, predictor = written_parts(model)
    dtype = next((parameter.dtype for parameter in predictor.parameters()), torch.get_default_dtype())
    frame = save_ends(directory.frame, learned.process, dtype)
    metadata = {"frame": frame, "fields": ",".join(learned.names), "recipe": kept_text(recipe)}
    metadata |= {} if step is None else {"step": str(step)}
    weights = {name: value for name, value in predictor.state_dict().items() if isinstance(value, Tensor)}
    kept = parts_tensors(learnable_parts(learned.process))
    kept |= fingerprint_tensors(recipe, learned.process, model.process)
    save_tensors(directory.model, weights | kept, metadata)
    return [directory.frame, directory.model]


def model_step(metadata: Mapping[str, str], path: Path) -> int:
    """The steps that a model was trained, by the metadata of its file; 0 where they are not known.

    Raises:
        StorageError: the metadata say something else.
    """
    text = metadata.get("step", "0")
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise StorageError("no number of steps", where=str(path), got=repr(text[:80]), fix="train the run again")
    return int(text)


def written_parts(model: Model) -> tuple[Recipe, LearnedFields, Predictor]:
    """What is written of a model: its recipe, its learned fields, and their networks.

    Raises:
        UsageError: as for :func:`save_model`.
    """
    fields = model.unguided or model.fields
    learned = fields.known if isinstance(fields, RescheduledFields) else fields
    recipe = model.recipe
    if not isinstance(learned, LearnedFields) or not isinstance(learned.predictor, Predictor) or recipe is None:
        raise UsageError(
            "only a model of a recipe with learned fields is written",
            got=f"{type(fields).__name__}, {'no recipe' if recipe is None else 'a recipe'}",
            fix="si.train(recipe), si.load_model(run)",
        )
    return recipe, learned, learned.predictor
