"""The law of x0 given x1 is the Gaussian that the coupling states, and only what is seen tells of x1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import si_core as si

EVENT, N, SIGMA = (1, 4, 4), 4000, 0.7
SHIFT, SCALE = 100.0, 25.0


class Pixels(si.Distribution):
    """Some pictures again and again, in bytes."""

    shape = EVENT

    @property
    def frame(self) -> si.Frame:
        return si.Frame(EVENT, torch.tensor(SHIFT), torch.tensor(SCALE))

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        own = torch.randn(5, *EVENT, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        return own[torch.arange(n) % 5]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def matrix_of(operator: Any) -> np.ndarray:
    """A, (m, 16), column by column."""
    return operator.apply(torch.eye(16, dtype=torch.float64).reshape(16, *EVENT)).flatten(1).T.numpy()


@pytest.mark.parametrize("noise", ["everywhere", "unseen"])
@pytest.mark.parametrize("operator", ["mask", "downsample", "matrix"])
def test_mean_and_covariance_of_x0_given_x1(operator: str, noise: str, tmp_path: Path) -> None:
    """Mean A^+ A x1, covariance sigma^2 or sigma^2 (1 - A^+ A): projections, whose pseudoinverses numpy has."""
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(6, 16)))
    options = {"path": str(tmp_path / "a.npy")} if operator == "matrix" else {}
    coupling = si.build("coupling", "corrupted", operator={"use": operator, **options}, noise=noise, sigma=SIGMA)
    target = Pixels()
    pairs = coupling.draw(None, target, 5 * N, seeded())
    a = matrix_of(coupling.operator)
    seen = np.linalg.pinv(a) @ a
    x1, x0 = (x.reshape(N, 5, 16).numpy() for x in (pairs.x1, pairs.x0))
    np.testing.assert_allclose(x0.mean(0), x1[0] @ seen.T, atol=5 * SIGMA / N**0.5)
    noises = (x0 - x1 @ seen.T).reshape(-1, 16)
    covariance = SIGMA**2 * (np.eye(16) - (seen if noise == "unseen" else 0))
    np.testing.assert_allclose(noises.T @ noises / len(noises), covariance, atol=6 * SIGMA**2 / len(noises) ** 0.5)
    if noise == "unseen":  # A x0 = A x1: what was measured is there at every time of a straight path
        np.testing.assert_allclose(x0 @ a.T, x1 @ a.T, atol=1e-9)


def test_the_condition_is_in_the_units_of_the_data() -> None:
    coupling = si.build("coupling", "corrupted", operator="downsample")
    pairs = coupling.draw(None, Pixels(), 8, seeded())
    expected = torch.nn.functional.avg_pool2d(SHIFT + SCALE * pairs.x1, 2)
    torch.testing.assert_close(pairs.condition["corrupted"], expected)
    spec = coupling.conditions_of(Pixels())["corrupted"]
    assert (spec.shape, spec.mean, spec.scale) == ((1, 2, 2), SHIFT, SCALE)


@pytest.mark.parametrize("hidden", ["box", "random-box", "pixels", "columns"])
def test_what_is_hidden_changes_nothing(hidden: str) -> None:
    """Two pictures that agree where they are seen have the same conditions and, by equal noise, the same x0."""
    coupling = si.build("coupling", "corrupted", operator={"use": "mask", "hidden": hidden, "fraction": 0.4})
    target, x1 = Pixels(), Pixels().sample(6)
    pairs = coupling.pairs_of(None, target, x1, None, seeded())
    seen = (pairs.condition["mask"] if coupling.operator.random else coupling.operator._fixed(EVENT)).bool()
    assert seen.unique().numel() == 2
    other = coupling.pairs_of(None, target, torch.where(seen, x1, x1 + 9.0), None, seeded())
    for one, two in ((pairs.x0, other.x0), (pairs.condition["corrupted"], other.condition["corrupted"])):
        assert torch.equal(one, two)
    # Given with anything where nothing is seen, initial states are the same too.
    given = {name: values.clone() for name, values in pairs.condition.items()}
    given["corrupted"] = torch.where(seen, given["corrupted"], 77.0)
    x0, told = coupling.start_from(target, given, seeded(1))
    again, _ = coupling.start_from(target, pairs.condition, seeded(1))
    assert torch.equal(x0, again)
    torch.testing.assert_close(told["corrupted"], pairs.condition["corrupted"])


def test_fractions_of_masks() -> None:
    """Pixels and columns are hidden with the probability that is asked for, boxes cover it to the nearest pixel."""
    for hidden, fraction in (("pixels", 0.3), ("columns", 0.6), ("random-box", 0.25)):
        operator = si.build("operator", "mask", hidden=hidden, fraction=fraction)
        seen = operator.drawn(4000, (3, 8, 8), seeded()).values()["mask"]
        assert seen.shape == (4000, 1, 8, 8)
        error = 0.0 if hidden == "random-box" else 5 * 0.5 / (4000 * (64 if hidden == "pixels" else 8)) ** 0.5
        assert abs(float((1 - seen).mean()) - fraction) <= error + 1e-9
        if hidden == "columns":
            assert bool((seen == seen[:, :, :1]).all())
        if hidden == "random-box":  # each of the 25 places of a box of 4 x 4 has its share
            corners = (1 - seen).flatten(1).argmax(1)
            counts = corners.bincount(minlength=64)
            assert int((counts > 0).sum()) == 25
            assert float((counts[counts > 0] - 160).abs().max()) < 5 * 160**0.5


def test_blur_is_a_convolution() -> None:
    """Periodic blur multiplies Fourier modes by the transform of its weights; both boundaries keep constants."""
    x = torch.randn(2, 1, 16, 16, generator=seeded(), dtype=torch.float64)
    periodic = si.build("operator", "blur", width=1.3, boundary="periodic").apply(x)
    transfer = torch.fft.fft2(periodic) / torch.fft.fft2(x)
    frequencies = 2 * torch.pi * torch.fft.fftfreq(16, dtype=torch.float64)
    gaussian = torch.exp(-0.5 * (1.3 * frequencies).square())
    torch.testing.assert_close(transfer.real, (gaussian[:, None] * gaussian).expand_as(x), atol=3e-3, rtol=0)
    torch.testing.assert_close(transfer.imag, torch.zeros_like(x), atol=1e-9, rtol=0)
    for boundary in ("reflect", "periodic"):
        operator = si.build("operator", "blur", width=5.0, boundary=boundary)
        torch.testing.assert_close(operator.apply(torch.ones_like(x)), torch.ones_like(x))


def test_a_right_angle_turns_pictures_exactly() -> None:
    x = torch.randn(2, 3, 5, 5, generator=seeded(), dtype=torch.float64)
    for turns in (1, 2, -1):
        turned = si.build("operator", "rotate", angle=90.0 * turns).apply(x)
        torch.testing.assert_close(turned, x.rot90(turns, (-2, -1)))
    with pytest.raises(si.UsageError, match="turned"):
        si.build("operator", "rotate").out_shape((4,))


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("coupling/corrupted", {"operator": "blur", "sigma": 0.0}, "sigma"),
    ("coupling/corrupted", {"operator": "blur", "noise": "unseen"}, "does not see"),
    ("coupling/corrupted", {"operator": "blurred"}, "blur"),
    ("operator/downsample", {"factor": 1}, "factor"),
    ("operator/blur", {"width": -1.0}, "width"),
    ("operator/mask", {"hidden": "given"}, "path: mask.npy"),
    ("operator/mask", {"fraction": 1.5}, "fraction"),
    ("operator/mask", {"hidden": "given", "path": "tenths.npy"}, "1 where entries are seen"),
    ("operator/mask", {"hidden": "given", "path": "none.npy"}, "no such file"),
    ("operator/matrix", {"path": "tenths.npy"}, "no matrix"),
]


@pytest.mark.parametrize(("name", "options", "words"), REFUSED, ids=[f"{a}-{c}" for a, _, c in REFUSED])
def test_wrong_options_are_refused(
    name: str, options: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("tenths.npy", np.full(5, 0.1))
    with pytest.raises(si.SIError, match=words):
        si.build(*name.split("/"), **options)


def test_operators_for_other_events_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "mask.npy", np.ones((3, 4)))
    np.save(tmp_path / "a.npy", np.ones((3, 5)))
    cases: list[dict[str, Any]] = [
        {"use": "downsample", "factor": 3},
        {"use": "mask", "hidden": "given", "path": str(tmp_path / "mask.npy")},
        {"use": "matrix", "path": str(tmp_path / "a.npy")},
    ]
    for options in cases:
        coupling = si.build("coupling", "corrupted", operator=options)
        path, latent = si.build("interpolant", "linear"), si.build("latent", "none")
        with pytest.raises(si.UsageError, match=r"divide|another shape|other events") as error:
            si.StochasticInterpolant(path, latent, coupling, None, Pixels())
        assert error.value.allowed
    random = si.build("operator", "mask", hidden="pixels")
    with pytest.raises(si.UsageError, match="mask of its own"):
        random.apply(Pixels().sample(2))
    with pytest.raises(si.UsageError, match="1 where entries are seen"):
        random.of_values({"mask": torch.full((2, 1, 4, 4), 0.5)})
