"""The environment of a run: what must be equal for equal numbers.

Promises: *bitwise* equal results on the same machine type, torch version, thread count and device; elsewhere equal in
distribution only. What differs is named when a run is resumed.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

from packaging.utils import canonicalize_name

from si_core.discovery.available import Found
from si_core.discovery.owners import requirements

__all__ = ["differences", "environment"]


def environment(distributions: Iterable[str] = (), components: Iterable[Found] = ()) -> dict[str, Any]:
    """Python, platform, torch, the version of every distribution used and the owner of every component, for JSON.

    Args:
        distributions: the plugins used. Their direct requirements and those of si-core are recorded as well, as
            torch and numpy decide the numbers more than any plugin. A version None means: not installed.
        components: the components used; their distributions are recorded with the others.
    """
    import torch

    names: set[str] = set()
    components = list(components)
    for name in ("si-core", *distributions, *(found.plugin.distribution for found in components)):
        names.add(canonicalize_name(name))
        names.update(requirements(name))
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "torch": {
            "version": str(torch.__version__),
            "threads": torch.get_num_threads(),
            "cuda": torch.version.cuda,
            "devices": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        },
        "distributions": {name: _version(name) for name in sorted(names)},
        "components": dict(sorted(_owner(found) for found in components)),
    }


def differences(recorded: Mapping[str, Any], present: Mapping[str, Any]) -> list[str]:
    """What differs between two environments, one line each, such as ``torch.version: 2.12.0 -> 2.13.0``."""
    lines = []
    for key in sorted({*recorded, *present}):
        old, new = recorded.get(key), present.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            lines += [f"{key}.{line}" for line in differences(old, new)]
        elif old != new:
            lines.append(f"{key}: {'absent' if old is None else old} -> {'absent' if new is None else new}")
    return lines


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _owner(found: Found) -> tuple[str, dict[str, str]]:
    """``"latent si-cubic/bump": {"distribution": "si-cubic", "version": "1.0"}``."""
    owner = {"distribution": found.plugin.distribution, "version": found.plugin.version}
    return f"{found.component.kind} {found.qualified}", owner
