"""Batches taken in parts: the step, and all that is learned from it, is that of the whole batch up to rounding."""

from __future__ import annotations

import pytest
import torch

import si_core as si
from si_core.models.assembly import assemble
from si_core.training.rows import draw_rows, equal_parts
from si_core.training.trainer import Trainer

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)

TEXT = """\
    seed: 4
    source: gaussian
    target: eight-gaussians
    latent: brownian
    objectives: [velocity, denoiser]
    network: {use: mlp, width: 8, depth: 1}
    train: {steps: 12, batch: 32, optimizer: {use: adam, lr: 1e-2}}
    """
IMPORTANCE = "train.times={use: importance, bins: 4, warmup: 0}"
KINDS = {
    "plain": (),
    "pairs": ("train.antithetic=true",),
    "importance": (IMPORTANCE,),
    "importance of pairs": (IMPORTANCE, "train.antithetic=true"),
    "conditions": ("target=labelled", "train.condition_dropout=0.3"),
    "a path that bends": ("interpolant=bent", "objectives=[velocity]"),
}

BENT = """\
    import si_core as si
    class Bent(si.Interpolant):
        def value(self, t, x0, x1):
            return (1 - t) * x0 + t * x1 + t * (1 - t) * x0 * x1
    """
LABELLED = """\
    import torch
    import si_core as si
    class Labelled(si.Distribution):
        shape = (2,)
        conditions = {"kind": si.ConditionSpec(classes=("low", "high"))}
        def draw(self, n, generator=None):
            kind = torch.randint(2, (n,), generator=generator)
            return torch.randn(n, 2, generator=generator) + kind[:, None], {"kind": kind}
        def sample(self, n, generator=None):
            return self.draw(n, generator)[0]
    """


@pytest.fixture
def trainer_of(recipe, stranger):
    """``trainer_of(*overrides)``: a trainer that has done no step."""
    stranger("interpolant", "bent", "Bent", BENT)
    stranger("distribution", "labelled", "Labelled", LABELLED)
    return lambda *overrides: Trainer(assemble(recipe(TEXT, *overrides)), si.Runtime())


def gradient(trainer) -> torch.Tensor:
    trainer._gradients.of(0, trainer.batch())
    return torch.cat([p.grad.flatten().double() for p in trainer.parameters])


@pytest.mark.parametrize("n", [1, 7, 32])
@pytest.mark.parametrize("parts", [1, 3, 7, 40])
def test_parts_are_all_rows_in_order_and_of_nearly_equal_size(n, parts):
    slices = equal_parts(n, parts)
    assert [row for rows in slices for row in range(n)[rows]] == list(range(n))
    sizes = [len(range(n)[rows]) for rows in slices]
    assert len(slices) == min(n, parts)
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("kind", "parts"),
    [*(("plain", parts) for parts in (2, 5, 32)), *zip(list(KINDS)[1:], (32, 5, 2, 5, 32), strict=True)],
)
def test_the_gradient_is_that_of_the_whole_batch(trainer_of, kind, parts):
    whole, cut = trainer_of(*KINDS[kind]), trainer_of(*KINDS[kind], f"train.accumulate={parts}")
    wanted = gradient(whole)
    # Rounding of single precision, relative to the whole: components of it may cancel.
    torch.testing.assert_close(gradient(cut), wanted, rtol=0, atol=1e-5 * float(wanted.norm()))
    for _ in range(3):
        whole.advance()
        cut.advance()
    one, other = whole.record(), cut.record()
    assert other["losses"] == pytest.approx(one["losses"], rel=1e-4)
    assert other["grad_norm"] == pytest.approx(one["grad_norm"], rel=1e-4)


@pytest.mark.parametrize("kind", ["importance", "importance of pairs"])
def test_importance_learns_the_same_of_every_row(trainer_of, kind):
    found = [
        trainer._gradients.of(0, trainer.batch()).squares
        for trainer in (trainer_of(*KINDS[kind]), trainer_of(*KINDS[kind], "train.accumulate=5"))
    ]
    assert len(found[0]) == 32
    torch.testing.assert_close(found[1], found[0], rtol=1e-3, atol=1e-6 * float(found[0].max()))


@pytest.mark.parametrize("kind", ["plain", "pairs", "conditions", "a path that bends"])
def test_rows_of_a_draw_are_a_draw(trainer_of, kind):
    """Targets of a part are the part of the targets; halves of pairs still have opposite noise."""
    draw = trainer_of(*KINDS[kind]).batch().draw
    assert (draw.velocity is None) is (kind != "a path that bends")
    part = draw_rows(draw, slice(3, 9))
    chosen = [*range(3, 9), *([*range(35, 41)] if draw.antithetic else [])]
    assert torch.equal(part.target("velocity"), draw.target("velocity")[chosen])
    for name, values in (draw.condition or {}).items():
        assert torch.equal(part.condition[name], values[chosen])
    if draw.antithetic:
        assert torch.equal(part.z[:6], -part.z[6:])


def test_noise_of_networks_is_drawn_anew_for_each_part_and_is_the_same_next_time(recipe, stranger):
    stranger(
        "network",
        "dropping",
        "Dropping",
        """
        import torch
        class Dropping(torch.nn.Module):
            seen = []
            def __init__(self, *, shape: tuple[int, ...]):
                super().__init__()
                self.layer, self.drop = torch.nn.Linear(*shape, *shape), torch.nn.Dropout(0.5)
            def forward(self, t, x, condition=None):
                y = self.drop(self.layer(x))
                self.seen.append(y == 0)
                return y
        """,
    )
    overrides = ("network={use: dropping}", "objectives=[velocity]", "train.accumulate=2", "train.batch=64")
    trainers = [Trainer(assemble(recipe(TEXT, *overrides)), si.Runtime()) for _ in range(2)]
    seen, masks = trainers[0].predictor.networks[0].seen, []
    for trainer in trainers:
        seen.clear()
        trainer.advance()
        trainer.advance()
        masks.append(list(seen))
    assert all(torch.equal(a, b) for a, b in zip(*masks, strict=True))
    assert len(masks[0]) == 4
    assert not any(torch.equal(masks[0][i], masks[0][j]) for i in range(4) for j in range(i))


def test_more_parts_than_rows_are_refused(recipe):
    with pytest.raises(si.RecipeError, match=r"train.accumulate[\s\S]*more than there are draws[\s\S]*accumulate: 32"):
        recipe(TEXT, "train.accumulate=33")
