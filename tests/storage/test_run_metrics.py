"""Metrics: an interrupted and resumed run leaves the same bytes."""

import os
import resource

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from si_core.errors import NumericsError, StorageError, UsageError
from si_core.storage.metrics import MetricsWriter, read_metrics


def record(step):
    return {"step": step, "loss": 1.0 / (step + 1), "by objective": {"velocity": [0.1 * step, 1e-300]}}


def write(path, steps):
    with MetricsWriter(path) as writer:
        for step in steps:
            writer.write(record(step))
            writer.write({"step": step, "note": "é"})


@pytest.mark.fault(48)
@given(stop=st.integers(0, 12), checkpoint=st.integers(0, 12), cut=st.integers(0, 40))
def test_resuming_gives_the_bytes_of_an_uninterrupted_run(tmp_path_factory, stop, checkpoint, cut):
    checkpoint = min(stop, checkpoint)
    folder = tmp_path_factory.mktemp("metrics")
    write(folder / "whole", range(1, 13))
    write(folder / "resumed", range(1, stop + 1))
    with open(folder / "resumed", "ab") as file:  # a kill in the middle of the next line
        file.write(b'{"step": 13, "loss": 0.07692307692307693'[:cut])
    with MetricsWriter(folder / "resumed") as writer:
        writer.truncate_to(checkpoint)
    write(folder / "resumed", range(checkpoint + 1, 13))
    assert (folder / "resumed").read_bytes() == (folder / "whole").read_bytes()


def test_a_record_is_visible_at_once_and_round_trips(tmp_path):
    with MetricsWriter(tmp_path / "m") as writer:
        writer.write(record(3))
        assert read_metrics(tmp_path / "m") == [record(3)]
        writer.sync()


def test_the_reader_leaves_out_an_unfinished_line_and_names_a_damaged_one(tmp_path):
    path = tmp_path / "m"
    path.write_text('{"step": 1}\n{"step": 2')
    assert read_metrics(path) == [{"step": 1}]
    path.write_text('{"step": 1}\n{"st\n{"step": 3}\n')
    for action in (read_metrics, MetricsWriter):
        with pytest.raises(StorageError, match="m:2: a damaged line"):
            action(path)
    path.write_text('{"loss": 1}\n')
    with pytest.raises(StorageError, match="without a step"):
        read_metrics(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1.0, float("-inf")], {"deep": [float("nan")]}])
def test_non_finite_numbers_are_refused_by_name(tmp_path, value):
    with MetricsWriter(tmp_path / "m") as writer:
        with pytest.raises(NumericsError, match="step 4") as caught:
            writer.write({"step": 4, "loss": value})
        assert "loss" in str(caught.value)
    assert (tmp_path / "m").read_bytes() == b""


@pytest.mark.parametrize(
    "bad", [{}, {"step": True}, {"step": 1.0}, {"step": 1, "x": torch.ones(())}, {"step": 1, 2: 3}]
)
def test_values_of_other_types_are_refused(tmp_path, bad):
    with MetricsWriter(tmp_path / "m") as writer, pytest.raises(UsageError):
        writer.write(bad)
    assert (tmp_path / "m").read_bytes() == b""


def test_a_full_disk_leaves_whole_lines(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with MetricsWriter(tmp_path / "m") as writer:
        writer.write({"step": 1})
        before = (tmp_path / "m").read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, hard))
        try:
            with pytest.raises(StorageError):
                writer.write({"step": 2, "text": "x" * 100})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert (tmp_path / "m").read_bytes() == before
        writer.write({"step": 2})
    assert [item["step"] for item in read_metrics(tmp_path / "m")] == [1, 2]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(StorageError):
        MetricsWriter(tmp_path / "gone" / "m")
    with pytest.raises(StorageError):
        read_metrics(tmp_path / "gone" / "m")
    assert not os.path.exists(tmp_path / "gone")
