"""si.fit is the recipe that a file would hold, on data in memory, and gives samples as the data came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import si_core as si


def yaml_of(target: str) -> str:
    return (
        "source: {use: gaussian, shape: [2]}\n"
        f"target: {target}\n"
        "network: {use: mlp, width: 16, depth: 2}\n"
        "train: {steps: 5, batch: 256, optimizer: {use: adam, lr: 2e-3}, schedule: {use: cosine, warmup: 50}}\n"
        "seed: 3\n"
    )


def test_the_digits_are_those_of_the_recipe_on_a_file(quick, table, tmp_path) -> None:
    np.save(tmp_path / "x.npy", table.astype(np.float32))
    (tmp_path / "r.yaml").write_text(yaml_of("{use: array, path: x.npy}"))
    theirs = si.sample(si.train(si.load_recipe(tmp_path / "r.yaml")), 300, seed=1)
    ours = quick(table.astype(np.float32), seed=3).sample(300, seed=1)
    np.testing.assert_array_equal(ours, theirs.numpy())


def test_the_digits_are_those_of_a_file_with_labels(quick, table, tmp_path) -> None:
    pandas = pytest.importorskip("pandas")
    species = np.array(["setosa", "virginica"])[np.arange(200) % 2]
    lines = ["a,b,species", *(f"{a!r},{b!r},{s}" for (a, b), s in zip(table.tolist(), species, strict=True))]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    (tmp_path / "r.yaml").write_text(yaml_of("{use: array, path: x.csv, label: species}"))
    model = si.train(si.load_recipe(tmp_path / "r.yaml"))
    theirs = si.sample(model, 50, condition={"species": "virginica"}).numpy()
    frame = pandas.DataFrame({"a": table[:, 0], "species": species, "b": table[:, 1]})
    fitted = quick(frame, condition="species", seed=3)
    np.testing.assert_array_equal(si.sample(fitted.model, 50, condition={"species": "virginica"}).numpy(), theirs)
    ours = fitted.sample(50, {"species": "virginica"})
    assert list(ours.columns) == ["a", "species", "b"]
    assert set(ours["species"]) == {"virginica"}
    # Theirs are decoded in single precision.
    np.testing.assert_allclose(ours[["a", "b"]].to_numpy(), theirs, rtol=2**-20)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("offset", [0.0, 1e7, -1.7e9])
def test_rows_come_back_from_model_space_in_their_units(quick, offset: float, dtype: str) -> None:
    spread = 1e5
    rows = (offset + spread * np.random.default_rng(0).normal(size=(50, 2))).astype(dtype)
    fitted = quick(rows, held_out=0, steps=0)
    target = fitted.model.process.target
    again = fitted.layout.back(target.decode(target.rows(torch.arange(50))[0].double()), {})
    assert again.dtype == rows.dtype
    # Model space is float32, of unit size: a few of its roundings, and one of the dtype of the data.
    rounding = 8 * 2**-24 * spread * 4 + (1 if dtype == "int64" else float(np.spacing(np.abs(rows).max())))
    assert np.abs(again.astype(np.float64) - rows.astype(np.float64)).max() <= rounding


def test_samples_know_their_units(quick, table) -> None:
    """Untrained fields of unit-variance data carry the standard normal to itself: moments of samples are the data's."""
    drawn = quick(table, steps=0).sample(4000)
    np.testing.assert_allclose(drawn.mean(0), table.mean(0), atol=5 * table.std(0).max() / np.sqrt(200))
    np.testing.assert_allclose(drawn.std(0), table.std(0), rtol=0.2)


@pytest.mark.parametrize(
    ("labels", "asked", "wrong"),
    [
        (np.array(["yes", "no"])[np.arange(200) % 2], "no", "maybe"),
        (1 + np.arange(200) % 3, 3, 0),
        (np.arange(200) % 2 == 0, True, "maybe"),
        (torch.arange(200) % 4 + 1, 4, 0),
        ([["a", "b", "c"][i % 3] for i in range(200)], "c", "d"),
    ],
    ids=["text", "1 to 3", "truth", "tensor", "list"],
)
def test_classes_are_called_as_people_call_them(quick, table, labels: Any, asked: Any, wrong: Any) -> None:
    fitted = quick(table, condition={"kind": labels})
    drawn, conditions = fitted.sample(6, {"kind": asked}, with_conditions=True)
    assert drawn.shape == (6, 2)
    assert set(conditions["kind"].tolist()) == {asked}
    assert type(conditions["kind"].tolist()[0]) is type(asked)
    _, mixed = fitted.sample(40, with_conditions=True)
    known = set(np.asarray(labels).tolist())
    assert set(mixed["kind"].tolist()) <= known
    assert fitted.log_prob(table[:3], {"kind": np.asarray(labels)[:3]}).shape == (3,)
    with pytest.raises(si.UsageError, match="no class"):
        fitted.sample(2, wrong)


def test_conditions_of_all_kinds_at_once(quick, table) -> None:
    given = {
        "kind": np.array(["a", "b"])[np.arange(200) % 2],
        "level": np.arange(200) % 3,
        "dose": np.linspace(0, 1, 200),
        "scan": np.random.default_rng(0).normal(size=(200, 3, 2)),
    }
    fitted = quick(table, condition=given)
    assert fitted.conditions == {"kind": ("a", "b"), "level": ("0", "1", "2"), "dose": None, "scan": None}
    one = {"kind": "a", "level": 2, "dose": 0.5, "scan": np.zeros((3, 2))}
    drawn, told = fitted.sample(4, one, with_conditions=True)
    assert drawn.shape == (4, 2)
    assert told["scan"].shape == (4, 3, 2)
    with pytest.raises(si.UsageError, match="'dose' is missing"):
        fitted.sample(2, {"kind": "a", "level": 2, "scan": np.zeros((3, 2))})


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"a": ["x"] * 199}, "one value for each row"),
        ({"a": "x"}, "no array|one value"),
        ("species", "no column 'species'"),
        ({"a": np.arange(200)}, "too many"),
        ({"a": [1, "x"] * 100}, "int, str"),
        ({"a": np.arange(200).astype("datetime64[D]")}, "times"),
    ],
)
def test_conditions_that_are_none_are_refused_in_words(quick, table, condition: Any, words: str) -> None:
    with pytest.raises(si.SIError, match=words):
        quick(table, condition=condition)


def test_columns_of_frames_are_found_by_name(quick, table) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": table[:, 0], "b": table[:, 1], "kind": ["x", "y"] * 100})
    fitted = quick(frame, condition=["kind"])
    other = frame[["kind", "b", "a"]].assign(more=1.0)
    np.testing.assert_array_equal(fitted.log_prob(frame[:5]), fitted.log_prob(other[:5]))
    np.testing.assert_array_equal(fitted.log_prob(table[:5], ["x", "y", "x", "y", "x"]), fitted.log_prob(frame[:5]))
    with pytest.raises(si.DataError, match="no column 'b'"):
        fitted.log_prob(frame[["a"]])
    assert fitted.estimate("energy-distance", frame).name == "energy-distance"


def test_densities_are_per_unit_of_the_data(quick, table) -> None:
    fitted, scaled = quick(table, steps=0), quick(1000 * table, steps=0)
    np.testing.assert_allclose(
        fitted.log_prob(table[:5]), scaled.log_prob(1000 * table[:5]) + 2 * np.log(1000), atol=1e-3
    )
    tensors = fitted.log_prob(torch.from_numpy(table[:5]))
    np.testing.assert_array_equal(tensors.numpy(), fitted.log_prob(table[:5]))


def test_two_ends_of_rows_are_in_common_units(quick, table) -> None:
    shifted = table + np.array([100.0, 1.0])
    fitted = quick(shifted, source=table, coupling="optimal-transport")
    frames = [getattr(fitted.model.process, end).frame for end in ("source", "target")]
    assert torch.equal(frames[0].shift, frames[1].shift)
    assert torch.equal(frames[0].scale, frames[1].scale)
    carried = fitted.sample(start=table[:7])
    assert carried.shape == (7, 2)
    assert fitted.sample(9).shape == (9, 2)
    with pytest.raises(si.DataError, match="one shape"):
        quick(table, source=table[:, :1])


@pytest.mark.parametrize("source", [None, "gaussian-by-object", "function"])
def test_endless_targets(quick, source: Any) -> None:
    def simulate(n: int, generator: torch.Generator) -> torch.Tensor:
        return 1e3 + 20 * torch.randn(n, 3, generator=generator)

    start = {
        "gaussian-by-object": si.build("distribution", "gaussian", dim=3),
        "function": lambda n, generator: torch.rand(n, 3, generator=generator).numpy(),
    }.get(source)
    drawn = quick(simulate, source=start).sample(50)
    assert drawn.shape == (50, 3)
    assert 900 < drawn.mean() < 1100
    assert quick(si.build("distribution", "two-moons")).sample(5).shape == (5, 2)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda n: torch.zeros(n, 2), "fails"),
        (lambda n, generator: torch.zeros(n + 1, 2), "other rows"),
        (lambda n, generator: torch.zeros(n, 2), "constant"),
        (lambda n, generator: torch.full((n, 2), torch.nan), "not finite"),
    ],
)
def test_functions_that_give_no_rows_are_refused_in_words(quick, function: Any, words: str) -> None:
    with pytest.raises(si.DataError, match=words):
        quick(function)


@pytest.mark.parametrize("shape", [(40,), (40, 1), (40, 8, 8), (40, 1, 8, 8), (40, 5, 4, 3)], ids=str)
def test_events_of_any_shape(quick, shape: tuple[int, ...]) -> None:
    rows = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    fitted = quick(rows)
    drawn = fitted.sample(3)
    assert drawn.shape == (3, *shape[1:])
    assert drawn.dtype == np.uint8
    assert fitted.plot(20).axes


def test_everything_of_a_recipe_can_be_said(quick, table) -> None:
    fitted = quick(
        table,
        latent="brownian",
        objectives=["velocity", "denoiser"],
        sample={"epsilon": 0.5},
        recipe={"train": {"batch": 32, "ema": None}, "title": "Mine"},
        steps=4,
    )
    assert (fitted.recipe.train.batch, fitted.recipe.train.steps, fitted.recipe.title) == (32, 4, "Mine")
    assert fitted.model.epsilon == 0.5
    with pytest.raises(si.UsageError, match="unknown keyword argument 'latnet'"):
        quick(table, latnet="brownian")
    with pytest.raises(si.RecipeError, match=r"train\.batch"):
        quick(table, train={"batch": 0})


def test_rows_that_lack_something(quick, table) -> None:
    table[3, 1] = np.nan
    with pytest.raises(si.DataError, match="missing or not finite"):
        quick(table)
    assert quick(table, missing="drop").sample(3).shape == (3, 2)


def test_a_fit_says_what_it_is(quick, table) -> None:
    pytest.importorskip("matplotlib")
    fitted = quick(table, names=["mass", "charge"])
    assert len(repr(fitted).splitlines()) == 3
    assert "180 rows of shape (2,) (mass, charge)" in repr(fitted)
    assert "data:image/png;base64," in fitted._repr_html_()
    assert fitted.history[-1]["step"] == 5


def test_nothing_global_is_touched(quick, table) -> None:
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    numpy_before = np.random.get_state()[1].tolist()
    quick(table)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.random.get_state()[1].tolist() == numpy_before
    assert (torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()) == (
        torch.float32,
        threads,
        True,
    )


@torch.no_grad()
def test_grad_mode_of_the_caller_is_no_matter(quick, table) -> None:
    drawn = quick(table).sample(3)
    with torch.enable_grad():
        np.testing.assert_array_equal(quick(table).sample(3), drawn)


def test_names_of_distributions_have_a_source_of_their_shape(quick) -> None:
    for target in ("two-moons", {"use": "gaussian", "dim": 3}):
        fitted = quick(target)
        assert fitted.model.process.source.standard_normal
        assert fitted.sample(4).shape == (4, *fitted.model.process.target.shape)


def test_numbers_of_numpy_count_and_seed(quick, table) -> None:
    fitted = quick(table, seed=np.int64(3))
    drawn = fitted.sample(np.int32(5), seed=np.int64(2**40))
    np.testing.assert_array_equal(drawn, quick(table, seed=3).sample(5, seed=2**40))
    for wrong in (1.5, "5", True):
        with pytest.raises(si.UsageError, match="whole number"):
            fitted.sample(wrong)
        with pytest.raises(si.UsageError, match="whole number"):
            fitted.sample(5, seed=wrong)


def test_columns_whose_names_are_numbers_come_back(quick, table) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({0: table[:, 0], 1: ["x", "y"] * 100, 2: table[:, 1]})
    drawn = quick(frame, condition={1: frame[1]}).sample(6, "y")
    assert list(drawn.columns) == [0, 1, 2]
    assert set(drawn[1]) == {"y"}
    with pytest.raises(si.DataError, match="named twice"):
        quick(frame, names=[0, 0])


def test_samples_of_double_precision_lie_on_no_grid_of_single(quick) -> None:
    rows = 1e7 + 1e5 * np.random.default_rng(0).normal(size=(100, 2))
    drawn = quick(rows).sample(200)
    assert (drawn != drawn.astype(np.float32)).mean() > 0.9


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_classes_of_columns_that_lack_some(quick, table, library: str) -> None:
    frames = pytest.importorskip(library)
    level = [None if i % 10 == 0 else 1 + i % 3 for i in range(200)]
    column = frames.array(level, dtype="Int64") if library == "pandas" else level
    frame = frames.DataFrame({"a": table[:, 0], "b": table[:, 1], "level": column})
    with pytest.raises(si.DataError, match="without a label"):
        quick(frame, condition="level")
    fitted = quick(frame, condition="level", missing="leave-out", train={"condition_dropout": 0.1})
    assert fitted.conditions == {"level": ("1", "2", "3")}
    assert set(fitted.sample(20, 3)["level"]) == {3}


def test_what_is_not_said_is_the_recipe_s(quick, table, tmp_path) -> None:
    (tmp_path / "r.yaml").write_text(
        "source: {use: gaussian, mean: 1.0}\ntarget: two-moons\nseed: 7\ntrain: {batch: 16, steps: 3}\n"
    )
    theirs = quick(table, recipe=tmp_path / "r.yaml", steps=None)
    assert (theirs.recipe.seed, theirs.recipe.train.batch, theirs.step) == (7, 16, 3)
    assert theirs.recipe.source.options == {"mean": 1.0}
    assert quick(table, recipe=tmp_path / "r.yaml", seed=0).recipe.seed == 0
    assert quick(table).recipe.seed == 0
    assert quick(
        table, coupling="mirror", latent="brownian", sample={"epsilon": 1.0}, objectives=["velocity", "denoiser"]
    )
    with pytest.raises(si.RecipeError, match="unknown coupling"):
        quick(table, coupling="miror")
    with pytest.raises(si.RecipeError, match=r"'network\.width'"):
        quick(table, network={"use": "mlp", "width": "wide"})


def test_the_library_s_functions_say_that_they_take_the_model_beneath(quick, table) -> None:
    fitted = quick(table)
    for call in (lambda model: si.sample(model, 3), lambda model: si.estimate(model, "energy-distance")):
        call(fitted.model)
        with pytest.raises(si.UsageError, match="its attribute `model`"):
            call(fitted)
        with pytest.raises(si.UsageError, match=r"si\.train"):
            call(3)
