"""The keyword arguments of ``si.fit``: its own, and the keys of a recipe."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from si_core.discovery.lost_sections import owner_wanted
from si_core.discovery.suggest import nearest
from si_core.errors import UsageError
from si_core.recipes.fragments import own_schema

__all__ = ["check_keywords"]

_CALLED = {
    **dict.fromkeys(("epochs", "n_epochs", "max_epochs", "iterations", "max_iter", "n_iter"), "steps=..."),
    **dict.fromkeys(("batch", "batch_size"), 'train={"batch": ...}'),
    **dict.fromkeys(("lr", "learning_rate"), 'train={"optimizer": {"use": "adam", "lr": ...}}'),
    **dict.fromkeys(("y", "labels", "conditions", "context"), "condition=..."),
    **dict.fromkeys(("random_state", "random_seed"), "seed=..."),
    **dict.fromkeys(
        ("integrator", "epsilon", "clock", "guidance"), "sample={...}, or at sampling: model.sample(n, ...)"
    ),
    "columns": "names=...",
    "model": "network=...",
    "verbose": "progress=...",
}
"""What other libraries call it, or where it stands in a recipe."""


def check_keywords(given: Iterable[str], own: Collection[str]) -> None:
    """Refuse an unknown keyword argument.

    Args:
        given: those that are not the function's own; of ``train.steps`` the first key counts.
        own: the function's own.

    Raises:
        UsageError: one that is neither its own nor a key of a recipe; says which is near.
    """
    keys = [key for key in own_schema()["properties"] if key not in own]
    for name in given:
        first = name.partition(".")[0]
        if first in keys or first in own:
            continue
        near = [f"{word}=..." for word in nearest(first, [*own, *keys])]
        fix = _CALLED.get(first) or owner_wanted(first) or next(iter(near), None)
        raise UsageError(
            f"unknown keyword argument {name!r}",
            where="si.fit",
            allowed=f"{', '.join(own)}; and keys of a recipe: {', '.join(keys)}",
            fix=fix,
        )
