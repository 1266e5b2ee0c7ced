"""A stranger's reader: data files of another suffix are read wherever data stand, by its rules alone."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import si_core as si
from si_core.discovery.plugins import reset

pytest.importorskip("si_distributions")

from si_distributions.datasets.array import Array
from si_distributions.datasets.shards import Shards
from si_distributions.files.reader_checks import ReaderChecks

MODULE = '''\
import numpy as np

from si_core import Component, DataError, UsageError, hookimpl
from si_distributions.files.contents import Contents, choose_columns
from si_distributions.files.reader import Reader


@hookimpl
def si_components():
    return [Component("reader", "f64", "fake_f64:F64", "doubles, a pair a row")]


class F64(Reader):
    """Rows of two doubles."""

    def read(self, path, chosen, where):
        data = path.read_bytes()
        if len(data) % 16 or not data:
            raise DataError("the file is cut short", where=where)
        if chosen.key is not None or chosen.label is not None:
            raise UsageError("pairs have no keys and no labels", where=where)
        rows = np.frombuffer(data).reshape(-1, 2)
        columns, _ = choose_columns(["a", "b"], chosen.columns, None, where, chosen.conditions)
        return Contents(rows[:, columns], names=tuple("ab"[i] for i in columns))

    def names(self, path, where):
        return ("a", "b")

    def write(self, path, values):
        if values.shape[1:] != (2,) or values.dtype != np.float64:
            raise UsageError("pairs alone", where=str(path))
        path.write_bytes(values.tobytes())
'''
ROWS = np.random.default_rng(0).normal(size=(30, 2))


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The stranger's distribution is installed."""
    info = tmp_path / "site/si_f64-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: si-f64\nVersion: 1.0\nRequires-Dist: si-core>=0.2,<0.3\n"
    )
    (info / "entry_points.txt").write_text("[si_core.plugins]\nf64 = fake_f64\n")
    (tmp_path / "site/fake_f64.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delenv("SI_PLUGINS", raising=False)
    reset()
    yield
    sys.modules.pop("fake_f64", None)


@pytest.fixture(autouse=True, scope="module")
def as_before():
    """Afterwards nothing of it is known."""
    yield
    reset()


def test_it_is_read_by_arrays_and_in_parts(tmp_path):
    (tmp_path / "all.f64").write_bytes(ROWS.tobytes())
    law = Array(str(tmp_path / "all.f64"), columns=["b", "a"], standardise=False, held_out=0.0, dtype="float64")
    assert torch.equal(law.rows(torch.arange(30))[0], torch.from_numpy(ROWS[:, ::-1].copy()))
    assert Array.columns_of(str(tmp_path / "all.f64")) == ("a", "b")
    (tmp_path / "parts").mkdir()
    for part in range(2):
        (tmp_path / f"parts/{part}.f64").write_bytes(ROWS[15 * part : 15 * part + 15].tobytes())
    parts = Shards(str(tmp_path / "parts"), standardise=False, held_out=0.0, dtype="float64")
    assert torch.equal(parts.rows(torch.arange(30))[0], torch.from_numpy(ROWS))


def test_faults_are_told_as_of_any_file(tmp_path):
    (tmp_path / "empty.f64").write_bytes(b"")
    (tmp_path / "cut.f64").write_bytes(ROWS.tobytes()[:-3])
    for name, message in (("empty", "the file is empty"), ("cut", "cut short"), ("gone", "no such file")):
        with pytest.raises(si.DataError, match=message):
            Array(str(tmp_path / f"{name}.f64"))
    with pytest.raises(si.DataError, match=r"unknown file format\n.*\.f64"):
        Array(str(tmp_path / "all.f65"))


def test_a_wrong_reader_is_found():
    import fake_f64

    class Reversed(fake_f64.F64):
        def read(self, path, chosen, where):
            found = super().read(path, chosen, where)
            return type(found)(found.values[::-1], names=found.names)

    from si_authoring.testing import check_component

    assert {each.state for each in check_component("reader", fake_f64.F64()) if each.check == "same-numbers"} == {
        "holds"
    }
    found = {each.check: each.state for each in check_component("reader", Reversed())}
    assert found["same-numbers"] != "holds"
    assert ReaderChecks.kind == "reader"
