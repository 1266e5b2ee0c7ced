"""A process that ends for another's sake says why, once."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import torch.distributed as distributed

from si_core.contract.left_words import LeftWords
from si_core.contract.processes import LostProcess, Processes


@pytest.fixture
def store():
    """Where words are left, of a group of one process."""
    words = distributed.HashStore()
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield words
    distributed.destroy_process_group()


def interrupted(processes):
    with processes.failing_together(), processes.signals_explained():
        raise KeyboardInterrupt


@pytest.mark.fault(58)
def test_a_signal_is_told_as_what_it_was_sent_for(store):
    processes = Processes(0, 1, torch.device("cpu"), store)
    with pytest.raises(KeyboardInterrupt):
        interrupted(processes)
    assert LeftWords(store).leave("process 1 of 2: it broke")
    with pytest.raises(LostProcess, match="process 1 of 2: it broke") as caught:
        interrupted(processes)
    assert caught.value.told


@pytest.mark.fault(58)
def test_a_process_that_is_gone_without_a_word_is_named_where_a_signal_comes(store):
    processes = Processes(0, 1, torch.device("cpu"), store)
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    host, own = processes._places[0]
    processes._places, processes._names = [(host, own), (host, ended.pid)], ["process 0", "process 1"]
    with pytest.raises(LostProcess, match="process 1: gone") as caught:
        interrupted(processes)
    assert not caught.value.told


def test_of_equal_words_the_first_are_told(store):
    words = LeftWords(store)
    assert [words.leave("process 2 is gone") for _ in range(3)] == [True, False, False]
