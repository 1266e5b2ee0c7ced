"""What commands write: with the modes that the umask leaves, through links that stay, in folders of any name."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest

import si_core as library

MASK = 0o027
NAMES = [
    "-é 雪=[1]{a: b}# $(touch no)`;'\"\udce9",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("two words", "été 雪 ñ", "a\nb\tc", "%s{}")),
]
"""Of folders; the first one has a byte that is no UTF-8."""


def wrong_modes(folder: Path) -> list[str]:
    """Files and folders below one whose modes are not those that the umask leaves."""
    found = []
    for path in folder.rglob("*"):
        allowed = (0o777 if path.is_dir() else 0o666) & ~MASK
        if not path.name.startswith(".said") and stat.S_IMODE(path.stat().st_mode) != allowed:
            found.append(f"{path.relative_to(folder)}: {stat.S_IMODE(path.stat().st_mode):o}")
    return found


@pytest.mark.fault(53)
def test_every_command_leaves_modes_to_the_umask_and_a_link_as_it_is(si, tmp_path):
    place = tmp_path / "été, 雪 and spaces"
    (place / "disk").mkdir(parents=True)
    (place / "run").symlink_to("disk")
    for path in (place, place / "disk"):
        path.chmod(0o777 & ~MASK)
    recipe = place / "läuft.yaml"
    recipe.write_text((tmp_path / "r.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    recipe.chmod(0o666 & ~MASK)
    asked = {"folder": place, "moment": ("masked", MASK)}
    for words in (
        ("run", "läuft.yaml", "train.steps=6", "report=true", "--out", "run"),
        ("run", "läuft.yaml", "train.steps=6", "sample.number=9", "--out", "run", "--resume"),
        ("sample", "run", "-n", "9"),
        ("sample", "run", "-n", "9", "--out", "échantillon.csv"),
        ("estimate", "run", "energy-distance", "--data", "échantillon.csv"),
        ("report", "run"),
        ("export", "run", "mon modèle"),
        ("export", "run", "mon modèle", "--overwrite"),
        ("schema", "--out", "schéma.json"),
        ("sweep", "läuft.yaml", "latent.scale=1,2", "train.steps=2", "--out", "sweep"),
        ("new", "plugin", "si-mine", "--kind", "latent"),
    ):
        done = si(*words, **asked)
        assert done.code == 0, (words, done.err)
        assert wrong_modes(place) == [], words
        assert (place / "run").is_symlink()
    assert (place / "disk" / "report.html").exists()


@pytest.mark.fault(53)
def test_what_is_saved_in_memory_has_the_modes_of_the_umask_too(tmp_path):
    fitted = library.fit(np.random.default_rng(0).normal(size=(40, 2)), steps=1, progress=False)
    before = os.umask(MASK)
    try:
        fitted.save(tmp_path / "two words")
    finally:
        os.umask(before)
    assert wrong_modes(tmp_path) == []


@pytest.mark.fault(53)
@pytest.mark.parametrize("name", NAMES)
def test_a_run_may_have_any_name(si, tmp_path, results, finished, name):
    folder = f"./{name}"  # what begins with a hyphen is an option otherwise, as everywhere
    assert si("run", "r.yaml", "--out", folder, moment=("signal_after_step", 8, "SIGTERM")).code == 143
    assert si("run", f"{folder}/resolved.yaml", "--resume", "--out", folder).code == 0
    assert results(tmp_path / name) == results(finished)
    assert si("sample", folder, "-n", "4").code == 0
    assert si("export", folder, f"{folder} model").code == 0
    assert si("estimate", f"{folder} model", "energy-distance").code == 0
    assert not (tmp_path / "no").exists()
