"""Roll-outs of a model whose one step is exact have the exact law of every step."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import si_core as si
from si_forecast import forecast, series
from si_forecast.rolling.forecast import starts_of
from si_forecast.rolling.roll_out import RollOut

MEMBERS, STEPS = 1500, 3
WAYS = ("from noise", "anchored", "perturbed")


@pytest.mark.parametrize("way", WAYS)
def test_k_steps_have_the_exact_law(way: str, exact_model) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        model = exact_model(way, rows=100, count=2)
        found = forecast(model, STEPS, MEMBERS, seed=3)
    finally:
        torch.set_default_dtype(torch.float32)
    law = model.process.target
    present = law.data.values[law.data.bounds[1:] - 1, 0]
    assert found.x.shape == (MEMBERS, 2, STEPS, 1)
    assert found.series == ("0", "1")
    assert found.rows.tolist() == [99, 99]
    for k in range(1, STEPS + 1):
        decay = math.exp(-0.3 * k)
        variance = 0.5 * (1 - decay**2)
        x = found.x[:, :, k - 1, 0].double().numpy()
        # Weak errors of the methods are below a hundredth of the deviation; five standard errors of the members.
        error = math.sqrt(variance / MEMBERS)
        np.testing.assert_allclose(x.mean(0), decay * present, atol=5 * error + 0.01 * math.sqrt(variance))
        np.testing.assert_allclose(x.var(0) / variance, 1, atol=5 * math.sqrt(2 / MEMBERS) + 0.02)
    lagged = np.corrcoef(found.x[:, 0, 0, 0], found.x[:, 0, 1, 0])[0, 1]
    first, second = 0.5 * (1 - math.exp(-0.6)), 0.5 * (1 - math.exp(-1.2))
    due = math.exp(-0.3) * math.sqrt(first / second)
    assert abs(lagged - due) < 5 * (1 - due**2) / math.sqrt(MEMBERS) + 0.01  # members are paths, not draws of each lead


def test_blocks_are_those_of_the_whole(exact_model) -> None:
    model = exact_model("from noise", rows=40, count=3)
    starts = starts_of(model)
    asked = RollOut(model, starts, 2, 5, 1)
    asked.__dict__["size"] = 4
    whole = torch.cat(list(asked.blocks()))
    assert len(asked) == 4
    assert torch.equal(torch.cat(list(asked.blocks(8))), whole[8:])
    assert not torch.equal(whole[:4], whole[4:8])


def test_past_states_and_static_values_go_along() -> None:
    """Networks are given the newest states, the oldest first, and what stays as it stays."""
    seen: list[dict[str, torch.Tensor]] = []

    class Told(si.FunctionFields):
        def __init__(self, process, condition=None) -> None:
            super().__init__(velocity=lambda t, x: torch.ones_like(x), process=process)
            self.condition = condition

        def conditioned(self, condition):
            seen.append(condition)
            return Told(self.process, condition)

    times = np.datetime64("2024-01-01") + np.arange(20)
    values = [np.arange(20.0), np.arange(20.0) + 100]
    law = series(
        values, times=[times, times], static={"height": [3.0, 4.0]}, given_group=True, names=["a", "b"],
        calendar=["day-of-week"], past=2, ahead=2, standardise=False,
    )  # fmt: skip
    source = si.build("distribution", "gaussian", shape=[1])
    parts = [si.build("interpolant", "linear"), si.build("latent", "none"), si.build("coupling", "independent")]
    process = si.StochasticInterpolant(*parts, source, law)
    model = si.Model(process, Told(process), si.build("integrator", "euler", steps=1))
    found = forecast(model, 3, 1, seed=0)
    given = [each for each in seen if each][::1]
    firsts = [each for k, each in enumerate(given) if k == 0 or not torch.equal(each["past"], given[k - 1]["past"])]
    assert firsts[0]["past"][:, :, 0].tolist() == [[17, 19], [117, 119]]
    for k in (1, 2):
        assert torch.equal(firsts[k]["past"][:, 0], firsts[k - 1]["past"][:, 1])
        np.testing.assert_allclose(firsts[k]["past"][:, 1], found.x[0, :, k - 1])
        assert firsts[k]["height"].tolist() == [3, 4]
        assert firsts[k]["series"].tolist() == [0, 1]
    assert found.times.tolist() == [[np.datetime64("2024-01-20T00:00:00").astype("datetime64[s]").item().replace(day=d)
                                     for d in (22, 24, 26)]] * 2  # fmt: skip
    weekday = torch.atan2(firsts[1]["calendar"][:, 0], firsts[1]["calendar"][:, 1]) / (2 * math.pi) * 7
    assert (weekday.round() % 7).tolist() == [2, 2]  # 2024-01-24 was a Wednesday


def test_models_that_can_not_forecast_are_refused(exact_model) -> None:
    law = series(np.arange(30.0), past=0)
    parts = [si.build("interpolant", "linear"), si.build("latent", "none"), si.build("coupling", "independent")]
    process = si.StochasticInterpolant(*parts, si.build("distribution", "gaussian", shape=[1]), law)
    fields = si.FunctionFields(velocity=lambda t, x: x, process=process)
    model = si.Model(process, fields, si.build("integrator", "euler", steps=1))
    with pytest.raises(si.UsageError, match="nothing of the past"):
        forecast(model, 1)
    model = exact_model("from noise", rows=30)
    with pytest.raises(si.UsageError, match="number of steps"):
        forecast(model, 0)
    with pytest.raises(si.UsageError, match="models of series on file"):
        forecast(model, 1, start_from="other.csv")


def test_what_fit_gave_forecasts_too() -> None:
    for plugin in ("si_networks", "si_objectives", "si_optimizers"):
        pytest.importorskip(plugin)
    law = series(np.sin(np.arange(60.0)), past=2)
    network = {"use": "mlp", "width": 8, "depth": 1}
    fitted = si.fit(law, coupling={"use": "consecutive", "noise": 0.3}, network=network, steps=2)
    assert forecast(fitted, 2, 3).x.shape == (3, 1, 2, 1)
