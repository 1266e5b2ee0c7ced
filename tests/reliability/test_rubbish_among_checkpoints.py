"""Numbers 43, 44, 52: what is named like a checkpoint and is none is set aside by name, and nothing is left behind."""

from __future__ import annotations

import warnings

import pytest
import torch

from si_core.storage.atomic import remove_temporaries
from si_core.storage.checkpoint import load_checkpoint, newest_verified, save_checkpoint

TENSORS = {"weights": {"w": torch.arange(3.0)}}


def _file(path):
    path.write_text("no checkpoint")


def _link(path):
    path.symlink_to(path.parent)


def _dangling(path):
    path.symlink_to(path.parent / "nowhere")


STRANGE = pytest.mark.parametrize("make", [_file, _link, _dangling])


@pytest.mark.fault(43)
@STRANGE
def test_43_it_is_set_aside_and_an_older_one_serves(tmp_path, make):
    good, told = save_checkpoint(tmp_path, 1, TENSORS, {}), []
    make(tmp_path / "step-00000002")
    assert newest_verified(tmp_path, told.append) == good
    assert sorted(path.name.rpartition("-")[0] for path in tmp_path.iterdir()) == ["damaged-step-00000002", "step"]
    assert any("step-00000002" in line and "damaged" in line for line in told)


@pytest.mark.fault(52)
@STRANGE
def test_52_a_save_in_its_place_leaves_no_rubbish(tmp_path, make):
    make(tmp_path / "step-00000002")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        path = save_checkpoint(tmp_path, 2, TENSORS, {})
    assert any("set aside as damaged-step-00000002-" in str(warning.message) for warning in told)
    assert load_checkpoint(path).step == 2
    assert newest_verified(tmp_path, print) == path
    assert sorted(each.name[:13] for each in tmp_path.iterdir()) == ["damaged-step-", "step-00000002"]


@pytest.mark.fault(44)
def test_44_what_a_kill_may_have_left_goes_be_it_file_or_folder_and_what_a_link_leads_to_stays(tmp_path):
    folder, kept = tmp_path / "run", tmp_path / "kept"
    kept.mkdir()
    (kept / "dear").write_text("")
    (folder / ".exported.tmp-0123456789ab" / "below").mkdir(parents=True)
    (folder / ".link.tmp-0123456789ab").symlink_to(kept)
    (folder / ".file.tmp-0123456789ab").write_text("")
    assert len(remove_temporaries(folder)) == 3
    assert list(folder.iterdir()) == []
    assert (kept / "dear").exists()
