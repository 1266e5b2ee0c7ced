"""Sampling from and to times between the ends: a Gaussian middle, and a last denoising step; with exact fields."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

pytest.importorskip("si_interpolants")
import si_core as si

MIXTURE = {"weights": [0.5, 0.5], "means": [[1.5, 0.0], [-1.5, 0.5]], "covariances": [0.1, 0.2], "dtype": "float64"}
OTHER = {"weights": [0.3, 0.7], "means": [[0.0, 2.0], [0.5, -1.0]], "covariances": [0.3, 0.1], "dtype": "float64"}
N = 6000


def model(interpolant: str, latent: str, **options) -> si.Model:
    gamma = si.build("latent", latent)
    process = si.StochasticInterpolant(
        si.build("interpolant", interpolant, context={"latent": gamma}),
        gamma,
        si.build("coupling", "independent"),
        si.build("distribution", "gaussian-mixture", **MIXTURE),
        si.build("distribution", "gaussian-mixture", **OTHER),
    )
    return si.Model(process, si.exact_fields(process), si.build("integrator", "rk4", steps=60), **options)


def close_in_moments(x: torch.Tensor, mean: torch.Tensor, covariance: torch.Tensor) -> None:
    # Five standard errors of N draws whose fourth moments are at most three times those of a Gaussian.
    error = 5 * (3 / N) ** 0.5 * float(covariance.diagonal().max())
    assert float((x.mean(0) - mean).abs().max()) < error
    assert float((x.T.cov() - covariance).abs().max()) < 2 * error


def test_an_encoder_decoder_meets_a_gaussian_in_the_middle() -> None:
    whole, stream = model("encoder-decoder", "encoder-decoder"), torch.Generator().manual_seed(0)
    encoder, decoder = replace(whole, stop=0.5), replace(whole, start=0.5)
    eye = torch.eye(2, dtype=torch.float64)
    close_in_moments(encoder.sample(N, stream).final, torch.zeros(2), eye)
    close_in_moments(decoder.initial(N, stream)[0], torch.zeros(2), eye)
    target = decoder.sample(N, stream).final
    assert float((target - whole.process.target.sample(N, stream)).mean(0).abs().max()) < 0.1
    log_prob = whole.process.target.log_prob(target)
    truth = whole.process.target.log_prob(whole.process.target.sample(N, stream))
    assert abs(float(log_prob.mean() - truth.mean())) < 5 * float(truth.std()) * (2 / N) ** 0.5


@pytest.mark.parametrize(("start", "stop"), [(0.3, 0.8), (0.8, 0.3), (0.6, 1.0)])
def test_states_in_between_are_those_of_the_process(start, stop) -> None:
    m, stream = model("linear", "brownian", start=start, stop=stop), torch.Generator().manual_seed(1)
    close_in_moments(m.initial(N, stream)[0], *m.fields.moments(start))
    close_in_moments(m.sample(N, stream).final, *m.fields.moments(stop))


@pytest.mark.parametrize(("start", "stop", "end"), [(0.0, 0.9, 1.0), (1.0, 0.1, 0.0)])
def test_the_last_step_denoises(start, stop, end) -> None:
    plain = model("linear", "brownian", start=start, stop=stop)
    path = plain.sample(50, torch.Generator().manual_seed(2))
    denoised = replace(plain, denoise=True).sample(50, torch.Generator().manual_seed(2))
    expected = plain.fields.target_denoiser if end == 1.0 else plain.fields.source_denoiser
    assert denoised.t[-1] == end
    assert denoised.evaluations == path.evaluations + 1
    assert torch.equal(denoised.x[-2], path.final)
    torch.testing.assert_close(denoised.final, expected(stop, path.final))
    # E[x1|x_t] is within the spread of x1 given x_t of where the flow would have gone.
    assert float((denoised.final - path.final).norm(dim=1).mean()) < 0.5


def test_at_the_end_there_is_nothing_left_to_denoise() -> None:
    m = model("linear", "brownian")
    a, b = (replace(m, denoise=flag).sample(20, torch.Generator().manual_seed(3)).final for flag in (False, True))
    assert torch.equal(a, b)


def test_conditions_are_refused_where_states_have_their_own() -> None:
    with pytest.raises(si.UsageError, match="have their own"):
        model("linear", "brownian", start=0.5).initial(4, torch.Generator(), condition=1)
