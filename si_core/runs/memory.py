"""Running out of memory, in words: what needed it, how much there was, and three ways to need less."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from si_core.errors import NumericsError, one_line, too_large
from si_core.fields.learned import LearnedFields
from si_core.models.assembly import Assembly
from si_core.models.blocks import BLOCK, block_size
from si_core.models.model import Model
from si_core.recipes.recipe import Recipe
from si_core.runs.attribution import culprit

__all__ = ["memory_explained"]

_MIB = 2**20


@contextmanager
def memory_explained(stage: str, subject: Assembly | Model | Recipe, device: torch.device) -> Iterator[None]:
    """Turn an error for want of memory into one that says what to do; nothing is tried again.

    Args:
        stage: ``preparation``, ``training``, ``sampling``, ``estimation`` or ``report``.
        subject: what is run; the recipe where it is not put together yet.
        device: where it is run.

    Raises:
        NumericsError: the memory of the device or the host is used up.
    """
    try:
        yield
    except Exception as error:
        if not too_large(error):
            raise
        raise NumericsError(
            f"out of memory in {stage}: {one_line(error, 200)}",
            where=str(device) if (plugin := culprit(error)) is None else f"{plugin.label}, on {device}",
            got=f"{_size(stage, subject)}; {_peak(device)}",
            fix=_remedies(stage, subject),
        ) from error


def _recipe(subject: Assembly | Model | Recipe) -> Recipe | None:
    return subject if isinstance(subject, Recipe) else subject.recipe


def _size(stage: str, subject: Assembly | Model | Recipe) -> str:
    recipe = _recipe(subject)
    batch: object = _block(subject) if stage == "sampling" else "of its own size"
    if recipe is not None:
        batch = recipe.sample.batch or batch if stage in ("sampling", "estimation", "report") else recipe.train.batch
    if isinstance(subject, Recipe):
        return f"batch {batch}"
    parameters = list(subject.fields.predictor.parameters()) if isinstance(subject.fields, LearnedFields) else []
    count, size = sum(p.numel() for p in parameters), sum(p.numel() * p.element_size() for p in parameters)
    return f"batch {batch}, {count:,} parameters of {size / _MIB:.1f} MiB"


def _block(subject: Assembly | Model | Recipe) -> int:
    """Samples that are integrated together."""
    return subject.sample.batch or BLOCK if isinstance(subject, Recipe) else block_size(subject)


def _peak(device: torch.device) -> str:
    if device.type == "cuda":
        return f"peak {torch.cuda.max_memory_allocated(device) / _MIB:.0f} MiB on the device"
    if sys.platform == "win32":
        return "peak unknown"
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"peak {most / (_MIB if sys.platform == 'darwin' else 1024):.0f} MiB of the process"


def _remedies(stage: str, subject: Assembly | Model | Recipe) -> str:
    recipe = _recipe(subject)
    if stage in ("preparation", "training") and recipe is not None:
        first = f"train.batch={max(1, recipe.train.batch // 2)}" if stage == "training" else "smaller events or data"
    elif stage == "sampling":
        now = _block(subject)
        first = f"sample.batch={max(1, min(256, now // 2))} (fewer samples at a time)"
    else:
        first = "a smaller `batch` or `samples` among the estimator's options"
    return f"(1) {first}, (2) a smaller network, (3) another --device, or a machine with more memory"
