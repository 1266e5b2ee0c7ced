"""Recorded loops: what is replayed, when, and that nothing but time is at stake; with a recorder for the CPU."""

from __future__ import annotations

import copy
import logging
import pickle
from dataclasses import replace

import pytest
import torch

import si_core as si
from si_core.models import blocks
from si_core.models.acceleration.accelerator import Accelerator
from si_core.models.acceleration.recent import Recent

N = 40
SDE = [("euler-maruyama", 0.5), ("stochastic-heun", 0.5), ("edm-heun", 0.5), ("exponential", 0.5)]
ODE = [("euler", 0.0), ("heun", 0.0), ("rk4", 0.0), ("adams-bashforth", 0.0), ("exponential", 0.0)]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def samples(model: si.Model, seed: int, n: int = N, **options) -> tuple[torch.Tensor, torch.Tensor]:
    """The trajectory's states, and the state of the generator after it."""
    stream = seeded(seed)
    path = model.sample(n, stream, **options)
    return path.x, stream.get_state()


def same(model: si.Model, other: si.Model, seed: int, n: int = N, **options) -> bool:
    (x, after), (y, later) = samples(model, seed, n, **options), samples(other, seed, n, **options)
    return torch.equal(x, y) and torch.equal(after, later)


@pytest.mark.parametrize(("method", "epsilon"), [*SDE, *ODE])
def test_replays_give_the_samples_of_the_steps(make, plain, recorder, method, epsilon):
    """Bit for bit, with the generator left as the steps leave it, for seeds that the recording did not see."""
    model = make(method=method, epsilon=epsilon, recorder=recorder)
    for seed in range(5):
        assert same(model, plain(model), seed)
    assert recorder.recorded == 1, "recorded at the second meeting"
    assert recorder.replays == 1 + 3, "one to try it, then each block from the third on"


def test_what_is_returned_outlives_the_next_replay(make, recorder):
    model = make(recorder=recorder)
    paths = [model.sample(N, seeded(seed)) for seed in range(5)]
    kept = [path.x.clone() for path in paths]
    model.sample(N, seeded(9))
    assert all(torch.equal(path.x, x) for path, x in zip(paths, kept, strict=True))
    assert not torch.equal(paths[3].final, paths[4].final)


def test_evaluations_and_times_are_reported_as_ever(make, plain, recorder):
    model = make(recorder=recorder)
    paths = [model.sample(N, seeded(0)) for _ in range(4)]
    expected = plain(model).sample(N, seeded(0))
    for path in paths:
        assert path.evaluations == expected.evaluations
        assert torch.equal(path.t, expected.t)


def test_a_second_shape_has_a_loop_of_its_own(make, plain, recorder):
    model = make(recorder=recorder)
    for n in (N, 7, N, 7, N, 7, N, 7):
        assert same(model, plain(model), n, n)
    assert recorder.recorded == 2
    assert recorder.closed == 0


def test_conditions_differ_between_blocks(make, plain, recorder, labelled):
    model = make(target=labelled, method="rk4", epsilon=0.0, recorder=recorder)
    for seed in range(6):
        labels = torch.randint(4, (N,), generator=seeded(100 + seed))
        assert same(model, plain(model), 0, condition={"kind": labels})
    assert recorder.recorded == 1
    zero, one = (samples(model, 0, condition=str(k))[0] for k in (0, 1))
    assert not torch.equal(zero[-1], one[-1]), "the network is given"


@pytest.mark.parametrize(("labels", "message"), [([0, -1], "left out"), ([4, 0], "out of range")])
def test_conditions_are_checked_at_each_replay(make, recorder, labelled, labels, message):
    """A replay reads what lies in the memory of its conditions: nothing after the entry point looks at it."""
    model = make(target=labelled, method="rk4", epsilon=0.0, recorder=recorder)
    for count in (0, 1, 2, 3):
        with pytest.raises(si.UsageError, match=rf"'kind' is {message}"):
            model.sample(2, seeded(count), condition={"kind": torch.tensor(labels)})
        model.sample(2, seeded(count), condition={"kind": torch.tensor([0, 3])})
    assert recorder.recorded == 1
    assert recorder.replays > 0


class Contrast(si.Guidance):
    """Three times the fields of a label less twice those of the next."""

    def guided(self, fields):
        def told(condition):
            labels = condition.get("kind", torch.tensor([0]))
            return condition, {"kind": (labels + 1) % 4}

        return si.CombinedFields(fields, (3.0, -2.0), told)


def test_guided_fields_are_not_recorded(make, plain, recorder, labelled, caplog):
    """They keep what they make of conditions, which a replay would go on with."""
    model = make(target=labelled, method="rk4", epsilon=0.0, graph=True, recorder=recorder)
    model = model.with_guidance([Contrast()])
    for seed in range(4):
        labels = torch.randint(4, (N,), generator=seeded(100 + seed))
        assert same(model, plain(model), 0, condition={"kind": labels})
    assert recorder.attempts == 0
    assert "guided fields" in caplog.text


class InParts(si.Integrator):
    """A method that keeps no states on the way of its own accord."""

    def __init__(self, steps=4):
        self.steps = steps

    def solve(self, transport, x, generator=None):
        return si.build("integrator", "euler", steps=self.steps).solve(transport, x, generator)

    def part(self, fraction):
        return InParts(max(1, round(self.steps * fraction)))


def test_times_between_are_kept_without_a_recording(make, plain, recorder):
    model = make(recorder=recorder)
    for seed in range(4):
        assert same(model, plain(model), seed, times=[0.25, 0.5])
    assert recorder.attempts == 0


def test_parts_of_a_span_are_loops(make, plain, recorder):
    model = replace(make(epsilon=0.0, recorder=recorder), integrator=InParts())
    for seed in range(4):
        assert same(model, plain(model), seed, times=[0.25, 0.5])
    assert recorder.recorded == 3, "each part of the span is a loop"


def test_more_times_than_loops_are_kept_run_as_ever(make, plain, recorder):
    model = replace(make(epsilon=0.0, recorder=recorder), integrator=InParts(40))
    times = torch.linspace(0, 1, 22)[1:-1].tolist()
    for seed in range(3):
        assert same(model, plain(model), seed, times=times)
    assert recorder.attempts == 0


def test_the_cache_is_small_and_gives_back_what_it_drops(make, plain, recorder):
    model = make(recorder=recorder)
    for n in range(1, 8):
        for seed in range(3):
            assert same(model, plain(model), seed, n)
    assert recorder.recorded == 7
    assert recorder.closed == 3, "four problems are kept"
    assert same(model, plain(model), 5, 1), "what was dropped is made again"
    model.accelerator.release()
    assert recorder.closed == 7


def test_a_network_that_waits_is_not_recorded(make, plain, recorder, waiting, caplog):
    """It is found before a capture could fail, said once, and costs no random number."""
    model = make(own=waiting, recorder=recorder)
    with caplog.at_level(logging.WARNING):
        for seed in range(5):
            assert same(model, plain(model), seed)
    assert recorder.attempts == 0
    assert [record.getMessage() for record in caplog.records if "synchronizing" in record.getMessage()]
    assert len(caplog.records) == 1


class Fragile(torch.nn.Module):
    """A network that fails at its third call within a recording."""

    def __init__(self, recorder) -> None:
        super().__init__()
        self.recorder, self.calls = [recorder], [0]
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, t, x, condition=None):
        if self.recorder[0].recording:
            self.calls[0] += 1
            if self.calls[0] == 3:
                raise RuntimeError("operation not permitted when stream is capturing")
        return -x * self.weight


def test_a_recording_that_fails_midway_costs_nothing(make, plain, recorder, caplog):
    model = make(own=Fragile(recorder), recorder=recorder)
    with caplog.at_level(logging.WARNING):
        for seed in range(5):
            assert same(model, plain(model), seed)
    assert recorder.attempts == 1, "it is not tried again"
    assert recorder.recorded == 0
    assert len(caplog.records) == 1
    assert "not permitted when stream is capturing" in caplog.text


@pytest.mark.parametrize(
    "spoil",
    [lambda x: x[-1, 0].add_(1e-6), lambda x: (_ for _ in ()).throw(RuntimeError("out of memory"))],
    ids=["other numbers", "a replay that fails"],
)
def test_a_recording_that_is_wrong_is_not_used(make, plain, recorder, spoil, caplog):
    model = make(recorder=recorder)
    recorder.spoil = spoil
    for seed in range(5):
        assert same(model, plain(model), seed)
    assert (recorder.recorded, recorder.replays, recorder.closed) == (1, 1, 1)
    assert len(caplog.records) == 1


class OwnNoise(si.Integrator):
    """An SDE method that seeds a generator of its own: a recording would repeat its noise in every block."""

    stochastic = True

    def solve(self, transport, x, generator=None):
        own = torch.Generator().manual_seed(generator.initial_seed())
        ends = torch.linspace(transport.start, transport.stop, 2)
        return si.Trajectory(ends, torch.stack([x, x + torch.randn(x.shape, generator=own)]), 0)


def test_noise_that_python_chose_is_not_recorded(make, plain, recorder, caplog):
    model = make(method=OwnNoise(), recorder=recorder)
    for seed in range(5):
        assert same(model, plain(model), seed)
    assert "other numbers" in caplog.text
    assert recorder.replays == 1


def test_a_grid_that_looks_at_the_states_is_not_recorded(make, plain, recorder):
    model = make(method=si.build("integrator", "euler", steps=4, grid="measured"), epsilon=0.0, recorder=recorder)
    for seed in range(4):
        assert same(model, plain(model), seed)
    assert recorder.replays <= 1, "tried at most: its replay gives other numbers"


def test_adaptive_methods_are_left_alone(make, plain, recorder, caplog):
    method = si.build("integrator", "dopri5")
    model = make(method=method, epsilon=0.0, recorder=recorder)
    for seed in range(3):
        assert same(model, plain(model), seed)
    assert recorder.attempts == 0
    assert not caplog.records, "none was asked for"
    asked = make(method=method, epsilon=0.0, recorder=recorder, graph=True)
    asked.sample(N, seeded(0))
    asked.sample(N, seeded(0))
    assert len(caplog.records) == 1
    assert "chooses its steps" in caplog.text


def test_an_error_of_the_problem_is_the_problems_own(make, recorder):
    """What is wrong with the numbers is said as ever, and no loop hides it."""
    model = make(epsilon=0.0, method="euler", recorder=recorder)
    bad = torch.full((N, 3), float("inf"))
    for _ in range(4):
        with pytest.raises(si.NumericsError, match="left the finite numbers"):
            model.sample(N, seeded(0), start_from=bad)


def test_what_a_loop_depends_on_makes_another_loop(make, plain, recorder):
    """Weights may change in place; whatever else changes is noticed."""
    model = make(recorder=recorder)
    network = model.fields.predictor.networks[0]

    def check(count: int, changed: si.Model = model) -> None:
        for seed in range(4):
            assert same(changed, plain(changed), seed)
        assert recorder.recorded == count

    check(1)
    with torch.no_grad():
        network.output.weight.mul_(2)
    check(1)
    network.output.weight = torch.nn.Parameter(network.output.weight / 2)
    check(2)
    network.activation = "tanh"
    check(3)
    check(4, replace(model, epsilon=0.25))
    check(5, replace(model, stop=0.5))
    check(6, replace(model, clock="uniform", freeze=True))
    model.integrator.steps = 5
    check(7)
    assert plain(model).sample(N, seeded(0)).evaluations == 10


class Bump(torch.nn.Module, si.Latent):
    """``gamma = a t (1-t)`` with a learned."""

    def __init__(self) -> None:
        super().__init__()
        self.size = torch.nn.Parameter(torch.ones((), dtype=torch.float64))

    def gamma(self, t):
        return self.size * t * (1 - t)


def test_a_process_that_learns_is_asked_again(make, plain, recorder):
    """Scalars of the grid are computed from its parameters, and a recording has them in its kernels."""
    model = make(epsilon=0.5, recorder=recorder)
    old, latent = model.process, Bump()
    process = si.StochasticInterpolant(old.interpolant, latent, old.coupling, old.source, old.target)
    fields = si.LearnedFields(process, ("velocity",), model.fields.predictor, model.fields.parametrisation)
    model = replace(model, process=process, fields=fields, freeze=True)
    for count in (1, 2):
        for seed in range(4):
            assert same(model, plain(model), seed)
        assert recorder.recorded == count
        with torch.no_grad():
            latent.size.mul_(2)


def test_the_cache_keeps_what_was_used_last():
    closed = []

    class Value:
        def __init__(self, name: str) -> None:
            self.name = name

        def close(self) -> None:
            closed.append(self.name)

    cache = Recent(2)
    for name in ("a", "b", "a", "c"):
        assert cache.get(name, lambda name=name: Value(name)).name == name
    assert closed == ["b"]
    cache.close()
    assert sorted(closed) == ["a", "b", "c"]


def test_fields_that_are_functions_are_recorded_when_asked(make, plain, recorder):
    process = make().process
    fields = si.FunctionFields(velocity=lambda t, x: -x, process=process)
    for graph, count in (("auto", 0), (True, 1)):
        model = replace(make(method="rk4", epsilon=0.0), fields=fields)
        model = replace(model, accelerator=Accelerator(graph=graph, recorder=recorder))
        for seed in range(4):
            assert same(model, plain(model), seed)
        assert recorder.recorded == count


def test_off_means_off(make, recorder):
    model = make(recorder=recorder, graph=False)
    for seed in range(4):
        model.sample(N, seeded(seed))
    assert recorder.attempts == 0


def test_without_a_device_for_it_nothing_is_said_unless_asked(make, plain, caplog):
    auto, asked = make(), make(graph=True)
    for seed in range(3):
        assert same(auto, plain(auto), seed)
    assert not caplog.records
    for seed in range(3):
        assert same(asked, plain(asked), seed)
    assert len(caplog.records) == 1
    assert "need a CUDA device" in caplog.text


def test_blocks_of_one_request_are_replayed(make, plain, recorder):
    """The entry point of sampling goes through the loops too: five blocks and a part of one."""
    model = make(recorder=recorder)
    n = 5 * blocks.BLOCK + 3
    assert torch.equal(si.sample(model, n, seed=4), si.sample(plain(model), n, seed=4))
    assert recorder.replays == 1 + 4


def test_copies_of_a_model_start_afresh(make, recorder):
    model = make(recorder=recorder)
    for seed in range(3):
        model.sample(N, seeded(seed))
    for other in (copy.deepcopy(model.accelerator), pickle.loads(pickle.dumps(model.accelerator))):
        assert repr(other) == repr(model.accelerator)
        assert len(other._settings) == 0


@pytest.mark.parametrize("options", [{"precision": "float16"}, {"graph": "always"}])
def test_unknown_options_are_refused(options):
    with pytest.raises(si.UsageError, match="unknown"):
        Accelerator(**options)
