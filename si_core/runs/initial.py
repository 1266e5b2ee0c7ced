"""``init`` of recipes: a run that begins from the weights of another, which it never needs again."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from si_core.contract.objective import Objective
from si_core.errors import RecipeError, SIError, StorageError
from si_core.models.assembly import Assembly
from si_core.models.initial_weights import take_networks, take_parts
from si_core.models.learnable import PREFIX, learnable_parts
from si_core.models.parts import build_selection, located
from si_core.recipes.components import complete
from si_core.recipes.differences import recipe_differences
from si_core.recipes.loader import load_found_recipe
from si_core.recipes.paths import shown_path
from si_core.recipes.recipe import Recipe
from si_core.recipes.selection import Selection
from si_core.runs.directory import RunDirectory
from si_core.runs.lost_plugins import lost_plugins_named
from si_core.runs.model_file import model_step
from si_core.runs.resume import read_json
from si_core.runs.same_recipe import check_same_recipe, parsed_recipe
from si_core.storage.checkpoint import load_checkpoint
from si_core.storage.retention import newest_verified
from si_core.storage.tensors import load_tensors

__all__ = ["Start", "begin_from", "describe", "recorded_start"]

_MEANING = (
    *("source", "coupling", "interpolant", "latent", "network"),
    *("train.clock", "train.precondition", "train.antithetic"),
)
"""Keys by which equal weights stand for other fields."""

_OWN = "put the run's own file back, or name the run that it came from"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Start:
    """Where a run begins.

    Args:
        run: the other run, as the recipe has it.
        step: training steps done there.
        sha256: of the file of its weights.
    """

    run: str
    step: int
    sha256: str

    def record(self) -> dict[str, Any]:
        """What ``environment.json`` keeps."""
        return {"run": self.run, "step": self.step, "sha256": self.sha256}


def begin_from(assembly: Assembly) -> Start | None:
    """Give the networks and the process of an assembly the weights of the run that its recipe names by ``init``.

    Those of its model, averaged where they are, or of its newest good checkpoint where it is not finished. What they
    were learned for in another way (units, schedule, clock of learning) is told as a warning.

    Returns:
        None where the recipe has no ``init``.

    Raises:
        RecipeError: no such run, nothing trained there, or weights that don't fit, with the position of ``init``.
    """
    recipe = assembly.recipe
    if recipe.init is None or recipe.start is None:
        return None
    shown = shown_path(recipe.init, recipe.folders.base)
    try:
        directory = RunDirectory.open(recipe.start)
        with lost_plugins_named(directory):
            other = load_found_recipe(directory.resolved)
        step, digest, tensors = _weights(directory, other)
        objectives = [build_selection(other, f"objectives.{i}", one) for i, one in enumerate(other.objectives)]
    except SIError as error:
        raise RecipeError(
            f"no run to start from: {error.problem}", where=recipe.where("init"), got=shown, fix=error.fix
        ) from error
    learned = [objective.field for objective in objectives if isinstance(objective, Objective)]
    networks = {name: value for name, value in tensors.items() if name.startswith("networks.")}
    parts = {name: value for name, value in tensors.items() if name.startswith(PREFIX)}
    alike = {key: _alike(getattr(recipe, key), getattr(other, key)) for key in ("interpolant", "latent", "coupling")}
    fields = assembly.fields
    with located(recipe, "init"):
        same = _alike(recipe.network, other.network)
        told = take_networks(fields.predictor, fields.names, networks, learned, same, shown)
        told += take_parts(learnable_parts(assembly.process), parts, alike, shown)
    told += [
        f"{key} differs: {_short(before)} there, {_short(now)} here"
        for key, before, now in recipe_differences(other, recipe)
        if any(key == known or key.startswith(f"{known}.") for known in _MEANING)
    ]
    told += _other_units(directory, assembly)
    for line in told:
        _log.warning("init %s: %s", shown, line)
    return Start(recipe.init, step, digest)


def recorded_start(directory: RunDirectory) -> dict[str, Any]:
    """What the environment of a run keeps of where it began, by the key ``init``; nothing where it keeps nothing."""
    try:
        recorded = read_json(directory.environment)
    except StorageError:
        return {}  # that the file can't be read is told by the check of the environment
    found = recorded.get("init") if isinstance(recorded, dict) else None
    return {} if found is None else {"init": found}


def _weights(directory: RunDirectory, recipe: Recipe) -> tuple[int, str, dict[str, Tensor]]:
    """The step, the SHA-256 of the file and the tensors of a run's model, else of its newest good checkpoint."""
    if directory.model.is_file():
        stored = load_tensors(directory.model)
        check_same_recipe(parsed_recipe(stored.metadata.get("recipe")), recipe, str(directory.model), _OWN)
        return model_step(stored.metadata, directory.model), _digest(directory.model), stored.tensors
    newest = newest_verified(directory.checkpoints, lambda line: _log.warning("%s", line), tidy=False)
    if newest is None:
        raise StorageError("nothing is trained there", fix="train that run, at least to its first checkpoint")
    checkpoint = load_checkpoint(newest)
    check_same_recipe(checkpoint.state.get("recipe"), recipe, str(newest), _OWN)
    group = "average" if "average" in checkpoint.tensors else "weights"
    tensors = {name.removeprefix("module."): value for name, value in checkpoint.tensors[group].items()}
    return checkpoint.step, _digest(newest / f"{group}.safetensors"), tensors | checkpoint.tensors.get("process", {})


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _alike(one: Selection, other: Selection) -> bool:
    return one.qualified == other.qualified and complete(one) == complete(other)


def _other_units(directory: RunDirectory, assembly: Assembly) -> list[str]:
    """What the other run keeps of its ends and these have otherwise: units, columns, classes; ``frame.json``."""
    path = directory.path / "frame.json"
    if not path.is_file():
        return []
    try:
        kept = read_json(path)
    except StorageError as error:
        return [str(error)]
    told = []
    for end, law in (("source", assembly.process.source), ("target", assembly.process.target)):
        entry = kept.get(end) if isinstance(kept, dict) else None
        if not isinstance(entry, dict):
            continue
        before, now = entry.get("frame", {}), law.frame.plain()
        if any(before.get(key) != now.get(key) for key in ("shift", "scale")):
            told.append(
                f"units of the {end} differ, as is usual with other data: weights keep to standardised ones, each data "
                "set's own"
            )
        for key, word in (("columns", "columns"), ("pixels", "pixels")):
            if before.get(key) != now.get(key):
                told.append(f"{word} of the {end} differ: {_short(before.get(key))} there, {_short(now.get(key))} here")
        for name, spec in law.conditions.items():
            classes = (entry.get("conditions") or {}).get(name, {}).get("classes")
            if classes is not None and spec.classes is not None and list(classes) != list(spec.classes):
                there, here = (_short(f"[{', '.join(map(str, some))}]") for some in (classes, spec.classes))
                told.append(f"classes of {name!r} differ: {there} there become {here} here, by position")
    return told


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def describe(recipe: Recipe, start: Start) -> str:
    """A line for the log."""
    return f"starts from {shown_path(start.run, recipe.folders.base)}: step {start.step}, weights {start.sha256[:16]}"
