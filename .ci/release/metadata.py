"""What the packages say of themselves, held to what an index and a reader of it expect."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from email.message import Message
from pathlib import Path

from release.errors import ReleaseError
from release.projects import Project
from release.wheels import wheel_of

__all__ = ["check_metadata", "faults", "relative_links", "strangers"]

_LINK = re.compile(r"\]\((?!https?://|#)([^)\s]+)\)")


def _read(wheel: Path) -> tuple[Message, list[str], str]:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (home,) = {name.split("/")[0] for name in names if name.split("/")[0].endswith(".dist-info")}
        return email.message_from_bytes(archive.read(f"{home}/METADATA")), names, home


def faults(wheel: Path, project: Project, core: Project) -> list[str]:
    """Return what is wrong with a wheel, a line each: licence, description, types, classifiers, what it holds."""
    said, names, home = _read(wheel)
    description = said.get_payload()
    wrong = {
        "no licence file": f"{home}/licenses/LICENSE" not in names,
        "no SPDX expression of its licence": said["License-Expression"] != core.table["license"],
        "no summary": not said["Summary"],
        "no README as its description": not (isinstance(description, str) and description.strip()),
        "a description that is not called Markdown": not (said["Description-Content-Type"] or "").startswith(
            "text/markdown"
        ),
        "no py.typed": f"{project.package}/py.typed" not in names,
        f"other classifiers than {core.name}": said.get_all("Classifier") != core.table["classifiers"],
        f"another Python than {core.name}": said["Requires-Python"] != core.table["requires-python"],
        "files beside its package": bool({name.split("/")[0] for name in names} - {project.package, home}),
        "files that are made when it runs": any(name.endswith(".pyc") for name in names),
        "no entry point for si-core": project is not core and f"{home}/entry_points.txt" not in names,
    }
    return [f"{wheel.name} has {what}" for what, is_so in wrong.items() if is_so]


def strangers(sdist: Path) -> list[str]:
    """Return a line for an sdist with files of another package: each package has one licence file, so one is there."""
    with tarfile.open(sdist) as archive:
        others = [name for name in archive.getnames() if name.endswith("/LICENSE") and name.count("/") > 1]
    return [f"{sdist.name} has files of another package, such as {others[0]}"] if others else []


def relative_links(wheel: Path) -> int:
    """Return how many links of the description lead into the tree, and so nowhere on an index."""
    description = _read(wheel)[0].get_payload()
    return len(_LINK.findall(description)) if isinstance(description, str) else 0


def check_metadata(packages: Sequence[Path], all_of: Sequence[Project]) -> int:
    """Check all packages, with twine for whether an index can show their descriptions.

    Returns:
        The number of links that lead nowhere on an index.

    Raises:
        ReleaseError: something is wrong; a line each.
    """
    problems, links = [], 0
    for project in all_of:
        wheel = wheel_of(project, packages)
        problems += faults(wheel, project, all_of[0])
        links += relative_links(wheel)
    for sdist in packages:
        if sdist.suffix == ".gz":
            problems += strangers(sdist)
    twine = [sys.executable, "-m", "twine", "check", "--strict", *map(str, packages)]
    told = subprocess.run(twine, capture_output=True, text=True)
    if told.returncode:
        problems += [line for line in (told.stdout + told.stderr).splitlines() if "PASSED" not in line]
    if problems:
        raise ReleaseError("the packages are not fit for an index:", problems)
    return links
