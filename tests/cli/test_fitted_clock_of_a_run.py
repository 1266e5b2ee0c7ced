"""A clock that is fitted to the trained model: measured once, kept in the run's folder, used by all that follows."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import si_core as si_library
from si_core.runs.stored_options import signed

WORDS = (
    "r.yaml",
    "sample.clock=fitted",
    "train.steps=6",
    "sample.epsilon=0",
    "sample.integrator={use: heun, steps: 4}",
)


@pytest.fixture(scope="module")
def fitted(server, finished, tmp_path_factory):
    """A run whose clock is fitted. Read it; don't change it."""
    server.folder = tmp_path_factory.mktemp("fitted")
    shutil.copy(finished.parent / "r.yaml", server.folder)
    done = server("run", *WORDS, "--out", "run")
    assert done.code == 0, done.err
    return server.folder / "run"


@pytest.fixture
def run(si, fitted):
    """A copy of it to change."""
    shutil.copytree(fitted, si.folder / "run")
    return si.folder / "run"


def drawn(si, run, *words):
    done = si("sample", run, "-n", 64, "--seed", 3, "--out", "x.npy", *words)
    assert done.code == 0, done.err
    return np.load(si.folder / "x.npy")


def test_it_is_kept_as_options_and_used_again(si, run):
    record = json.loads((run / "clock.json").read_text())
    assert record["use"] == "si-integrators/fitted"
    assert record["options"]["orders"] == [2, 2]
    model = si_library.load_model(run)
    assert model.clock == si_library.build("clock", "fitted", own=model.process.clock, **record["options"])
    assert model.clock.fitted(model, 0) is None
    assert np.array_equal(drawn(si, run), np.load(run / "samples.npy"))
    assert not np.array_equal(drawn(si, run), drawn(si, run, "--clock", "auto"))


def test_an_estimate_is_that_of_the_run(si, run):
    (expected,) = json.loads((run / "estimates.json").read_text())
    name = '{"use": "energy-distance", "samples": 64}'
    done = si("estimate", run, name, "--seed", 3, "--json")
    assert json.loads(done.out) == expected
    done = si("estimate", run, name, "--seed", 3, "--json", "--clock", "auto")
    assert json.loads(done.out) != expected


def test_a_resumed_run_fits_the_same(si, run):
    before = {name: (run / name).read_bytes() for name in ("clock.json", "samples.npy", "estimates.json")}
    for name in before:
        (run / name).unlink()
    assert si("run", "run/resolved.yaml", "--resume", "--out", "run").code == 0
    assert {name: (run / name).read_bytes() for name in before} == before


def test_for_another_sampler_it_is_fitted_anew_and_not_kept(si, run):
    before = (run / "clock.json").read_bytes()
    sde = ("--epsilon", 0.5, "--integrator", '{"use": "euler-maruyama", "steps": 4}')
    kept, anew = drawn(si, run, *sde), drawn(si, run, *sde, "--clock", "fitted")
    assert not np.array_equal(kept, anew)
    assert (run / "clock.json").read_bytes() == before
    assert np.array_equal(drawn(si, run, "--clock", "fitted"), np.load(run / "samples.npy"))


def test_a_run_with_another_clock_can_be_fitted_later(si, finished):
    shutil.copytree(finished, si.folder / "copy")
    before = drawn(si, "copy")
    first = drawn(si, "copy", "--clock", "fitted")
    assert not np.array_equal(first, before)
    record = (si.folder / "copy" / "clock.json").read_bytes()
    # Kept at the first request, so another seed of the samples does not make it another clock.
    assert si("sample", "copy", "-n", 5, "--seed", 8, "--out", "y.npy", "--clock", "fitted").code == 0
    assert (si.folder / "copy" / "clock.json").read_bytes() == record
    assert np.array_equal(drawn(si, "copy", "--clock", "fitted"), first)
    # The run's own clock is still that of its recipe.
    assert np.array_equal(drawn(si, "copy"), before)


OPTIONS = [
    ({"coefficients": [99.0]}, "sizes sum up to 8 at most"),
    ({"coefficients": "no"}, "coefficients"),
    ({"coefficients": [0.1], "orders": [1, 1]}, "fitted in another clock"),
    ({"module": "os"}, "unknown option 'module'"),
]


@pytest.mark.parametrize(("options", "message"), OPTIONS)
def test_options_that_are_none_are_refused(si, run, options, message):
    record = json.loads((run / "clock.json").read_text())
    refused(si, run, json.dumps(signed({**record, "options": options})), message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"use": "si-integrators/fitted"}', "no options"),
        ('{"use": "si-integrators/fitted", "options": {"coefficients": [NaN]}}', "not valid JSON"),
        ('{"use": "si-integrators/fitted", "options": {"coefficients": [0.1]}}', "wrong checksum"),
    ],
)
def test_a_damaged_file_is_refused(si, run, text, message):
    refused(si, run, text, message)


def refused(si, run, text, message):
    (run / "clock.json").write_text(text)
    done = si("sample", run, "--out", "x.npy")
    assert done.code == 4
    assert "clock.json" in done.err
    assert message in done.err
    assert "--resume makes it again" in done.err
    assert not (si.folder / "x.npy").exists()


@pytest.mark.fault(43)
def test_a_changed_digit_is_told(si, run):
    text = (run / "clock.json").read_text()
    place = next(i for i, c in enumerate(text) if c.isdigit() and i > text.index("coefficients"))
    refused(si, run, f"{text[:place]}{(int(text[place]) + 1) % 10}{text[place + 1 :]}", "wrong checksum")


@pytest.mark.fault(43)
def test_that_of_another_run_is_told(si, run, finished):
    assert si("run", *WORDS, "seed=9", "--out", "other").code == 0
    refused(si, run, (si.folder / "other" / "clock.json").read_text(), "these are the weights of another run")


@pytest.mark.fault(43)
def test_one_that_is_gone_is_told_and_made_again(si, run):
    before = (run / "clock.json").read_bytes()
    (run / "clock.json").unlink()
    done = si("sample", run, "--out", "x.npy")
    assert done.code == 4
    assert "clock.json: what was measured on the model is missing" in done.err
    assert si("run", "run/resolved.yaml", "--resume", "--out", "run").code == 0
    assert (run / "clock.json").read_bytes() == before


@pytest.mark.fault(43, 71)
def test_one_that_is_gone_from_an_exported_model_is_told(si, run):
    assert si("export", run, "model").code == 0
    assert np.array_equal(drawn(si, "model"), np.load(run / "samples.npy"))
    (si.folder / "model" / "clock.json").unlink()
    done = si("sample", "model", "--out", "x.npy")
    assert done.code == 4
    assert "export again" in done.err
