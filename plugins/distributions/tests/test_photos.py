"""Patches of photographs: bytes of what scikit-learn brings, at every place, and none of those held out."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image

import si_core as si
from si_distributions.datasets.photos import Photos


def test_rows_are_the_patches_of_the_photographs():
    law = Photos(side=5, held_out=0)
    height, width = 427 - 4, 640 - 4
    assert law.size == 2 * height * width
    places = [(0, 0, 0), (0, 17, 600), (1, 422, 635)]
    index = torch.tensor([(which * height + top) * width + left for which, top, left in places])
    rows, told = law.rows(index)
    for (which, top, left), row in zip(places, law.decode(rows), strict=True):
        photo = load_sample_image(["china.jpg", "flower.jpg"][which])
        assert np.array_equal(row.permute(1, 2, 0).numpy(), photo[top : top + 5, left : left + 5])
    assert told["photo"].tolist() == [0, 0, 1]
    assert law.conditions["photo"].classes == ("china", "flower")
    assert law.frame.pixels == (0.0, 255.0)


def test_rows_held_out_share_no_pixel_with_training():
    """Marked by its place along the photograph, a pixel is on one side alone."""
    law = Photos(side=4, shrink=8, held_out=0.25)
    (drawn, rest) = law._photos.tensor, law._rest
    assert (drawn.shape[-1], rest.shape[-1]) == (60, 20)
    photos = torch.from_numpy(np.stack([load_sample_image(f"{name}.jpg") for name in ("china", "flower")]))
    means = torch.nn.functional.avg_pool2d(photos.permute(0, 3, 1, 2).double(), 8).round()
    assert torch.equal(torch.cat([drawn, rest], -1).double(), means)
    held, told = law.held_out()
    # Every fourth place: 13 x 5 of 50 x 17.
    assert held.shape == (2 * 13 * 5, 3, 4, 4)
    assert torch.bincount(told["photo"]).tolist() == [65, 65]
    assert Photos(side=4, shrink=8, held_out=0.0).held_out() is None


def test_draws_are_rows_or_their_mirror_images():
    law, flipped = (Photos(side=3, shrink=40, channels=1, held_out=0, flip=flip) for flip in (False, True))
    rows = law.rows(torch.arange(law.size))[0].flatten(1)
    mirrored = law.rows(torch.arange(law.size))[0].flip(-1).flatten(1)
    for which, known in ((law, rows), (flipped, torch.cat([rows, mirrored]))):
        drawn = which.sample(400, torch.Generator().manual_seed(0)).flatten(1)
        found = (drawn[:, None] == known).all(-1)
        assert bool(found.any(1).all())
        assert which is law or bool((~found[:, : len(rows)].any(1)).any())
    assert law.fingerprint != flipped.fingerprint


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"side": 200, "shrink": 4}, r"(?s)side.*got 200 for parts of 106 x 16 pixels.*held_out: 0"),
        ({"side": 65}, "parts of 427 x 64"),
        ({"channels": 2}, "channels"),
        ({"side": 0}, "side"),
        ({"held_out": 1.0}, "held_out"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(si.UsageError, match=words):
        Photos(**options)


def test_without_pillow_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(si.UsageError, match=r"(?s)Pillow.*si-distributions\[images\]"):
        Photos(side=4)
