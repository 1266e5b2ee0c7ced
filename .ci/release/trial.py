"""The wheels tried as strangers have them: in an environment of their own, outside of the tree.

In two steps. First what ``pip install si-recipes`` brings, and no more: a dependency that is used and not declared is
then missing. Then all the rest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from release.errors import ReleaseError
from release.projects import Project, closure
from release.wheels import wheel_of

__all__ = ["trial"]

PROBE = Path(__file__).with_name("probe.py")
FIRST = "si-recipes"


def _environment() -> dict[str, str]:
    """The variables of this process without those that would lead into the tree or change what is found."""
    left_out = ("SI_", "PYTHON", "VIRTUAL_ENV", "UV_")
    return {key: value for key, value in os.environ.items() if not key.startswith(left_out)}


def _run(command: Sequence[str | Path], folder: Path, what: str) -> str:
    line = [str(word) for word in command]
    done = subprocess.run(line, cwd=folder, env=_environment(), capture_output=True, text=True)
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-40:]
        raise ReleaseError(f"{what} failed with exit code {done.returncode}:", last)
    return done.stdout


def trial(
    packages: Sequence[Path],
    all_of: Sequence[Project],
    constraints: Path | None,
    say: Callable[[str], None],
    python: str = sys.executable,
) -> None:
    """Install the wheels, and let a newcomer's commands run.

    Args:
        packages: what was built; of each package its wheel is taken.
        all_of: the packages of the tree.
        constraints: versions of everything else, in pip's form; None for the newest.
        say: where what was done is told.
        python: the interpreter of the new environment.

    Raises:
        ReleaseError: something could not be installed, imported or run.
    """
    wheels = {project.name: wheel_of(project, packages) for project in all_of}
    first = closure(all_of, FIRST)
    with tempfile.TemporaryDirectory(prefix="si-trial-") as made:
        folder = Path(made).resolve()
        home, work = folder / "environment", folder / "work"
        work.mkdir()
        _run([python, "-m", "venv", home], folder, "the making of a virtual environment")
        inside = home / "bin" / "python"
        pip: list[str | Path] = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if constraints:
            pip += ["--constraint", constraints.resolve()]
        for names, step in ((first, "first"), (sorted(wheels), "all")):
            began = time.monotonic()
            _run([*pip, *(wheels[name].resolve() for name in names)], work, f"the installation of {len(names)} wheels")
            _run([inside, "-m", "pip", "check", "--disable-pip-version-check"], work, "pip check")
            seconds = time.monotonic() - began
            say(
                f"installed {len(names)} wheels in {seconds:.0f} s"
                + (f": what {FIRST} needs" if step == "first" else "")
            )
            say(_run([home / "bin" / "si", "--version"], work, "si --version").splitlines()[0])
            # Isolated: neither the folder of the script nor the current one is on its path.
            told = _run([inside, "-I", PROBE, step, *names], work, "the trial of the installed wheels")
            for line in told.splitlines():
                if line.startswith("tried: "):
                    say(line)
