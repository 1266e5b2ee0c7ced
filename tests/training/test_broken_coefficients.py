"""A coefficient that is not finite near an end of time: training says whose it is, and blames nothing else.

Sampling asks for bounded weights of the learned fields before: it freezes them here, so that training is reached.
"""

from __future__ import annotations

import re

import pytest

import si_core as si
from si_core.models.assembly import assemble
from si_core.training.trainer import Trainer

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)

TEXT = """\
    seed: 4
    source: two-moons
    target: eight-gaussians
    interpolant: {interpolant}
    latent: {latent}
    objectives: [velocity, denoiser]
    network: {{use: mlp, width: 16, depth: 2}}
    train: {{steps: 400, batch: 64}}
    sample: {{freeze: true}}
    """

ROUGH = """
    import torch
    from si_core import Latent, SineClock

    class Strange(Latent):
        '''The square of 1 - 2t loses the digits of t: near an end gamma is 0, and its derivative infinite.'''

        clock = SineClock()

        def gamma(self, t):
            t = t.float()
            return ((1 - (1 - 2 * t).square()).sqrt() / 2).double()

        def gamma_dot(self, t):
            return (1 - 2 * t) / (2 * self.gamma(t))

        def gamma_gamma_dot(self, t):
            return (1 - 2 * t) / 2
    """

PATH = """
    import torch
    from si_core import SpatiallyLinear

    class Strange(SpatiallyLinear):
        def alpha(self, t):
            return 1 - t

        def beta(self, t):
            return t

        def beta_dot(self, t):
            return torch.where((t > 0) & (t < 1e-3), torch.nan, torch.ones_like(t))
    """

CURVED = """
    import torch
    from si_core import Interpolant

    class Strange(Interpolant):
        def value(self, t, x0, x1):
            t = t.to(x0.dtype).reshape(t.shape + (1,) * (x0.ndim - t.ndim))
            bend = torch.where((t > 0.999) & (t < 1), torch.inf, t * (1 - t))
            return (1 - t) * x0 + t * x1 + bend * (x0 * x1).sin().abs()
    """


@pytest.mark.parametrize(
    ("kind", "source", "words"),
    [
        ("latent", ROUGH, r"coefficient of the latent Strange is not.*gamma_rate is (inf|nan|-inf) at u = "),
        ("interpolant", PATH, r"coefficient of the interpolant Strange is not.*beta_rate is nan at u = "),
        ("interpolant", CURVED, r"coefficient of the interpolant Strange is not.*value is (inf|nan) at u = 0\.9"),
    ],
    ids=["latent", "linear path", "curved path"],
)
def test_the_component_is_named(recipe, stranger, kind, source, words):
    stranger(kind, "strange", "Strange", source)
    parts = {"interpolant": "linear", "latent": "brownian", kind: "strange"}
    with pytest.raises(si.NumericsError) as caught:
        si.train(recipe(TEXT.format(**parts)))
    message = " ".join(str(caught.value).split())
    assert re.search(words, message), message
    assert "learning rate" not in message
    assert f"correct the {kind}" in message


def test_what_is_too_large_a_step_is_still_called_so(recipe):
    text = TEXT.format(interpolant="linear", latent="brownian")
    trainer = Trainer(assemble(recipe(text, "train.optimizer={use: sgd, lr: 1e30}")), si.Runtime())
    with pytest.raises(si.NumericsError, match=r"smaller learning rate"):
        for _ in range(20):
            trainer.advance()
