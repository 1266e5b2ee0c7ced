"""A recipe that is trained along one schedule and sampled along another; and what a schedule's ends do to sampling."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("si_interpolants")
import si_core as si
from si_core.models.assembly import assemble
from si_core.runs.same_process import fingerprint_tensors, sampling_change, split_fingerprint, split_sampling

TEXT = """
source: {use: gaussian, dim: 2}
target: {use: gaussian-mixture, weights: [0.5, 0.5], means: [[1.5, 0.0], [-1.5, 0.5]], covariances: [0.1, 0.1]}
objectives: [velocity]
network: {use: mlp, width: 32, depth: 2}
train: {steps: 150, batch: 256, optimizer: {use: adam, lr: 4e-3}}
sample: {integrator: {use: rk4, steps: 60}}
"""


def test_the_ode_of_another_schedule_has_the_same_map(recipe) -> None:
    """The same networks, the same start, the same end: only the way between is another."""
    trained = si.train(recipe(TEXT))
    other = si.train(recipe(TEXT, "sample.interpolant=trigonometric"))
    assert type(other.process.interpolant).__name__ == "Trigonometric"
    assert other.dtype == trained.dtype
    x = trained.process.source.sample(200, torch.Generator().manual_seed(0))
    ends = [m.sample(200, torch.Generator(), start_from=x).final for m in (trained, other)]
    # RK4 with 60 steps in single precision, of a small smooth network.
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=2e-3)


def test_only_one_sided_processes_have_other_schedules(recipe) -> None:
    with pytest.raises(si.RecipeError, match=r"sample\.interpolant=trigonometric'.*one-sided"):
        si.train(recipe(TEXT, "sample.interpolant=trigonometric", "source=two-moons"))


def warnings_of(recipe: si.Recipe, out: Path) -> list[str]:
    """What a run warns of."""
    from si_core.runs.pipeline import start_run

    warned: list[str] = []

    class Heard:
        def warn(self, text: str) -> None:
            warned.append(text)

        def line(self, text: str) -> None: ...

        def progress(self, step: int, steps: int, text: str = "") -> None: ...

    start_run(recipe, console=Heard(), out=out)
    return warned


TWO_SIDED = ("source=two-moons", "objectives=[velocity, denoiser]", "train.steps=2", "report=false")
SAMPLED = "number: 10, epsilon: 0.5, integrator: {use: euler-maruyama, steps: 4}"


def test_a_run_says_where_its_drift_is_frozen(recipe, tmp_path) -> None:
    """Where that was asked for: else it is refused before training, with what would help."""
    unbounded = (TEXT, *TWO_SIDED, "latent=quadratic")
    with pytest.raises(si.RecipeError, match=r"grow without bound at t = 0 and t = 1[\s\S]*`epsilon: gamma`"):
        si.train(recipe(*unbounded, f"sample={{{SAMPLED}}}"))
    told = warnings_of(recipe(*unbounded, f"sample={{{SAMPLED}, freeze: true}}"), tmp_path / "run")
    (said,) = [text for text in told if "grow without bound at t = 0 and t = 1" in text]
    assert "as `freeze` asks, they are frozen" in said
    assert "biases samples" in said


@pytest.mark.parametrize(
    ("clock", "ends"),
    [
        ("auto", None),
        ("{use: sine}", None),
        ("uniform", "t = 0 and t = 1"),
        ("{use: uniform}", "t = 0 and t = 1"),
        ("{use: sine, start: false}", "t = 0"),
        ("{use: sine, stop: false}", "t = 1"),
    ],
)
def test_a_run_says_where_its_clock_is_too_fast_for_the_process(recipe, tmp_path, clock, ends) -> None:
    parts = (TEXT, *TWO_SIDED, "latent=brownian")
    if ends is not None:
        with pytest.raises(si.RecipeError, match=rf"grow without bound at {ends}, [\s\S]*`clock: auto`"):
            si.train(recipe(*parts, f"sample={{{SAMPLED}, clock: {clock}}}"))
    asked = recipe(*parts, f"sample={{{SAMPLED}, clock: {clock}, freeze: true}}")
    told = [text for text in warnings_of(asked, tmp_path / "run") if "without bound" in text]
    assert len(told) == (ends is not None)
    for text in told:
        assert f"grow without bound at {ends};" in text
        assert "biases samples" in text


def test_another_version_of_what_is_sampled_along_is_told(recipe) -> None:
    """The same choice with other numbers is told, and no other choice: a recipe may be sampled along what it likes."""
    along = "sample.interpolant={use: trigonometric}"
    before = assemble(recipe(TEXT, along))
    _, rest = split_fingerprint(fingerprint_tensors(before.recipe, before.process, before.sampler.process))
    kept, others = split_sampling(rest)
    assert kept
    assert not others
    assert not sampling_change(kept, assemble(recipe(TEXT, along)))
    linear = assemble(recipe(TEXT, "sample.interpolant=linear"))
    assert not sampling_change(kept, linear)
    assert not sampling_change(kept, assemble(recipe(TEXT)))
    changed = replace(before, sampler=replace(before.sampler, process=linear.sampler.process))
    assert "alpha" in sampling_change(kept, changed)
