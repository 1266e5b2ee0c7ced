"""Numbers 42, 54: however a run is ended, its folder says so; and no command writes over what a run keeps."""

from __future__ import annotations

import pytest

from ..cli.conftest import status

RUN = ("run", "r.yaml", "--out", "run")


@pytest.mark.fault(54)
@pytest.mark.parametrize("stage", ["sample_into", pytest.param("measure_into", marks=pytest.mark.slow)])
def test_54_ctrl_c_again_and_again_after_training(si, tmp_path, finished, results, stage):
    """The first one ends the stage; the others come while it is written down that it ended."""
    done = si(*RUN, moment=("interrupted_at_every_point", stage))
    assert done.code == 130
    found = status(tmp_path / "run")
    assert (found["state"], found["exit_code"], found["step"]) == ("interrupted", 130, 24)
    assert "go on with: si run" in done.err
    assert not [path for path in (tmp_path / "run").rglob("*") if ".tmp-" in path.name]
    assert si(*RUN, "--resume").code == 0
    assert results(tmp_path / "run") == results(finished)


@pytest.mark.fault(42)
@pytest.mark.parametrize("step", [8, pytest.param(12, marks=pytest.mark.slow)])
def test_42_a_folder_that_is_renamed_is_told_with_what_is_saved(si, tmp_path, finished, results, step):
    """After step 12 of a checkpoint every 6, the one of step 6 is saved, and the next save finds no folder."""
    done = si(*RUN, moment=("folder_renamed_after_step", step, "run", "moved"))
    assert done.code == 4
    assert "was renamed while the run went on, to" in done.err
    assert "saved up to step 6" in done.err
    assert "nothing is saved" not in done.err
    found = status(tmp_path / "moved")
    assert (found["state"], found["step"], found["exit_code"]) == ("failed", 6, 4)
    assert not (tmp_path / "run").exists()
    assert si("run", "r.yaml", "--out", "moved", "--resume").code == 0
    assert results(tmp_path / "moved") == results(finished)


@pytest.mark.fault(42)
def test_42_a_checkpoint_that_is_saved_counts_though_its_status_is_not(si, tmp_path):
    done = si(*RUN, moment=("folder_renamed_at_point", "checkpoint: done", "run", "moved"))
    assert done.code == 4
    assert "saved up to step 6" in done.err
    assert (tmp_path / "moved" / "checkpoints" / "step-00000006" / "manifest.json").is_file()


@pytest.mark.parametrize("out", ["run/samples.npy", "run/weights.npy", "link/samples.npy"])
def test_samples_of_a_command_do_not_take_the_place_of_the_runs_own(si, run, tmp_path, out):
    (tmp_path / "link").symlink_to("run")
    before = (run / "samples.npy").read_bytes()
    done = si("sample", "run", "-n", "3", "--out", out)
    assert done.code == 2
    assert "a run keeps a file of its own there" in done.err
    assert (run / "samples.npy").read_bytes() == before
    assert not (run / "weights.npy").exists()
    assert si("sample", "run", "-n", "3", "--out", "samples.npy").code == 0
