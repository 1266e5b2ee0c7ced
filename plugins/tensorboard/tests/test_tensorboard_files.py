"""What a run's events become in TensorBoard's files, read back by TensorBoard."""

from __future__ import annotations

import os

import pytest

from si_tensorboard import logger
from si_tensorboard.event_file import EventFile


def points(reader, tag):
    return [(entry.step, entry.value) for entry in reader.Scalars(tag)]


def test_numbers_of_a_record_are_scalars(story, read):
    run = story()
    run.start()
    run.steps(5, 10)
    reader = read(run.directory)
    tags = ["train/grad_norm", "train/loss", "train/losses/denoiser", "train/losses/velocity", "train/lr"]
    assert sorted(reader.Tags()["scalars"]) == tags
    assert points(reader, "train/losses/velocity") == [(5, pytest.approx(0.2)), (10, pytest.approx(0.1))]
    assert points(reader, "train/lr") == [(5, pytest.approx(1e-3)), (10, pytest.approx(1e-3))]


def test_the_recipe_is_a_table_of_dotted_keys(story, text):
    run = story()
    run.start()
    (table,) = text(run.directory, "recipe")
    assert '| `title` | `"Two \\| Gaussians"` |' in table
    assert "| `train.steps` | `20` |" in table
    assert '| `train.optimizer.use` | `"adam"` |' in table
    assert "| `estimators` | `[]` |" in table


def test_estimates_come_with_their_errors_and_keep_apart(story, read, text):
    run = story()
    run.start()
    estimates = [
        {"name": "mmd", "value": 0.5, "standard_error": 0.1, "bound": "unbiased", "unit": "1"},
        {"name": "mmd", "value": 0.25, "standard_error": None, "bound": "unbiased", "unit": "1"},
    ]
    run("finished", 20, estimates=estimates, seconds={"training": 1.5})
    reader = read(run.directory)
    assert points(reader, "estimates/mmd") == [(20, 0.5)]
    assert points(reader, "estimates/mmd/standard_error") == [(20, pytest.approx(0.1))]
    assert points(reader, "estimates/mmd-2") == [(20, 0.25)]
    assert points(reader, "seconds/training") == [(20, 1.5)]
    assert "estimates/mmd-2/standard_error" not in reader.Tags()["scalars"]
    (table,) = text(run.directory, "estimates")
    assert "| mmd | 0.5 | 0.1 | 1 | unbiased |" in table
    assert "| mmd | 0.25 |  | 1 | unbiased |" in table


@pytest.mark.parametrize("name", ["interrupted", "failed"])
def test_another_end_is_told_and_closes_the_file(story, text, name):
    run = story()
    run.start()
    run(name, 6, exit_code=143, message="stopped by a signal")
    assert text(run.directory, "end") == [f"{name}, exit code 143\n\n    stopped by a signal"]
    assert logger._open == {}


def test_a_resumed_run_hides_what_it_makes_again(story, read):
    run = story()
    run.start()
    run.steps(4, 8, 12, losses=1.0)
    # The process was killed after step 12, and saved at step 8.
    logger._open.clear()
    run.start(8)
    run.steps(12, 16, losses=100.0)
    run("finished", 16, estimates=[])
    found = points(read(run.directory), "train/losses/velocity")
    expected = [(4, 1 / 4), (8, 1 / 8), (12, 100 / 12), (16, 100 / 16)]
    assert found == [(step, pytest.approx(value)) for step, value in expected]


def test_a_run_that_starts_again_from_nothing_hides_everything(story, read):
    run = story()
    run.start()
    run.steps(4, 8)
    run.start()
    run.steps(4)
    assert [step for step, _ in points(read(run.directory), "train/loss")] == [4]


def test_several_runs_in_one_process_do_not_mix(story, read):
    first, second = story("a"), story("b")
    first.start()
    second.start()
    first.steps(5, losses=1.0)
    second.steps(7, losses=2.0)
    first("finished", 5, estimates=[])
    second.steps(14, losses=2.0)
    assert points(read(first.directory), "train/losses/velocity") == [(5, pytest.approx(0.2))]
    assert [step for step, _ in points(read(second.directory), "train/loss")] == [7, 14]


def test_a_run_is_known_by_any_path_to_it(story, read, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = story()
    run.start()
    run.directory = run.directory.relative_to(tmp_path)
    run.steps(5)
    assert [step for step, _ in points(read(run.directory), "train/loss")] == [5]


def test_a_record_is_there_as_soon_as_it_is_heard(story, read):
    run = story()
    run.start()
    for step in (5, 10):
        run.steps(step)
        assert [found for found, _ in points(read(run.directory), "train/loss")][-1] == step


def test_what_is_not_known_and_what_has_not_started_is_passed_over(story):
    run = story()
    run.steps(5)
    assert not run.directory.exists()
    run.start()
    run("celebrated", 5)


def test_a_checkpoint_waits_for_the_disk(story, monkeypatch):
    run, synced = story(), []
    monkeypatch.setattr(os, "fsync", synced.append)
    run.start()
    run.steps(5)
    assert synced == []
    run("checkpoint", 5, path="checkpoints/step-00000005")
    assert len(synced) == 1


def test_names_of_files_are_numbers_in_order(story):
    run = story()
    for _ in range(3):
        run.start()
    names = sorted(path.name for path in (run.directory / logger.FOLDER).iterdir())
    assert names == [f"events.out.tfevents.{number:010d}" for number in (1, 2, 3)]


def test_a_record_that_does_not_fit_is_an_error_and_ends_it(story):
    run = story()
    run.start()
    file = logger._open[run.directory]

    class Full:
        def write(self, data: bytes) -> int:
            return len(data) // 2

        def close(self) -> None:
            pass

    file.close()
    file._file = Full()  # type: ignore[assignment]
    with pytest.raises(OSError, match="the disk may be full"):
        run.steps(5)
    assert logger._open == {}


def test_a_folder_that_cannot_be_made_is_an_error(story, tmp_path):
    run = story()
    run.directory.write_text("a file")
    with pytest.raises(OSError, match="run"):
        run.start()
    with pytest.raises(OSError, match="run"):
        EventFile(run.directory / "deeper", 0)
