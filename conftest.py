"""Tests side by side (``pytest -n auto``): a worker keeps to one thread, or the workers would wait for each other's."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
