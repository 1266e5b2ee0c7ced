"""The reader is what its interface says."""

from __future__ import annotations

import pytest

import si_core as si
from si_distributions.files.reader import Reader
from si_distributions.files.reader_checks import ReaderChecks

pytest.importorskip("anndata")


class TestH5ad(ReaderChecks):
    @pytest.fixture
    def component(self) -> Reader:
        return si.build("reader", "h5ad")
