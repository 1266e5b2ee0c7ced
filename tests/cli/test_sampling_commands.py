"""``si sample``: samples of a trained run, equal for equal seeds, and refusals that say what to type."""

from __future__ import annotations

import numpy as np
import pytest

import si_core as si_library


def drawn(si, *words):
    done = si("sample", *words, "--out", "x.npy")
    assert done.code == 0, done.err
    return np.load(si.folder / "x.npy")


def test_equal_seeds_give_the_samples_of_the_run(si, finished):
    expected = np.load(finished / "samples.npy")
    assert np.array_equal(drawn(si, finished, "-n", 64, "--seed", 3), expected)
    # Fewer are the head of more.
    assert np.array_equal(drawn(si, finished, "-n", 10, "--seed", 3), expected[:10])
    assert np.array_equal(drawn(si, finished, "-n", 3000, "--seed", 3)[:64], expected)
    assert not np.array_equal(drawn(si, finished, "-n", 64, "--seed", 4), expected)


def test_it_samples_as_the_library_does(si, finished):
    model = si_library.load_model(finished)
    samples = si_library.sample(
        model, 9, seed=5, integrator=si_library.build("integrator", "heun", steps=7), epsilon=0.0
    )
    words = ("-n", 9, "--seed", 5, "--integrator", '{"use": "heun", "steps": 7}', "--epsilon", 0)
    assert np.array_equal(drawn(si, finished, *words), samples.numpy())


def test_method_noise_level_and_clock_can_be_chosen(si, finished):
    plain = drawn(si, finished, "-n", 32)
    for words in (
        ("--epsilon", "0"),
        ("--epsilon", "0.7"),
        ("--epsilon", "gamma"),
        ("--epsilon", '{"use": "constant", "level": 0.1}'),
        ("--integrator", "stochastic-heun"),
        ("--integrator", "rk4", "--epsilon", "0"),
        ("--clock", '{"use": "sine", "start": false}'),
    ):
        samples = drawn(si, finished, "-n", 32, *words)
        assert samples.shape == (32, 2)
        assert np.isfinite(samples).all()
        assert not np.array_equal(samples, plain), words


def test_the_clocks_by_name_and_the_words(si, tmp_path):
    """The process's own clock is the sine one, so the word, the component and none are the same.

    In plain time the last weights beside an end are kept, as the recipe asks.
    """
    assert si("run", "r.yaml", "train.steps=2", "sample.freeze=true", "--out", "run").code == 0
    words = ("run", "-n", 32)
    own = drawn(si, *words)
    assert np.array_equal(drawn(si, *words, "--clock", "auto"), own)
    assert np.array_equal(drawn(si, *words, "--clock", "sine"), own)
    plain = drawn(si, *words, "--clock", "uniform")
    assert np.array_equal(drawn(si, *words, "--clock", '{"use": "uniform"}'), plain)
    assert np.isfinite(plain).all()
    assert not np.array_equal(plain, own)


def test_it_says_where_the_clock_is_too_fast(si, finished):
    done = si("sample", finished, "-n", 5, "--out", "x.npy", "--clock", '{"use": "sine", "stop": false}')
    assert done.code == 2
    assert "grow without bound at t = 1," in done.err
    # Advice is in words of the command line, where a recipe would have `clock: auto` and `freeze: true`.
    assert "fix: `--clock auto`, which slows down there (sine clock, slow at both ends)" in done.err
    assert "`--freeze` keeps the last weights" in done.err
    plain = si("sample", finished, "-n", 5, "--out", "x.npy", "--clock", "uniform")
    assert (plain.code, "UniformClock" in plain.err, "`--clock auto`" in plain.err) == (2, False, True)
    assert not (si.folder / "x.npy").exists()
    assert "without bound" not in si("sample", finished, "-n", 5, "--out", "x.npy").err


def test_by_default_a_file_in_the_run_that_no_other_request_overwrites(si, tmp_path):
    assert si("run", "r.yaml", "train.steps=2", "--out", "run").code == 0
    for words in ((), ("--seed", 1), ("--epsilon", 0), ("-n", 5)):
        done = si("sample", "run", *words)
        assert done.code == 0
        assert "samples of shape (2,): run/samples-" in done.out
    names = {path.name for path in (tmp_path / "run").glob("samples-*.npy")}
    assert len(names) == 4
    assert {"samples-1000-0.npy", "samples-1000-1.npy", "samples-5-0.npy"} <= names


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("-n", "0"), 2, "the number of samples"),
        (("-n", "many"), 2, "-n"),
        (("--seed", "-1"), 2, "a seed is a whole number from 0 to 2^63 - 1"),
        (("--seed", str(2**63)), 2, "a seed is a whole number from 0 to 2^63 - 1"),
        (("--out", "x.txt"), 2, "fix: --out x.npy"),
        (("--out", "no/x.npy"), 4, "fix: mkdir -p no"),
        (("--epsilon", "-1"), 2, "--epsilon: no noise level"),
        (("--epsilon", "nan"), 2, "--epsilon: no noise level"),
        (("--epsilon", "0,5"), 2, "--epsilon: no noise level"),
        (("--epsilon", "gama"), 2, "did you mean 'gamma'"),
        (("--epsilon", '{"use": "gamma", "scal": 1}'), 2, "did you mean 'scale'"),
        (("--epsilon", '{"scale": 1}'), 2, "a component is chosen by name"),
        (("--clock", "sin"), 2, "did you mean 'sine'"),
        (("--clock", '{"use": "sine", "begin": false}'), 2, "unknown option 'begin'"),
        (("--clock", '{"use": "sine", "start": false, "stop": false}'), 2, "a sine clock slows down at an end"),
        (("--integrator", "rk4"), 2, "'rk4' is of ODEs, and the noise level is positive"),
        (("--integrator", "torchsde", "--epsilon", "0", "--device", "abacus"), 2, "no such device"),
        (("--integrator", '{"use": "heun"'), 2, "not JSON"),
        (("--condition", "1"), 2, "this model takes no condition"),
        (("-n", "5", "--what"), 2, "unknown argument --what"),
    ],
)
def test_refusals(si, tmp_path, finished, words, code, message):
    done = si("sample", finished, *(() if "--out" in words else ("--out", "x.npy")), *words)
    assert done.code == code
    assert message in done.err
    assert done.err.startswith("si: error: ")
    assert not (tmp_path / "x.npy").exists()


def test_a_run_without_a_model_says_how_to_go_on(si):
    si("run", "r.yaml", "--out", "my run", moment=("signal_after_step", 8, "SIGTERM"))
    done = si("sample", "my run")
    assert done.code == 4
    assert "the run has no trained model yet" in done.err
    assert "fix: train it to the end: si run 'my run/resolved.yaml' --resume --out 'my run'" in done.err


def test_a_damaged_model_is_refused(si, tmp_path):
    assert si("run", "r.yaml", "train.steps=2", "--out", "run").code == 0
    path = tmp_path / "run" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    done = si("sample", "run")
    assert done.code == 4
    assert "run/model.safetensors: damaged: wrong checksum" in done.err


def test_classes_can_be_asked_for(si, tmp_path):
    rows = np.random.default_rng(0).normal(size=(200, 2))
    labels = (rows[:, 0] > 0).astype(int)
    table = np.column_stack([rows + 10 * labels[:, None], labels])
    np.savetxt(tmp_path / "c.csv", table, delimiter=",", header="x,y,class", comments="", fmt="%.17g")
    target = "target={use: array, path: c.csv, label: class}"
    words = (target, "train.steps=300", "train.batch=128", "train.log_every=300", "estimators=[]")
    assert si("run", "r.yaml", *words, "--out", "run").code == 0
    first, second = (drawn(si, "run", "-n", 100, "--condition", label) for label in (0, 1))
    # The classes are 10 apart in each coordinate, a hundred times the error of a mean of 100.
    assert (second.mean(0) - first.mean(0) > 5).all()
    turn = drawn(si, "run", "-n", 100, "--condition", 0, "--condition", 1)
    assert (turn[1::2].mean(0) - turn[::2].mean(0) > 5).all()
    assert np.array_equal(drawn(si, "run", "-n", 100, "--condition", "class=1"), second)
    refused = si("sample", "run", "--condition", 2)
    assert refused.code == 2
    assert "class: one of 0, 1" in refused.err


def test_values_can_be_asked_for_and_what_are_none_is_said_of_its_option(si, tmp_path):
    rows = np.random.default_rng(0).normal(size=(200, 3))
    np.savetxt(tmp_path / "c.csv", rows, delimiter=",", header="x,y,dose", comments="", fmt="%.17g")
    target = "target={use: array, path: c.csv, conditions: [dose]}"
    assert si("run", "r.yaml", target, "train.steps=2", "estimators=[]", "--out", "run").code == 0
    assert drawn(si, "run", "-n", 3, "--condition", "dose=-1.5").shape == (3, 2)
    for word in ("", "much", "inf", "nan", "null", "[1]"):
        refused = si("sample", "run", "--condition", f"dose={word}", "--out", "refused.npy")
        assert refused.code == 2
        assert "the condition 'dose'" in refused.err
        assert "got" in refused.err
        assert not (tmp_path / "refused.npy").exists()
