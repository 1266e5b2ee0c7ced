"""The first rows of a problem by themselves: conditions go with their rows, so a pilot of a few rows is the whole's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import si_core as si

for plugin in ("si_distributions", "si_interpolants", "si_integrators"):
    pytest.importorskip(plugin)


class Told(nn.Module):
    """A network whose output depends on the label: rows taken with another row's label would differ."""

    def __init__(self) -> None:
        super().__init__()
        self.of_label = nn.Embedding(5, 2).double()

    def forward(self, t, x, condition=None):
        return (x * (1 + t)).sin() + self.of_label(condition["label"])


@pytest.fixture
def fields(mixtures):
    plain = mixtures()
    plain.target.conditions = {"label": si.ConditionSpec(classes=tuple("abcde"))}
    process = si.StochasticInterpolant(plain.interpolant, plain.latent, plain.coupling, plain.source, plain.target)
    parametrisation = si.Parametrisation(process.clock, True)
    names = ("velocity", "denoiser")
    learned = si.LearnedFields(process, names, si.Predictor([Told(), Told()], 2), parametrisation)
    for parameter in learned.predictor.parameters():
        parameter.data.normal_(generator=torch.Generator().manual_seed(3))
    return learned


@pytest.mark.parametrize("epsilon", [0.0, 0.5])
@pytest.mark.parametrize("span", [(0.0, 1.0), (0.8, 0.1)])
def test_the_drift_of_the_first_rows_is_that_of_all(fields, epsilon, span):
    x = torch.randn(7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for labels in (torch.tensor([3, 1, 4, 1, 0, 2, 2]), torch.tensor([2])):
        whole = si.Transport(fields.conditioned({"label": labels}), epsilon, *span)
        head = whole.head(3)
        assert (head.start, head.stop, head.clock) == (whole.start, whole.stop, whole.clock)
        for u in (0.2, 0.5):
            assert head.noise(u) == whole.noise(u)
            torch.testing.assert_close(head.drift(u, x[:3]), whole.drift(u, x)[:3])
            assert len(whole.drift(u, x)) == 7


@pytest.mark.parametrize("integrator", ["heun", "stochastic-heun"])
def test_a_measured_grid_of_a_conditional_model(fields, integrator):
    """1000 rows with labels of their own: the pilot takes 256 of them with theirs."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1000, 2, dtype=torch.float64, generator=generator)
    labels = torch.randint(5, (1000,), generator=generator)
    method = si.build("integrator", integrator, steps=12, grid="measured")
    epsilon = 0.5 if method.stochastic else 0.0
    whole, few = (si.Transport(fields.conditioned({"label": given}), epsilon) for given in (labels, labels[:256]))
    one, two = (method.times(*one, torch.Generator().manual_seed(1)) for one in ((whole, x), (few, x[:256])))
    assert one == two
    trajectory = si.integrate(whole, x, method, torch.Generator().manual_seed(1))
    assert trajectory.evaluations == one[1] + 24
    assert bool(torch.isfinite(trajectory.final).all())
