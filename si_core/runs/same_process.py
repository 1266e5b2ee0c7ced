"""A model and the process it was trained for: what another version of a plugin makes of it is noticed.

The numbers of :mod:`si_core.process.fingerprint` are kept with a model and with each checkpoint, and compared when one
is loaded. Fields learned for one process are wrong for another, however little it looks so; a new version that leaves
the process as it was is only reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from si_core.errors import PluginError, StorageError
from si_core.models.assembly import Assembly
from si_core.process.fingerprint import fingerprint, largest_deviation
from si_core.process.process import StochasticInterpolant
from si_core.recipes.recipe import Recipe
from si_core.runs.components_used import components_used, version_changes
from si_core.runs.directory import RunDirectory

__all__ = [
    "check_same_process",
    "fingerprint_tensors",
    "sampling_change",
    "split_fingerprint",
    "split_sampling",
    "version_change",
]

_PREFIX, _SAMPLING = "fingerprint.", "sampling."


def fingerprint_tensors(
    recipe: Recipe, learned: StochasticInterpolant, sampled: StochasticInterpolant
) -> dict[str, Tensor]:
    """The fingerprints of a process and of what it is sampled along, by names with prefixes, beside weights.

    Args:
        recipe: the recipe of both.
        learned: the process whose fields are learned.
        sampled: the process that samples follow.
    """
    found = {f"{_PREFIX}{name}": value for name, value in fingerprint(learned).items()}
    along = _along(recipe)
    if along is not None:
        found |= {f"{_SAMPLING}{along}.{name}": value for name, value in fingerprint(sampled).items()}
    return found


def split_fingerprint(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The fingerprint of the process among stored tensors, and the others."""
    return _split(tensors, _PREFIX)


def split_sampling(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The fingerprint of what the process is sampled along among stored tensors, and the others."""
    return _split(tensors, _SAMPLING)


def sampling_change(before: Mapping[str, Tensor], assembly: Assembly) -> str:
    """What to say of a ``sample.interpolant`` that is another than it was; empty where it is not.

    Args:
        before: its fingerprint, as it was kept; that of another choice says nothing of this one.
        assembly: the recipe as it is put together now.
    """
    along = _along(assembly.recipe)
    kept = {} if along is None else _split(before, f"{along}.")[0]
    deviation = largest_deviation(kept, fingerprint(assembly.sampler.process)) if kept else None
    if deviation is None:
        return ""
    return f"sample.interpolant is another than it was: samples of the same law, and not the same samples ({deviation})"


def _along(recipe: Recipe) -> str | None:
    """A name for the choice of ``sample.interpolant`` with its options; None where there is none."""
    chosen = recipe.sample.interpolant
    if chosen is None:
        return None
    return hashlib.sha256(f"{chosen.qualified} {sorted(chosen.plain_options().items())}".encode()).hexdigest()[:16]


def _split(tensors: Mapping[str, Tensor], prefix: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    own = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    return own, {name: value for name, value in tensors.items() if not name.startswith(prefix)}


def check_same_process(
    before: Mapping[str, Tensor], process: StochasticInterpolant, directory: RunDirectory, file: Path
) -> None:
    """Refuse a process that is not the one whose fingerprint was kept.

    Args:
        before: the fingerprint that was kept.
        process: the process now, with the stored parameters in its learnable parts.
        directory: the run, which knows the versions.
        file: where the fingerprint stands.

    Raises:
        StorageError: none was kept.
        PluginError: another process, with the largest deviation and the versions then and now.
    """
    if not before:
        raise StorageError(
            "the process that this was trained for is not recorded",
            where=str(file),
            got="no fingerprint",
            fix="train the run again",
        )
    deviation = largest_deviation(before, fingerprint(process))
    if deviation is None:
        return
    used = [one for one in components_used(directory) if one.kind in ("interpolant", "latent", "coupling", "clock")]
    changed = version_changes(used)
    wanted = dict.fromkeys(f"{one.distribution}=={one.version}" for one in used if one.installed != one.version)
    versions = ", ".join(changed) or ", ".join(f"{one}, the same version now" for one in used) or "versions unknown"
    raise PluginError(
        "the process is not the one that this was trained for: what was learned does not fit it",
        where=str(file),
        got=f"{deviation} ({versions})",
        fix=f"pip install {' '.join(wanted)}, or train a new run"
        if wanted
        else "put the code of the plugin back as it was, or train a new run",
    )


def version_change(directory: RunDirectory) -> str:
    """What to say of components used in another version than is installed now; empty where all are the same."""
    changed = version_changes(components_used(directory))
    return f"trained with another version of {'; '.join(changed)}" if changed else ""
