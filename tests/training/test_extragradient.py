"""Extragradient steps: the theory of bilinear games, and games of networks against a process."""

from __future__ import annotations

import math

import pytest
import torch

import si_core as si
from si_core.errors import NumericsError
from si_core.models.assembly import assemble
from si_core.training.extragradient import Extragradient
from si_core.training.trainer import Trainer

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)
pytest.importorskip("si_schrodinger")

TEXT = """\
    seed: 4
    source: gaussian
    target: {use: gaussian, mean: [1.0, 0.0], covariance: 0.5}
    interpolant: learned-linear
    latent: brownian
    objectives: [schrodinger-bridge]
    network: {use: mlp, width: 16, depth: 2}
    train:
      steps: 12
      batch: 32
      optimizer: {use: adam, lr: 1e-2}
      process: {method: extragradient, lr: 1e-2, every: 2, warmup: 4}
    sample: {epsilon: 0.5}
    """


class Side:
    """One side of ``x^T A y``, which x minimises and y maximises."""

    def __init__(self, own, other, matrix, sign, lr, plays=lambda step: True):
        self.parameters, self._other, self._matrix, self._sign, self._plays = [own], other, matrix, sign, plays
        self._optimizer = torch.optim.SGD([own], lr=lr)

    def moves(self, step):
        return self._plays(step)

    def look(self, step, ahead=False):
        self.parameters[0].grad = self._sign * (self._matrix @ self._other.detach())

    def move(self, step):
        self._optimizer.step()


def game(singular, lr, plays=lambda step: True):
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0]
    matrix = turn @ torch.diag(torch.tensor(singular, dtype=torch.float64))
    x, y = (torch.ones(3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    return x, y, Side(x, y, matrix, 1.0, lr), Side(y, x, matrix.T, -1.0, lr, plays)


def size(*points):
    return math.hypot(*(float(point.detach().norm()) for point in points))


def extragradient(first, second, steps):
    both = Extragradient(first, second)
    for step in range(steps):
        both.extrapolate(step)
        first.look(step)
        both.back(step)
        first.move(step)
        if second.moves(step):
            second.move(step)


@pytest.mark.parametrize("lr", [0.1, 0.5, 0.9])
def test_a_bilinear_game_contracts_at_the_rate_of_theory(lr):
    x, y, first, second = game([1.0, 1.0, 1.0], lr)
    start, steps = size(x, y), 40
    extragradient(first, second, steps)
    # Each pair of singular vectors turns by 1 - s^2 + i s, s = lr times the singular value.
    rate = math.hypot(1 - lr**2, lr)
    assert size(x, y) == pytest.approx(start * rate**steps, rel=1e-9)
    assert rate < 1


def test_turns_go_round_where_extragradient_arrives_and_simultaneous_steps_leave():
    singular, lr, steps = [1.0, 0.7, 0.4], 0.3, 600
    x, y, first, second = game(singular, lr)
    start = size(x, y)
    extragradient(first, second, steps)
    # The slowest direction has s = 0.12: |1 - s^2 + i s|^2 = 1 - s^2 + s^4.
    assert size(x, y) <= start * (1 - 0.12**2 + 0.12**4) ** (steps / 2) * (1 + 1e-9)

    x, y, first, second = game(singular, lr)
    sizes = []
    for step in range(steps):
        for side in (first, second):
            side.look(step)
            side.move(step)
        sizes.append(size(x, y))
    # The map keeps x^2 + y^2 - s x.y of each pair, which is between 1 - s/2 and 1 + s/2 times x^2 + y^2.
    bound = math.sqrt((1 + lr / 2) / (1 - lr / 2))
    assert start / bound <= min(sizes) <= max(sizes) <= start * bound

    x, y, first, second = game(singular, lr)
    for step in range(steps):
        first.look(step)
        second.look(step)
        first.move(step)
        second.move(step)
    assert size(x, y) > 1e3 * start


def test_a_step_without_the_second_is_a_plain_one_of_the_first():
    x, y, first, second = game([1.0, 1.0, 1.0], 0.5, plays=lambda step: step == 1)
    before = x.detach().clone(), y.detach().clone()
    extragradient(first, second, 1)
    first_step = before[0] - 0.5 * (first._matrix @ before[1])
    torch.testing.assert_close(x.detach(), first_step)
    assert torch.equal(y.detach(), before[1])


@pytest.fixture
def trainer_of(recipe):
    return lambda *overrides: Trainer(assemble(recipe(TEXT, *overrides)), si.Runtime())


def point(trainer):
    return [p.detach().clone() for p in (*trainer.parameters, *trainer.process_trainer.parameters)]


def equal(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_until_the_process_moves_the_method_makes_no_difference(trainer_of):
    one, other = trainer_of(), trainer_of("train.process.method=alternating")
    for _ in range(4):
        one.advance()
        other.advance()
    assert equal(point(one), point(other))
    one.advance()
    other.advance()
    assert not equal(point(one), point(other))


@pytest.mark.parametrize("times", ["uniform", "logit-normal", "{use: importance, warmup: 2}"])
def test_both_players_move_and_go_on_bit_for_bit(trainer_of, times):
    whole, part = trainer_of(f"train.times={times}"), trainer_of(f"train.times={times}")
    for _ in range(12):
        whole.advance()
    for _ in range(7):
        part.advance()
    resumed = trainer_of(f"train.times={times}")
    tensors, rest = part.state()
    resumed.restore(7, tensors, rest, "here")
    for _ in range(5):
        resumed.advance()
    assert equal(point(whole), point(resumed))
    assert not equal(point(whole)[-2:], [torch.zeros_like(p) for p in point(whole)[-2:]])
    assert whole.record()["process"] == resumed.record()["process"]


def test_a_loss_that_is_not_finite_leaves_both_where_they_were(trainer_of, monkeypatch):
    trainer = trainer_of()
    for _ in range(4):
        trainer.advance()
    before = point(trainer)
    batch = trainer.batch

    def spoilt():
        made = batch()
        made.draw.x0.fill_(math.nan)
        return made

    monkeypatch.setattr(trainer, "batch", spoilt)
    with pytest.raises(NumericsError, match="not finite"):
        trainer.advance()
    assert equal(point(trainer), before)


def test_a_look_of_the_process_that_is_not_finite_leaves_both_where_they_were(trainer_of, monkeypatch):
    trainer = trainer_of()
    for _ in range(4):
        trainer.advance()
    before, look = point(trainer), trainer.process_trainer.look

    def spoilt(step, ahead=False):
        if not ahead:
            raise NumericsError("no", where="here")
        look(step, ahead)

    monkeypatch.setattr(trainer.process_trainer, "look", spoilt)
    with pytest.raises(NumericsError):
        trainer.advance()
    assert equal(point(trainer), before)
