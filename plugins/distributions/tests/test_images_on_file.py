"""Images that stay files: the numbers of those in memory, a cache of bounded size, and faults by file and number."""

from __future__ import annotations

import logging
import os

import numpy as np
import pytest
import torch
from PIL import Image

import si_core as si
from si_distributions.datasets.images import Images


@pytest.fixture
def folder(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 4, 5, 3), dtype=np.uint8)
    for i, image in enumerate(pixels):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / "ab"[i % 2] / f"{i:02}.png")
    return tmp_path


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("options", [{}, {"channels": 1, "size": 3}, {"dequantise": True, "flip": True}], ids=str)
@pytest.mark.parametrize("more", [{}, {"cache": 0}, {"check": "sizes"}], ids=str)
def test_they_are_those_in_memory_bit_for_bit(folder, options, more):
    first, second = Images(folder, **options), Images(folder, storage="file", **options, **more)
    assert (first.prefetch, second.prefetch) == (0, 1)
    assert first.frame.plain() == second.frame.plain()
    assert first.moments == second.moments
    for ours, theirs in (
        [law.draw(30, seeded(3)) for law in (first, second)],
        [law.draw(30, seeded(3)) for law in (first, second)],
        [law.held_out() for law in (first, second)],
    ):
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[1]["class"], theirs[1]["class"])
    assert Images(folder, storage="file", **options, **more).fingerprint == second.fingerprint


def test_fingerprints_tell_pixels_apart(folder):
    mark = Images(folder, storage="file").fingerprint
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(folder / "a" / "00.png")
    assert Images(folder, storage="file").fingerprint != mark


@pytest.mark.fault(26, 28, 29)
@pytest.mark.parametrize("wrong", ["damaged", "another size", "gone", "changed"])
def test_what_goes_wrong_later_is_told_by_file_and_number(folder, wrong):
    # Of 40 images in two folders, the third in b.
    file, row = folder / "b" / "05.png", 22
    law = Images(folder, storage="file", check="sizes", held_out=0)
    if wrong == "damaged":
        file.write_bytes(file.read_bytes()[:60])
        law = Images(folder, storage="file", check="sizes", held_out=0)
    elif wrong == "another size":
        Image.fromarray(np.zeros((7, 7, 3), np.uint8)).save(file)
        law = Images(folder, storage="file", check="sizes", held_out=0)
    elif wrong == "gone":
        file.unlink()
    else:
        os.utime(file, ns=(1, 1))
    assert len(law.rows(torch.arange(20))[0]) == 20
    words = {"damaged": "damaged", "another size": "several sizes", "gone": "gone", "changed": "changed while"}
    with pytest.raises(si.DataError, match=words[wrong]) as caught:
        law.rows(torch.arange(40))
    assert f"{file} (image {row})" in str(caught.value)
    if wrong in ("damaged", "another size"):
        # With all pixels looked at, training does not begin.
        with pytest.raises(si.DataError, match=words[wrong]):
            Images(folder, storage="file")


def test_equal_images_on_both_sides_are_told(folder, caplog):
    for i in range(40):
        Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(folder / "ab"[i % 2] / f"{i:02}.png")
    with caplog.at_level(logging.WARNING):
        Images(folder, storage="file")
    assert "4 of 4 rows held out are training rows as well" in caplog.text
