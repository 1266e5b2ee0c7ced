"""Damaged folders of runs, through every door: right results or the library's own errors, and nothing else touched.

Each case takes a copy of a finished run, of one that was killed, of an exported model or of a saved fit, does one to
three things to it, and lets one or two commands at it. What they need and is whole must give the bits it gave before;
what is not whole must be told, or be made again as it was.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import si_core as si_
from si_core.cli.main import main

from ..cli.conftest import RECIPE
from .damage import by_chance, on_purpose, states
from .watchdog import steers_nothing, watched

pytestmark = pytest.mark.fault(18, 43, 44, 45, 46, 47, 51)

CLOCKED = ("train.steps=4", "sample.clock=fitted", "sample.epsilon=0", "sample.integrator={use: heun, steps: 2}")
MADE = ("model.safetensors", "frame.json", "samples.npy", "estimates.json")
CODES = (0, 2, 3, 4, 5)


@dataclass(frozen=True)
class Subject:
    """A good folder, and what commands make of it.

    Args:
        folder: the folder.
        needed: the files that sampling needs, of which it has to work whatever the others are.
        samples: four samples of it.
    """

    folder: Path
    needed: tuple[str, ...]
    samples: bytes


@dataclass(frozen=True)
class Said:
    """What a command ended with, and what it said."""

    code: int
    text: str


def command(*words: object) -> Said:
    """A command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = main([str(word) for word in words])
    return Said(code, out.getvalue() + err.getvalue())


@pytest.fixture(scope="module")
def subjects(server, finished, tmp_path_factory) -> dict[str, Subject]:
    home = server.folder = tmp_path_factory.mktemp("subjects")
    (home / "r.yaml").write_text(RECIPE, encoding="utf-8")
    shutil.copytree(finished, home / "run")
    assert server("run", "r.yaml", "--out", "halved", moment=("signal_after_step", 15, "SIGKILL")).code == -9
    assert command("export", home / "run", home / "exported").code == 0
    rows = np.random.default_rng(0).normal(size=(64, 2))
    si_.fit(rows, steps=2, network={"use": "mlp", "width": 8, "depth": 1}).save(home / "fit")
    exported = ("recipe.yaml", "model.safetensors", "frame.json")
    assert command("run", home / "r.yaml", *CLOCKED, "--out", home / "clocked").code == 0
    needed = {
        "run": ("resolved.yaml", *exported[1:]),
        "halved": (),
        "clocked": ("resolved.yaml", *exported[1:], "clock.json"),
        "exported": exported,
        "fit": (*exported, "layout.json"),
    }
    found = {}
    for name, files in needed.items():
        samples = b""
        if files:
            assert command("sample", home / name, "-n", 4, "--out", home / "x.npy").code == 0
            samples = (home / "x.npy").read_bytes()
        found[name] = Subject(home / name, files, samples)
    return found


class Case:
    """A damaged copy of a folder of a number, and what its number chooses."""

    def __init__(self, place: Path, subjects: dict[str, Subject], number: int) -> None:
        self.number, self.chance = number, random.Random(number)
        self.place, self.folder, self.outside = place, place / "run", place / "outside"
        self.outside.mkdir(parents=True)
        for name, text in (("dear.txt", "dear"), ("secret.json", '{"secret": 1}'), ("r.yaml", RECIPE)):
            (self.outside / name).write_text(text, encoding="utf-8")
        self.kind = self.chance.choices(["run", "halved", "clocked", "exported", "fit"], [5, 3, 1, 1, 1])[0]
        self.subject, self.right = subjects[self.kind], subjects["run"].folder
        shutil.copytree(self.subject.folder, self.folder, symlinks=True)
        self.whole = states(self.folder)
        self.purpose = self.chance.random() < 0.3
        for _ in range(self.chance.choice([1, 1, 2, 3])):
            if self.purpose:
                on_purpose(self.folder, self.chance)
            else:
                by_chance(self.folder, self.outside, self.chance)
        self.before, self.others = states(self.folder), states(self.outside)

    def __str__(self) -> str:
        names = {*self.whole, *self.before}
        changed = sorted(name for name in names if self.whole.get(name) != self.before.get(name))
        return f"folder {self.number} ({self.kind}; {'on purpose' if self.purpose else 'by chance'}: {changed})"

    def is_whole(self, *names: str) -> bool:
        """Whether files hold what they held."""
        return all(self.before.get(name) == self.whole.get(name) for name in names)

    @property
    def like_before(self) -> bool:
        """Whether whatever works has to give what it gave: the recipe is as it was, and nobody vouches for others."""
        recipe = "recipe.yaml" if self.kind in ("exported", "fit") else "resolved.yaml"
        return self.is_whole(recipe, "layout.json") and not self.purpose

    def same_folder(self, *but: str) -> None:
        """The folder is as it was, but for some names; a file that is added is named."""
        now = states(self.folder)
        changed = [name for name in {*now, *self.before} if now.get(name) != self.before.get(name)]
        strange = [name for name in changed if not name.startswith(but)] if but else changed
        assert not strange, f"{self}: changed {strange}"


def _sampled(case: Case) -> Said:
    out = case.place / "samples.npy"
    said = command("sample", case.folder, "-n", 4, "--out", out)
    if said.code == 0:
        if case.like_before:
            assert out.read_bytes() == case.subject.samples, f"{case}: other samples"
        assert np.isfinite(np.load(out)).all()
    elif case.subject.needed and case.is_whole(*case.subject.needed):
        planted = [name for name in ("layout.json",) if not case.is_whole(name)]
        assert planted, f"{case}: what sampling needs is whole: {said.text}"
    case.same_folder()
    return said


def _resumed(case: Case) -> Said:
    said = command("run", case.outside / "r.yaml", "--out", case.folder, "--resume")
    if said.code == 0 and not case.purpose:
        for name in MADE:
            made, right = (case.folder / name), case.right / name
            assert made.read_bytes() == right.read_bytes(), f"{case}: {name} is another: {said.text}"
    return said


def _estimated(case: Case) -> Said:
    said = command("estimate", case.folder, '{"use": "energy-distance", "samples": 16}', "--json")
    if said.code == 0:
        json.loads(said.text[said.text.index("{") :])
    case.same_folder()
    return said


def _exported(case: Case) -> Said:
    said = command("export", case.folder, case.place / "model")
    case.same_folder()
    if said.code == 0:
        again = command("sample", case.place / "model", "-n", 4, "--out", case.place / "again.npy")
        if case.like_before and case.kind != "fit":
            assert again.code == 0, f"{case}: {again.text}"
            assert (case.place / "again.npy").read_bytes() == case.subject.samples, f"{case}: other samples"
    return said


def _compared(case: Case) -> Said:
    said = command("compare", case.folder, case.subject.folder, "--out", case.place / "compare.html")
    case.same_folder()
    return said


def _validated(case: Case) -> Said:
    said = command("validate", case.folder / case.chance.choice(["resolved.yaml", "recipe.yaml"]), "--build")
    case.same_folder()
    return said


def _continued(case: Case) -> Said:
    said = command("validate", case.outside / "r.yaml", f"init={case.folder}", "--build")
    case.same_folder()
    return said


def _reported(case: Case) -> Said:
    said = command("report", case.folder)
    case.same_folder("plots", "report.html")
    return said


def _loaded(case: Case) -> Said:
    """From Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = si_.load_model(case.folder)
            x = si_.sample(model, 4) if isinstance(model, si_.Model) else model.sample(4)
    except si_.SIError as error:
        return Said(error.code, str(error))
    finally:
        case.same_folder()
    assert len(x) == 4
    if case.like_before:
        assert np.array_equal(np.asarray(x), np.load(io.BytesIO(case.subject.samples))), f"{case}: other samples"
    return Said(0, "")


DOORS: dict[Callable[[Case], Said], int] = {
    _sampled: 8, _resumed: 12, _estimated: 3, _exported: 3, _compared: 4, _validated: 1, _continued: 2, _loaded: 4,
}  # fmt: skip
SLOW: dict[Callable[[Case], Said], int] = {**DOORS, _reported: 1}
FIT = {"halved": (_resumed, _compared, _continued, _validated)}
FIT |= dict.fromkeys(("clocked", "exported", "fit"), (_sampled, _estimated, _exported, _loaded, _compared, _continued))
"""Where a door has more to say than that it is none for such a folder."""


def _tried(place: Path, subjects: dict[str, Subject], number: int, doors: dict[Callable[[Case], Said], int]) -> str:
    """One case; what became of it, by door and exit code."""
    case = Case(place, subjects, number)
    fit = {door: weight for door, weight in doors.items() if door in FIT.get(case.kind, doors)}
    door = case.chance.choices(list(fit), list(fit.values()))[0]
    try:
        with watched(f"{case}: {door.__name__}", may_wait=True):
            said = door(case)
        assert said.code in CODES, f"{case}: {door.__name__}: {said}"
        assert "internal error" not in said.text, f"{case}: {said}"
        assert steers_nothing(said.text), f"{case}: {said.text!r}"
        assert len(said.text) < 60_000, f"{case}: {len(said.text)} letters"
        assert "secret" not in said.text.replace("secret.json", ""), f"{case}: {said.text}"
        assert states(case.outside) == case.others, f"{case}: {door.__name__}: changed outside"
    except Exception as error:
        if isinstance(error, AssertionError):
            raise
        raise AssertionError(f"{case}: {door.__name__}: {type(error).__name__}: {error}"[:3000]) from error
    finally:
        shutil.rmtree(place)
    return f"{door.__name__} {said.code}"


def test_damaged_folders(tmp_path, subjects):
    for number in range(15):
        _tried(tmp_path / str(number), subjects, number, DOORS)


@pytest.mark.slow
def test_many_damaged_folders(tmp_path, subjects):
    command("report", shutil.copytree(subjects["run"].folder, tmp_path / "first"))  # what it imports is not timed
    for number in range(15, 2040):
        _tried(tmp_path / str(number), subjects, number, SLOW)
