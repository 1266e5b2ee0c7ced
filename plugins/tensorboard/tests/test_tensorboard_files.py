"""What a run's events become in TensorBoard's files, read back by TensorBoard."""

from __future__ import annotations

import pytest
from torch.utils.tensorboard import SummaryWriter

from si_core import StorageError
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
    logger._open.pop(run.directory)
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


def test_what_cannot_be_written_is_an_error_and_ends_it(story, monkeypatch):
    run = story()
    run.start()

    def full(self: SummaryWriter) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SummaryWriter, "flush", full)
    with pytest.raises(OSError, match="No space left"):
        run.steps(5)
    monkeypatch.undo()
    assert logger._open == {}


def test_pictures_are_shown_once_each(story, read):
    image = pytest.importorskip("PIL.Image")
    run = story()
    run.start()
    for folder, name in (("pictures", "step-00000005"), ("plots", "samples")):
        (run.directory / folder).mkdir()
        image.new("RGB", (4, 3), (255, 0, 0)).save(run.directory / folder / f"{name}.png")
        run.steps(5 if folder == "pictures" else 10)
    reader = read(run.directory)
    assert sorted(reader.Tags()["images"]) == ["pictures/step-00000005", "plots/samples"]
    for tag, step in (("pictures/step-00000005", 5), ("plots/samples", 10)):
        (shown,) = reader.Images(tag)
        assert (shown.step, shown.width, shown.height) == (step, 4, 3)


def test_a_folder_that_cannot_be_made_is_an_error(story, tmp_path):
    run = story()
    run.directory.write_text("a file")
    with pytest.raises((OSError, StorageError), match="run"):
        run.start()
    with pytest.raises((OSError, StorageError), match="run"):
        EventFile(run.directory / "deeper", 0)
