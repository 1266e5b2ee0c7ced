"""What goes wrong is said in the words of the call, with what to type next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import si_core as si


def refusal(call: Any) -> str:
    """The words of the error of a call."""
    with pytest.raises(si.SIError) as caught:
        call()
    return str(caught.value)


def test_rows_that_cannot_be_learned_are_refused_in_words_of_the_call(quick, table) -> None:
    constant, lacking = table.copy(), table.copy()
    constant[:, 1] = 3
    lacking[3, 1] = np.nan
    said = refusal(lambda: quick(constant))
    assert "names=" in said
    assert "X[:, " in said
    assert "standardise=False" in said
    for call in (lambda: quick(lacking), lambda: quick(table, source=lacking)):
        said = refusal(call)
        assert 'missing="drop"' in said
        assert "file" not in said
    assert refusal(lambda: quick(table, source=lacking)).startswith("source")
    for rows, held in ((1, 0.1), (1, 0), (2, 0.1)):
        assert "give more rows" in refusal(lambda rows=rows, held=held: quick(table[:rows], held_out=held))
    assert quick(table[:2], held_out=0).sample(3).shape == (3, 2)


def test_data_of_a_saved_model_are_given_and_not_put_back(quick, table, tmp_path: Path) -> None:
    quick(table).save(tmp_path / "m")
    loaded = si.load_model(tmp_path / "m")
    said = refusal(lambda: loaded.estimate("energy-distance"))
    assert "give points: data=..." in said
    assert "back" not in said
    assert np.isfinite(loaded.estimate("energy-distance", table).value)


def test_a_picture_shows_data_of_the_class_and_numbers_as_they_are(quick) -> None:
    pytest.importorskip("matplotlib")
    kinds = np.arange(200) % 2
    counts = np.where(kinds == 0, 0, 1000)[:, None] + np.random.default_rng(0).integers(0, 5, (200, 2))
    fitted = quick(counts, condition={"kind": kinds})
    panels = fitted.plot(50, {"kind": 1}).axes
    assert len(panels) == 1  # five steps leave one record, which is no curve
    data, samples = (np.asarray(panels[0].collections[i].get_offsets()) for i in (0, 1))
    assert data.min() >= 1000
    np.testing.assert_array_equal(samples, np.rint(samples))
    valued = quick(counts, condition={"dose": np.linspace(0, 1, 200)})
    assert len(valued.plot(50, {"dose": 0.5}).axes[0].collections) == 1


class Loader:
    """What gives batches and holds no array."""

    def __iter__(self) -> Any:
        return iter(())


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda X: {"a": X[:, 0], "b": X[:, 1]}, ["pandas.DataFrame(X)", "numpy.column_stack"]),
        (lambda X: "x.csv", ['si.fit({"use": "array", "path": "x.csv"})', "pandas.read_csv"]),
        (lambda X: Path("data") / "x.npy", ['"path": "data/x.npy"', "numpy.load"]),
        (lambda X: X.astype(str), ["text", ".astype(float)"]),
        (lambda X: [[1, 2], [3, 4], [5]], ["row 2", "1", "2"]),
        (lambda X: [[1, 2], 3], ["row 1"]),
        (lambda X: Loader(), ["numpy.concatenate", "X(n, generator)"]),
        (lambda X: (row for row in X), ["list(X)", "X(n, generator)"]),
    ],
    ids=["columns", "csv", "path", "text", "ragged", "number", "loader", "generator"],
)
def test_what_is_no_array_is_refused_with_what_would_be_one(quick, table, made: Any, words: list[str]) -> None:
    said = refusal(lambda: quick(made(table)))
    assert not [word for word in words if word not in said], said


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("stpes", "steps"), ("n_steps", "steps"), ("epochs", "steps"), ("conditon", "condition"), ("latnet", "latent")],
)
def test_an_unknown_keyword_is_told_the_near_one(quick, table, wrong: str, meant: str) -> None:
    said = refusal(lambda: quick(table, **{wrong: 3}))
    assert f"keyword argument '{wrong}'" in said
    assert f"fix: {meant}=" in said
    assert "held_out" in said
    assert "override" not in said
