"""What a real kernel shows of a fit: one line of progress, a figure, the facts; each once."""

from __future__ import annotations

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")

FIT = """
import matplotlib.pyplot as plt
import numpy as np
import si_core as si

X = np.random.default_rng(0).normal(size=(200, 2))
model = si.fit(X, steps=5, network={"use": "mlp", "width": 8, "depth": 1}, sample={"batch": 64})
"""


@pytest.mark.slow
def test_progress_is_one_line_and_figures_are_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    cells = [nbformat.v4.new_code_cell(text) for text in (FIT, "model.plot(10)", "model")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120).execute()
    (line,), (figure,), (shown,) = (cell.outputs for cell in cells)
    assert line.data["text/plain"].startswith("5 steps in ")
    assert set(figure.data) == {"text/plain", "image/png"}
    assert "data:image/png;base64," in shown.data["text/html"]
    assert "Fitted to 180 rows" in shown.data["text/plain"]
