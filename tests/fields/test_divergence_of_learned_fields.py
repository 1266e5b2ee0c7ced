"""The drift with the divergence that networks offer, against automatic differentiation of the drift."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import si_core as si

pytest.importorskip("si_interpolants")
pytest.importorskip("si_distributions")
pytest.importorskip("si_networks")

KINDS = {
    "two-sided": ("linear", "brownian", "independent", False),
    "two-sided, no latent": ("linear", "none", "independent", False),
    "one-sided": ("variance-preserving", "none", "independent", True),
    "one-sided, rough": ("linear", "brownian", "independent", True),
    "mirror": ("trigonometric", "brownian", "mirror", False),
}
NAMES = [("velocity",), ("velocity", "denoiser"), ("score", "interpolant-velocity"), ("target-denoiser", "velocity")]
TIMES = (0.0, 0.3, 1.0)


def process_of(kind: str) -> si.StochasticInterpolant:
    interpolant, latent, coupling, one_sided = KINDS[kind]
    gamma = si.build("latent", latent)
    path = si.build("interpolant", interpolant, context={"latent": gamma})
    options = {} if one_sided else {"covariance": 1.5}
    source, target = si.build("distribution", "gaussian", dim=2, **options), si.build("distribution", "gaussian", dim=2)
    return si.StochasticInterpolant(path, gamma, si.build("coupling", coupling), source, target)


def mlp(heads: int | None = None, conditions=None, seed: int = 0) -> nn.Module:
    context = {"shape": (2,), "heads": heads, "conditions": conditions or {}}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network: nn.Module = si.build("network", "mlp", context=context, width=16, depth=3)
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.4)
    return network.double()


def learned(process, names, shared: bool, precondition: bool, condition=None, **options) -> si.LearnedFields:
    count = len(names)
    networks = [mlp(count, **options)] if shared else [mlp(seed=i, **options) for i in range(count)]
    parametrisation = si.Parametrisation(process.clock, precondition)
    return si.LearnedFields(process, names, si.Predictor(networks, count), parametrisation, condition)


def states(n: int = 5) -> Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def check(transport: si.Transport, x: Tensor) -> None:
    probes = torch.stack([states(len(x)).sign(), states(len(x)).flip(0)])
    for time in TIMES:
        jacobian = torch.empty(len(x), 2, 2, dtype=x.dtype)
        for row in range(2):
            y = x.clone().requires_grad_()
            jacobian[:, row] = torch.autograd.grad(transport.drift(time, y)[:, row].sum(), y)[0]
        with torch.no_grad():
            drift, divergence = transport.divergence(time, x)
            _, forms = transport.divergence(time, x, probes)
            plain = transport.drift(time, x)
        scale = 1 + float(jacobian.abs().max())
        assert torch.allclose(drift, plain, atol=1e-13 * (1 + float(plain.abs().max())))
        assert torch.allclose(divergence, jacobian.diagonal(dim1=1, dim2=2).sum(1), atol=1e-12 * scale)
        assert torch.allclose(forms, torch.einsum("kbi,bij,kbj->bk", probes, jacobian, probes), atol=1e-12 * scale)


@pytest.mark.parametrize("precondition", [False, True])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_process_and_networks(kind: str, shared: bool, precondition: bool) -> None:
    process, tried = process_of(kind), 0
    for names in NAMES:
        if not all(map(process.structure.has, names)):
            continue
        fields = learned(process, names, shared and len(names) > 1, precondition)
        for epsilon, span in ((0.0, (0.0, 1.0)), (0.7, (1.0, 0.0))):
            try:
                transport = si.Transport(fields, epsilon, *span)
            except si.UsageError:
                continue
            check(transport, states())
            tried += 1
    assert tried >= 2


def test_conditions() -> None:
    process = process_of("one-sided")
    process.conditions = {"kind": si.ConditionSpec(classes=("a", "b", "c")), "y": si.ConditionSpec((3,))}
    told = {"kind": torch.tensor([0, 1, 2, 0, -1]), "y": torch.randn(5, 3, dtype=torch.float64)}
    fields = learned(process, ["velocity"], False, True, told, conditions=process.conditions)
    check(si.Transport(fields), states())
    check(si.Transport(fields.conditioned({name: values[1:2] for name, values in told.items()})), states())


@pytest.mark.parametrize("precondition", [False, True])
def test_a_given_start(precondition: bool) -> None:
    process = si.StochasticInterpolant(
        si.build("interpolant", "linear"),
        si.build("latent", "brownian"),
        si.build("coupling", "independent"),
        si.build("distribution", "point-mass", point=[0.5, -0.3], dtype="float64"),
        si.build("distribution", "gaussian", dim=2),
    )
    check(si.Transport(learned(process, ["velocity"], False, precondition), 0.5, freeze=True), states())


def test_networks_that_are_told_a_state() -> None:
    process = process_of("one-sided")
    process.conditions = {"state": si.ConditionSpec((2,))}
    told = {"state": states().flip(0)}
    fields = learned(process, ["velocity"], False, True, told, conditions=process.conditions)
    check(si.Transport(fields), states())


@pytest.mark.parametrize("shared", [False, True])
def test_another_schedule(shared: bool) -> None:
    old, new = process_of("one-sided"), process_of("one-sided, rough")
    process = si.StochasticInterpolant(new.interpolant, new.latent, old.coupling, old.source, old.target)
    fields = si.RescheduledFields(learned(old, ["velocity", "score"], shared, True), process)
    check(si.Transport(fields), states())
    check(si.Transport(fields, 0.4), states())


def test_fields_under_several_conditions_combined() -> None:
    process = process_of("one-sided")
    process.conditions = {"kind": si.ConditionSpec(classes=("a", "b", "c")), "y": si.ConditionSpec((3,))}
    told = {"kind": torch.tensor([0, 1, 2, 0, 1]), "y": torch.randn(5, 3, dtype=torch.float64)}

    def others(condition: si.Condition) -> list[si.Condition]:
        kind = condition.get("kind", torch.tensor([0]))
        return [condition, {**condition, "kind": (kind + 1) % 3}, {**condition, "kind": (kind + 2) % 3}]

    plain = learned(process, ["velocity", "score"], False, True, conditions=process.conditions)
    fields = si.CombinedFields(plain, (2.5, -1.0, -0.5), others)
    for given in (told, {name: values[1:2] for name, values in told.items()}):
        check(si.Transport(fields.conditioned(given)), states())
        check(si.Transport(fields.conditioned(given), 0.4, 1.0, 0.0), states())


class Stranger(nn.Module):
    """Offers no divergence."""

    def forward(self, t: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return torch.sin(x * 3) * x


def test_there_is_none_without_the_networks() -> None:
    process, x = process_of("one-sided"), states()

    class Shifted(type(mlp())):  # type: ignore[misc]
        def forward(self, t: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
            return super().forward(t, x, condition) + x

    shifted = mlp()
    shifted.__class__ = Shifted
    for networks in ([Stranger()], [shifted], [mlp(), Stranger()]):
        names = ["velocity", "score"][: len(networks)]
        predictor = si.Predictor(networks, len(networks))
        parametrisation = si.Parametrisation(process.clock, False)
        fields = si.LearnedFields(process, names, predictor, parametrisation)
        assert fields.divergences(torch.tensor(0.5), x) is None
    # Of two networks, one of which is enough for the ODE, only that one is asked.
    assert fields.divergences(torch.tensor(0.5), x, [0]) is not None
    assert si.Transport(si.exact_fields(process)).divergence(0.5, x) is None
    assert si.Transport(si.FunctionFields(velocity=lambda t, y: y)).divergence(0.5, x) is None
