"""Numbers 18, 53: nothing that is written into a run's folder goes where a link leads; the folder may be one."""

from __future__ import annotations

import os

import pytest

from si_core.errors import StorageError
from si_core.runs.log import RunLog
from si_core.storage.checkpoint import newest_verified, save_checkpoint
from si_core.storage.lock import RunLock
from si_core.storage.metrics import MetricsWriter
from si_core.storage.own_files import make_own_folder

RESUME = ("run", "r.yaml", "--out", "run", "--resume")
TEXT = "whatever is dear to somebody\n"


@pytest.fixture
def victim(tmp_path):
    """A file elsewhere that must stay as it is."""
    path = tmp_path / "victim"
    path.write_text(TEXT)
    yield path
    assert path.read_text() == TEXT


class Heard:
    """A console that remembers warnings."""

    def __init__(self):
        self.warnings = []

    def line(self, text):
        """Say one event."""

    def warn(self, text):
        """Say something the user should look at."""
        self.warnings.append(text)

    def progress(self, step, steps, text=""):
        """Show progress."""


def _lock(path):
    with RunLock(path):
        pass


def _metrics(path):
    with MetricsWriter(path) as metrics:
        metrics.truncate_to(0)


@pytest.mark.fault(18)
@pytest.mark.parametrize("write", [_lock, _metrics])
@pytest.mark.parametrize("kind", ["link", "dangling", "pipe"])
def test_18_a_lock_or_metrics_that_lead_elsewhere_are_refused(tmp_path, victim, write, kind):
    place = tmp_path / "place"
    if kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(victim if kind == "link" else tmp_path / "nowhere")
    with pytest.raises(StorageError, match="what stands in its place is not followed"):
        write(place)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.fault(18)
def test_18_a_log_that_leads_elsewhere_is_a_warning(tmp_path, victim):
    (tmp_path / "log.txt").symlink_to(victim)
    heard = Heard()
    log = RunLog(tmp_path / "log.txt", heard)
    log.line("said")
    (warning,) = heard.warnings
    assert "a symbolic link to" in warning


@pytest.mark.fault(18)
def test_18_a_folder_of_checkpoints_that_leads_elsewhere(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    stranger = elsewhere / "step-00000001.tmp-0123456789ab"
    stranger.mkdir(parents=True)
    (tmp_path / "checkpoints").symlink_to(elsewhere)
    for use in (lambda path: save_checkpoint(path, 1, {}, {}), lambda path: newest_verified(path, print)):
        with pytest.raises(StorageError, match="not followed"):
            use(tmp_path / "checkpoints")
    assert newest_verified(tmp_path / "checkpoints", print, tidy=False) is None  # a reader changes nothing
    assert list(elsewhere.iterdir()) == [stranger]


@pytest.mark.fault(18)
def test_18_the_folder_of_plots(tmp_path):
    (tmp_path / "plots").symlink_to(tmp_path)
    with pytest.raises(StorageError, match="not followed"):
        make_own_folder(tmp_path / "plots")


def test_53_a_run_whose_every_file_is_a_link(si, run, tmp_path, victim, finished, results):
    """Files that are replaced as a whole take the place of links; what is appended to is refused where one is."""
    (run / "samples.npy").unlink()
    names = ("samples.npy", "estimates.json", "model.safetensors", "STATUS.json", "SHA256SUMS")
    for name in names:
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(victim)
    for name, code in ((".lock", 4), ("metrics.jsonl", 4)):
        kept = (run / name).read_bytes()
        (run / name).unlink()
        (run / name).symlink_to(victim)
        done = si(*RESUME)
        assert done.code == code
        assert f"run/{name}: what stands in its place is not followed" in done.err
        (run / name).unlink()
        (run / name).write_bytes(kept)
    assert si(*RESUME).code == 0
    assert not [path for path in run.rglob("*") if path.is_symlink()]
    assert results(run) == results(finished)
