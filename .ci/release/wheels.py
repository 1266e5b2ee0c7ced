"""Packages built as an index would hold them: an sdist of each folder, and a wheel of what is in that sdist alone."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from release.errors import ReleaseError
from release.projects import Project

__all__ = ["build", "packages_in", "wheel_of"]


def _hatchling(target: str, folder: Path, out: Path) -> Path:
    """Build ``sdist`` or ``wheel`` of a folder, by the backend that its pyproject.toml names."""
    code = f"import sys, hatchling.build; print(hatchling.build.build_{target}(sys.argv[1]))"
    made = subprocess.run([sys.executable, "-c", code, str(out)], cwd=folder, capture_output=True, text=True)
    if made.returncode:
        raise ReleaseError(f"no {target} could be built of {folder}:", made.stderr.strip().splitlines()[-10:])
    return out / made.stdout.split()[-1]


def packages_in(out: Path, all_of: Sequence[Project]) -> list[Path]:
    """Return the sdists and wheels of the tree's packages that lie in a folder, whatever their version."""
    patterns = [f"{project.package}-*{end}" for project in all_of for end in (".tar.gz", "-py3-none-any.whl")]
    return sorted(path for pattern in patterns for path in out.glob(pattern))


def wheel_of(project: Project, packages: Sequence[Path]) -> Path:
    """Return the wheel of a package among what was built.

    Raises:
        ReleaseError: there is none, or there are several.
    """
    found = [path for path in packages if path.name.startswith(f"{project.package}-") and path.suffix == ".whl"]
    if len(found) != 1:
        raise ReleaseError(f"{len(found)} wheels of {project.name}, where one is wanted: `python .ci/release build`")
    return found[0]


def build(all_of: Sequence[Project], out: Path, say: Callable[[str], None]) -> list[Path]:
    """Build sdist and wheel of every package into a folder, which loses those of earlier builds.

    A wheel comes from the unpacked sdist, so that one made elsewhere from what is published has the same files.

    Raises:
        ReleaseError: one could not be built; with the end of what the backend said.
    """
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for earlier in packages_in(out, all_of):
        earlier.unlink()
    made = []
    for project in all_of:
        sdist = _hatchling("sdist", project.folder, out)
        with tempfile.TemporaryDirectory() as unpacked:
            with tarfile.open(sdist) as archive:
                archive.extractall(unpacked, filter="data")
            wheel = _hatchling("wheel", Path(unpacked) / sdist.name.removesuffix(".tar.gz"), out)
        made += [sdist, wheel]
        say(f"built {wheel.name}, {wheel.stat().st_size / 1024:.0f} KiB")
    return made
