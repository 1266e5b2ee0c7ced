"""Preconditioning: ``field = c_skip x + c_out network``, with networks that output the exact remainder."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

import si_core as si
from si_core.process.coefficients import stack

pytest.importorskip("si_interpolants")
pytest.importorskip("si_distributions")

KINDS = {
    "two-sided, rough": ("linear", "brownian", "independent", False),
    "two-sided, smooth": ("trigonometric", "sine-squared", "independent", False),
    "two-sided, no latent": ("linear", "none", "independent", False),
    "one-sided, no latent": ("variance-preserving", "none", "independent", True),
    "one-sided, rough": ("linear", "brownian", "independent", True),
    "one-sided encoder-decoder": ("encoder-decoder", "encoder-decoder", "independent", True),
    "encoder-decoder": ("encoder-decoder", "encoder-decoder", "independent", False),
    "mirror": ("trigonometric", "brownian", "mirror", False),
}
GRID = torch.linspace(0.02, 0.98, 97, dtype=torch.float64)


def process_of(kind: str) -> si.StochasticInterpolant:
    interpolant, latent, coupling, one_sided = KINDS[kind]
    gamma = si.build("latent", latent)
    path = si.build("interpolant", interpolant, context={"latent": gamma})
    mean, covariance = ([0.0, 0.0], 1.0) if one_sided else ([-1.0, 0.5], 0.6)
    source = si.build("distribution", "gaussian", mean=mean, covariance=covariance)
    target = si.build(
        "distribution", "gaussian-mixture", weights=[0.4, 0.6], means=[[1.0, 1.5], [-1.2, 0.3]], covariances=[0.5, 0.9]
    )
    return si.StochasticInterpolant(path, gamma, si.build("coupling", coupling), source, target)


def fields_of(process: si.StochasticInterpolant) -> list[str]:
    return [name for name in si.FIELDS if process.structure.has(name)]


def remainder(process: si.StochasticInterpolant, name: str, u: Tensor) -> object:
    parametrisation = si.Parametrisation(process.clock, precondition=True)
    return parametrisation.remainder(process.structure, name, process.schedule(process.clock, u))


class ExactRemainder(nn.Module):
    """The network's own coefficients times the exact ``E[(x0, x1, z) | x]``."""

    def __init__(self, process: si.StochasticInterpolant, name: str) -> None:
        super().__init__()
        self.process, self.name, self.exact = process, name, si.exact_fields(process)

    def forward(self, position: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        s = self.process.schedule(self.process.clock, position)
        # At an end itself x may say all, and the coefficients are then the limit from inside.
        own = remainder(self.process, self.name, s.u.clamp(1e-7, 1 - 1e-7)).coefficients
        if not own.any():
            # So it may be at a single time inside, such as for the velocity in the middle of a mirror.
            own = remainder(self.process, self.name, s.u + 1e-7).coefficients
        etas = [self.exact.field(name, s, x) for name in ("source-denoiser", "target-denoiser")]
        etas.append(self.exact.field("denoiser", s, x) if self.process.structure.latent else torch.zeros_like(x))
        return sum(own[:, i, None] * eta for i, eta in enumerate(etas))


def learned(process: si.StochasticInterpolant, names: list[str]) -> si.LearnedFields:
    networks = [ExactRemainder(process, name) for name in names]
    return si.LearnedFields(process, names, si.Predictor(networks, len(names)), si.Parametrisation(process.clock, True))


def points(n: int = 12) -> Tensor:
    return 1.5 * torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def draw_at(process: si.StochasticInterpolant, u: Tensor) -> si.Draw:
    s = process.schedule(process.clock, u)
    ends = process.draw(len(u), torch.Generator().manual_seed(7))
    x0, x1, z = ends.x0.double(), ends.x1.double(), ends.z.double()
    return process.draw_of(s, x0, x1, z)


@pytest.mark.parametrize("kind", KINDS)
def test_the_split_of_a_field_is_whole(kind: str) -> None:
    """``field = c_skip x + c_out network`` up to what is zero; what it learns has length 1 and nothing of x."""
    process = process_of(kind)
    s = process.schedule(process.clock, GRID)
    xi, zeros = (
        stack(process.structure.position_coefficients(s), s),
        [stack(z, s) for z in process.structure.zero_combinations(s)],
    )
    for name in fields_of(process):
        split, whole = remainder(process, name, GRID), stack(process.coefficients(name, s), s)
        rest = whole - split.skip[:, None] * xi - split.out[:, None] * split.coefficients
        for zero in zeros:
            rest = rest - (rest * zero).sum(-1, keepdim=True) * zero
        assert float((rest.norm(dim=-1) / (1 + whole.norm(dim=-1))).max()) < 1e-12, name
        lengths = split.coefficients.norm(dim=-1)
        assert bool(((lengths - 1).abs().lt(1e-12) | (lengths.eq(0) & split.out.abs().lt(1e-14))).all()), name
        for direction in (xi, *zeros):
            # The position enters up to zero combinations: its part at right angles to them is what x says.
            part = direction
            for zero in zeros if direction is xi else ():
                part = part - (part * zero).sum(-1, keepdim=True) * zero
            assert float((split.coefficients * part).sum(-1).abs().max()) < 1e-9, name


@pytest.mark.parametrize("kind", ["one-sided, no latent", "one-sided, rough", "mirror"])
def test_all_fields_share_one_smooth_remainder(kind: str) -> None:
    process = process_of(kind)
    u = torch.linspace(0.001, 0.999, 512, dtype=torch.float64)
    found = {name: remainder(process, name, u).coefficients for name in fields_of(process)}
    shared = found["target-denoiser"]
    assert float(shared.diff(dim=0).norm(dim=-1).max()) < 0.05, "the direction turns round somewhere"
    for name, own in found.items():
        learning = own.norm(dim=-1) > 0
        assert bool(learning.float().mean() > 0.99), name
        torch.testing.assert_close(own[learning], shared[learning], rtol=0, atol=1e-9, msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_of_exact_remainders_are_the_exact_fields(kind: str) -> None:
    process = process_of(kind)
    names, exact = fields_of(process), si.exact_fields(process)
    draw = draw_at(process, torch.cat([GRID, torch.tensor([1e-3, 0.5, 0.999], dtype=torch.float64)]))
    for name, prediction in zip(names, learned(process, names).predictions(draw), strict=True):
        truth = exact.field(name, draw.schedule, draw.xt)
        torch.testing.assert_close(prediction, truth, rtol=1e-8, atol=1e-8, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("kind", KINDS)
def test_drifts_of_exact_remainders_are_the_exact_drifts(kind: str) -> None:
    """From every pair of fields and every single one that will do; up to the ends where weights are bounded."""
    process, x = process_of(kind), points()
    exact, names = si.exact_fields(process), fields_of(process)
    # Without a score there is no SDE, of exact fields either.
    levels = (0.0, 0.6) if process.structure.has("score") else (0.0,)
    sets = [list(c) for size in (1, 2) for c in itertools.combinations(names, size)]
    done, times = 0, (0.0, 0.02, 0.3, 0.5, 0.71, 0.98, 1.0)
    exact_drifts = {
        epsilon: {u: transport.drift(u, x) for u in times}
        for epsilon, transport in ((epsilon, si.Transport(exact, epsilon=epsilon)) for epsilon in levels)
    }
    # Pairs of an ODE and of an SDE in turn: weights of the drift are those of the velocity and of the score.
    tried = [
        (c, level) for k, c in enumerate(sets) for level in (levels if len(c) == 1 else levels[k % len(levels) :][:1])
    ]
    for chosen, epsilon in tried:
        try:
            transport = si.Transport(learned(process, chosen), epsilon=epsilon)
        except si.UsageError:
            continue
        done += 1
        low, high = transport.flow.unbounded
        for u in times:
            if (low and u == 0) or (high and u == 1):
                continue
            torch.testing.assert_close(
                transport.drift(u, x),
                exact_drifts[epsilon][u],
                rtol=1e-5,
                atol=1e-5,
                msg=lambda m, c=chosen, u=u: f"{c} {u}: {m}",
            )
    assert done >= 2


def test_what_x_says_alone_teaches_a_network_nothing() -> None:
    """In a linear mirror the interpolant velocity is 0: its network's output is arbitrary and must stay unused."""
    gamma, target = si.build("latent", "brownian"), si.build("distribution", "gaussian", mean=[1.0, 2.0])
    path, mirror = si.build("interpolant", "linear"), si.build("coupling", "mirror")
    process = si.StochasticInterpolant(path, gamma, mirror, None, target)
    split = remainder(process, "interpolant-velocity", GRID)
    assert float(split.out.abs().max()) < 1e-15
    assert not bool(split.coefficients.any())
    assert float(split.skip.abs().max()) < 1e-15
    with pytest.raises(si.UsageError, match="can't be had"):
        si.Transport(learned(process, ["interpolant-velocity"]))
    silent = si.StochasticInterpolant(path, si.build("latent", "none"), mirror, None, target)
    for name in ("source-denoiser", "target-denoiser"):
        split = remainder(silent, name, GRID)
        torch.testing.assert_close(split.skip, torch.ones_like(GRID))
        assert not bool(split.out.any())


def test_targets_of_unit_data_have_about_unit_variance() -> None:
    """``(target - c_skip x)/c_out`` for uncorrelated x0, x1, z of unit variance is what is learned: of length 1."""
    process = process_of("two-sided, rough")
    n = 4000
    generator = torch.Generator().manual_seed(0)
    x0, x1, z = (torch.randn(n, 2, generator=generator, dtype=torch.float64) for _ in range(3))
    for u in (0.01, 0.3, 0.6, 0.99):
        s = process.schedule(process.clock, torch.full((n,), u, dtype=torch.float64))
        draw = process.draw_of(s, x0, x1, z)
        for name in si.FIELDS:
            split = remainder(process, name, torch.tensor([u], dtype=torch.float64))
            scaled = (draw.target(name) - split.skip * draw.xt) / split.out
            # Five standard errors of the variance of 2n normals, and the same of its correlation with x.
            assert abs(float(scaled.var()) - 1) < 5 * (2 / (2 * n)) ** 0.5, name
            assert abs(float((scaled * draw.xt).mean())) < 5 * float(draw.xt.std()) / (2 * n) ** 0.5, name


def test_one_network_with_heads_and_one_network_each_predict_the_same() -> None:
    process, names = process_of("two-sided, rough"), ["velocity", "denoiser", "score"]

    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.ModuleList(ExactRemainder(process, name) for name in names)

        def forward(self, position: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
            return torch.stack([part(position, x) for part in self.parts], 1)

    shared = si.LearnedFields(process, names, si.Predictor([Heads()], 3), si.Parametrisation(process.clock, True))
    each, draw = learned(process, names), draw_at(process, GRID)
    for first, second in zip(shared.predictions(draw), each.predictions(draw), strict=True):
        assert torch.equal(first, second)
    ours, theirs = (si.Transport(fields, epsilon=0.5) for fields in (shared, each))
    assert torch.equal(ours.drift(0.3, points()), theirs.drift(0.3, points()))


def test_learned_fields_refuse_what_makes_no_sense() -> None:
    process = process_of("two-sided, no latent")
    with pytest.raises(si.UsageError, match="no score"):
        learned(process, ["velocity", "score"])
    with pytest.raises(si.UsageError, match="learned twice"):
        learned(process, ["velocity", "velocity"])
    with pytest.raises(si.UsageError, match="unknown field"):
        si.LearnedFields(process, ["drift"], si.Predictor([nn.Identity()], 1), si.Parametrisation(process.clock, True))
    with pytest.raises(si.UsageError, match="one network for all fields"):
        si.Predictor([nn.Identity(), nn.Identity()], 3)
    rough = process_of("two-sided, rough")
    with pytest.raises(si.UsageError, match="clock of learning"):
        learned(rough, ["velocity"]).predictions(rough.draw(3, torch.Generator(), clock=si.UniformClock()))
