"""A model and the process it was trained for: what another version of a plugin makes of it is noticed.

The numbers of :mod:`si_core.process.fingerprint` are kept with a model and with each checkpoint, and compared when one
is loaded. Fields learned for one process are wrong for another, however little it looks so; a new version that leaves
the process as it was is only told.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from si_core.errors import PluginError, StorageError
from si_core.process.fingerprint import fingerprint, largest_deviation
from si_core.process.process import StochasticInterpolant
from si_core.runs.components_used import components_used, version_changes
from si_core.runs.directory import RunDirectory

__all__ = ["check_same_process", "fingerprint_tensors", "split_fingerprint", "versions_told"]

_PREFIX = "fingerprint."


def fingerprint_tensors(process: StochasticInterpolant) -> dict[str, Tensor]:
    """The fingerprint of a process by names with a prefix, to be stored beside weights."""
    return {f"{_PREFIX}{name}": value for name, value in fingerprint(process).items()}


def split_fingerprint(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The fingerprint among stored tensors, and the others."""
    own = {name.removeprefix(_PREFIX): value for name, value in tensors.items() if name.startswith(_PREFIX)}
    return own, {name: value for name, value in tensors.items() if not name.startswith(_PREFIX)}


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
    used = [one for one in components_used(directory) if one.kind in ("interpolant", "latent", "clock")]
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


def versions_told(directory: RunDirectory) -> str:
    """What to say of components used in another version than is installed now; empty where all are the same."""
    changed = version_changes(components_used(directory))
    return f"trained with another version of {'; '.join(changed)}" if changed else ""
