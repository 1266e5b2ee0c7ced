"""Frames: units that lose nothing, and labels drawn as often as they are."""

import json

import pytest
import torch

import si_core as si


def frames():
    wide = torch.tensor([1.0, 1e-3, 1e6], dtype=torch.float64)
    yield si.Frame((3,))
    yield si.Frame((3,), shift=torch.tensor([0.0, 1e8, -3.0]), scale=wide, columns=("a", "b, c", "d e"))
    yield si.Frame((1, 2, 2), shift=127.5, scale=127.5, pixels=(0.0, 255.0))
    yield si.Frame((), shift=1.7e9, scale=60.0)
    yield si.Frame((2,), scale=0.1, labels=si.LabelCounts({"kind": torch.tensor([-1, 0, 2])}, torch.tensor([1, 5, 2])))


@pytest.mark.parametrize("frame", list(frames()), ids=lambda frame: str(frame.shape))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_data_keep_their_resolution(frame, dtype):
    x = torch.randn(400, *frame.shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    data = frame.decode(x)
    truth = frame.shift + frame.scale * x.double()
    # A hundred-thousandth of the scale at most is lost, or as little as the dtype of x itself resolves.
    allowed = (1e-5 + 4 * torch.finfo(dtype).eps * x.double().abs()) * frame.scale
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
    assert again.log_volume == frame.log_volume
    if frame.labels is not None:
        draws = (labels.draw(50, torch.Generator().manual_seed(1))["kind"] for labels in (again.labels, frame.labels))
        assert torch.equal(*draws)


def test_the_volume_is_that_of_the_map():
    frame = si.Frame((2, 3), shift=5.0, scale=torch.rand(3, dtype=torch.float64) + 0.5)
    x = torch.randn(2, 3, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda v: frame.decode(v[None])[0], x).reshape(6, 6)
    assert frame.log_volume == pytest.approx(float(torch.linalg.slogdet(jacobian)[1]), rel=1e-12)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scale": 0.0}, "scale of a frame"),
        ({"scale": -1.0}, "scale of a frame"),
        ({"scale": float("inf")}, "scale of a frame"),
        ({"shift": float("nan")}, "shift of a frame"),
        ({"shift": torch.zeros(3)}, "shift of a frame"),
        ({"columns": ("a",)}, "columns of a frame"),
    ],
)
def test_frames_that_are_none(options, said):
    with pytest.raises(si.DataError, match=said):
        si.Frame((2,), **options)


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
