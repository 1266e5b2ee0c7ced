"""Frames: units that lose nothing, and labels drawn as often as they are."""

import json
import math

import pytest
import torch

import si_core as si


def frames():
    wide = torch.tensor([1.0, 1e-3, 1e6], dtype=torch.float64)
    yield si.Frame((3,))
    yield si.Frame((3,), shift=torch.tensor([0.0, 1e8, -3.0]), scale=wide, columns=("a", "b, c", "d e"))
    yield si.Frame((1, 2, 2), shift=127.5, scale=127.5, pixels=(0.0, 255.0))
    yield si.Frame((), shift=1.7e9, scale=60.0)
    bounds = si.Bounds(
        torch.tensor([-1.0, 0.0, -torch.inf, -torch.inf]), torch.tensor([3.0, torch.inf, 5.0, torch.inf])
    )
    yield si.Frame((4,), shift=torch.tensor([0.5, -1.0, 0.0, 2.0]), scale=1.5, bounds=bounds)
    yield si.Frame((2,), scale=0.1, labels=si.LabelCounts({"kind": torch.tensor([-1, 0, 2])}, torch.tensor([1, 5, 2])))


@pytest.mark.parametrize("frame", list(frames()), ids=lambda frame: str(frame.shape))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_data_keep_their_resolution(frame, dtype):
    x = torch.randn(400, *frame.shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    data = frame.decode(x)
    truth = frame.shift + frame.scale * x.double()
    truth = truth if frame.bounds is None else frame.bounds.bounded(truth)
    # A hundred-thousandth of the scale at most is lost, or as little as the dtype of x itself resolves.
    allowed = (1e-5 + 4 * torch.finfo(dtype).eps * x.double().abs()) * frame.scale
    assert bool(frame.inside(data).all())
    assert bool(((data.double() - truth).abs() <= allowed).all())
    assert data.dtype in (dtype, torch.float64)
    assert bool((((frame.encode(data) - x).double()).abs() <= 2e-5 + 8 * torch.finfo(dtype).eps * x.abs()).all())


def test_times_come_back_to_the_second():
    """Unix times in minutes around 2023: single precision would put them on a grid of 128 seconds."""
    frame = si.Frame((1,), shift=1.7e9, scale=3600.0)
    x = torch.linspace(-2, 2, 4001)[:, None]
    assert len(frame.decode(x).unique()) == 4001
    # Those of a month, whose spread is nine days, come back to ten seconds as well.
    days = si.Frame((1,), shift=1.7e9, scale=7.5e5)
    seconds = days.decode(x).double()
    assert float((seconds - (1.7e9 + 7.5e5 * x.double())).abs().max()) < 10


@pytest.mark.parametrize("frame", list(frames()), ids=lambda frame: str(frame.shape))
def test_a_frame_comes_back_from_plain_data(frame):
    again = si.Frame.of_plain(json.loads(json.dumps(frame.plain())))
    x = torch.randn(5, *frame.shape, dtype=torch.float64)
    assert torch.equal(again.decode(x), frame.decode(x))
    assert (again.shape, again.columns, again.pixels) == (frame.shape, frame.columns, frame.pixels)
    assert torch.equal(again.log_volume_at(x), frame.log_volume_at(x))
    if frame.labels is not None:
        draws = (labels.draw(50, torch.Generator().manual_seed(1))["kind"] for labels in (again.labels, frame.labels))
        assert torch.equal(*draws)


def test_the_volume_is_that_of_the_map():
    scale = torch.rand(3, dtype=torch.float64) + 0.5
    inf = torch.inf
    bounds = si.Bounds(torch.tensor([-1.0, 0.0, -inf]), torch.tensor([[3.0, inf, 5.0], [inf, inf, 7.0]]))
    for frame in (si.Frame((2, 3), shift=5.0, scale=scale), si.Frame((2, 3), shift=0.5, scale=scale, bounds=bounds)):
        x = torch.randn(4, 2, 3, dtype=torch.float64)
        for point, volume in zip(x, frame.log_volume_at(x), strict=True):
            jacobian = torch.autograd.functional.jacobian(lambda v, f=frame: f.decode(v[None])[0], point).reshape(6, 6)
            assert float(volume) == pytest.approx(float(torch.linalg.slogdet(jacobian)[1]), rel=1e-12)


def test_a_density_without_bounds_is_one_within_them():
    """A standard normal of model space integrates to 1 over the interval, by quadrature in data space."""
    for bounds in ((-1.0, 3.0), (0.0, torch.inf), (-torch.inf, 2.0)):
        frame = si.Frame((1,), shift=0.3, scale=0.8, bounds=si.Bounds(*map(torch.tensor, bounds)))
        low, high = (frame.decode(torch.tensor([[end]], dtype=torch.float64)) for end in (-8.0, 8.0))
        nodes = torch.linspace(float(low), float(high), 400_001, dtype=torch.float64)[1:-1, None]
        x = frame.encode(nodes)
        density = (-0.5 * x[:, 0] ** 2 - 0.5 * math.log(2 * math.pi) - frame.log_volume_at(x)).exp()
        assert float(torch.trapezoid(density, nodes[:, 0])) == pytest.approx(1.0, abs=2e-3)


def test_points_beyond_bounds_have_no_place_in_model_space():
    frame = si.Frame((2,), columns=("angle", "width"), bounds=si.Bounds(-1.0, torch.tensor([1.0, torch.inf])))
    data = torch.tensor([[0.0, 5.0], [0.5, -1.0], [1.0, 0.0]])
    assert frame.inside(data).tolist() == [True, False, False]
    with pytest.raises(si.DataError, match=r"2 of 3, the first in row 1: width = -1.*between -1 and inf"):
        frame.encode(data)
    # However far out states are, data lie within.
    assert bool(frame.inside(frame.decode(torch.tensor([[500.0, -900.0], [-500.0, 900.0]]))).all())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scale": 0.0}, "scale of a frame"),
        ({"scale": -1.0}, "scale of a frame"),
        ({"scale": float("inf")}, "scale of a frame"),
        ({"shift": float("nan")}, "shift of a frame"),
        ({"shift": torch.zeros(3)}, "shift of a frame"),
        ({"columns": ("a",)}, "columns of a frame"),
        ({"bounds": si.Bounds(torch.zeros(3), torch.ones(3))}, "bounds of a frame"),
    ],
)
def test_frames_that_are_none(options, said):
    with pytest.raises(si.DataError, match=said):
        si.Frame((2,), **options)


@pytest.mark.parametrize("ends", [(1.0, 1.0), (2.0, 1.0), (float("nan"), 1.0), (torch.inf, torch.inf)])
def test_bounds_with_nothing_between_them(ends):
    with pytest.raises(si.DataError, match="bounds of an entry"):
        si.Bounds(*ends)


def test_labels_are_drawn_together_as_often_as_they_are():
    rows = {"a": torch.tensor([0] * 30 + [1] * 60 + [1] * 10), "b": torch.tensor([2] * 30 + [0] * 60 + [1] * 10)}
    counts = si.LabelCounts.of(rows)
    n = 20_000
    drawn = counts.draw(n, torch.Generator().manual_seed(0))
    for a, b, p in ((0, 2, 0.3), (1, 0, 0.6), (1, 1, 0.1)):
        share = float(((drawn["a"] == a) & (drawn["b"] == b)).double().mean())
        assert abs(share - p) < 5 * (p * (1 - p) / n) ** 0.5
    pairs = set(zip(drawn["a"].tolist(), drawn["b"].tolist(), strict=True))
    assert pairs == {(0, 2), (1, 0), (1, 1)}
