"""Tests side by side (``pytest -n auto``): a worker keeps to one thread, or the workers would wait for each other's."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect without the collector of garbage, and leave to it afterwards only what tests make.

    Twenty thousand tests are a million objects that live as long as the session. Walking them took a quarter of the
    collection, and half a second of every full round later.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def small_blocks():
    """Samples in blocks of 256: most tests draw fewer, and a block is integrated whole however few are kept."""
    from si_core.models import blocks

    before, blocks.BLOCK = blocks.BLOCK, 256
    yield
    blocks.BLOCK = before
