"""Tests side by side (``pytest -n auto``): a worker keeps to one thread, or the workers would wait for each other's."""

import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def small_blocks():
    """Samples in blocks of 256: most tests draw fewer, and a block is integrated whole however few are kept."""
    from si_core.models import blocks

    before, blocks.BLOCK = blocks.BLOCK, 256
    yield
    blocks.BLOCK = before
