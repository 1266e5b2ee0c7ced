"""Digits and image folders: scaling, noise, labels, and images that can't be used."""

from __future__ import annotations

import logging
import re
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

import si_core as si
from si_distributions.datasets.digits import Digits
from si_distributions.datasets.images import Images


def picture(path, size=(5, 4), mode="RGB", seed=0):
    """Save a random image and return its pixels (height, width[, 3])."""
    path.parent.mkdir(exist_ok=True)
    shape = (size[1], size[0]) if mode in ("L", "I;16") else (size[1], size[0], len(mode))
    kind = np.uint16 if mode == "I;16" else np.uint8
    pixels = np.random.default_rng(seed).integers(0, 256, shape).astype(kind)
    Image.fromarray(pixels).save(path)
    return pixels


def bomb(width=60_000, height=60_000):
    """A PNG of a few bytes that claims billions of pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


def test_digits_are_grey_levels_in_data_space():
    law = Digits(held_out=0)
    rows, told = law.rows(torch.arange(1797))
    assert law.shape == (1, 8, 8)
    assert (float(rows.min()), float(rows.max())) == (-1, 1)
    data = law.decode(rows)
    assert torch.equal(data, data.round())
    assert (float(data.min()), float(data.max())) == (0, 16)
    assert float(law.frame.log_volume_at(torch.zeros(1, *law.shape))) == pytest.approx(64 * np.log(8))
    assert law.conditions == {"digit": si.ConditionSpec(classes=tuple("0123456789"))}
    assert torch.bincount(told["digit"]).min() > 150
    plain = Digits(label=False)
    assert not plain.conditions
    assert plain.draw(3)[1] is None


def test_dequantised_digits_round_to_the_digits():
    plain, noisy = Digits(), Digits(dequantise=True)
    levels = noisy.decode(noisy.sample(2000, torch.Generator().manual_seed(0)))
    noise = levels - levels.round()
    # Uniform on [-1/2, 1/2): variance 1/12, whose estimate from n numbers has deviation sqrt(1/180 n).
    assert float(noise.var()) == pytest.approx(1 / 12, abs=5 / (180 * noise.numel()) ** 0.5)
    assert float(levels.min()) >= -0.5
    assert float(levels.max()) <= 16.5
    held, again = noisy.held_out()[0], noisy.held_out()[0]
    assert torch.equal(held, again)
    assert torch.equal(noisy.decode(held).round(), plain.decode(plain.held_out()[0]))
    assert not torch.equal(held, plain.held_out()[0])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_folder_of_images(tmp_path, channels):
    mode = {1: "L", 3: "RGB"}[channels]
    pixels = np.stack([picture(tmp_path / f"{i}.png", mode=mode, seed=i) for i in range(6)])
    (tmp_path / "readme.txt").write_text("not an image")
    law = Images(str(tmp_path), channels=channels, held_out=0)
    assert law.shape == (channels, 4, 5)
    rows, told = law.rows(torch.arange(6))
    wanted = pixels[:, None] if channels == 1 else pixels.transpose(0, 3, 1, 2)
    np.testing.assert_allclose(rows, wanted / 127.5 - 1, atol=1e-6)
    np.testing.assert_allclose(law.decode(rows), wanted, atol=1e-4)
    assert told is None
    assert not law.conditions
    assert float(law.frame.log_volume_at(torch.zeros(1, *law.shape))) == pytest.approx(channels * 20 * np.log(127.5))
    assert law.sample(3).dtype == torch.float32
    again = Images(str(tmp_path), channels=channels, held_out=0)
    assert law.fingerprint == again.fingerprint != Images(str(tmp_path), channels=channels, held_out=0.2).fingerprint


def test_subfolders_are_classes(tmp_path):
    for i in range(6):
        picture(tmp_path / ("10" if i % 2 else "9") / f"{i}.png", seed=i)
    # What tools leave behind is no class, and none of its pictures is data.
    for place in (".ipynb_checkpoints/0.png", "__MACOSX/0.png", ".thumbnail.png", "9/._0.png"):
        picture(tmp_path / place)
    law = Images(str(tmp_path), held_out=0)
    assert law.conditions == {"class": si.ConditionSpec(classes=("9", "10"))}
    assert law.rows(torch.arange(6))[1]["class"].tolist() == [1, 1, 1, 0, 0, 0]
    assert not Images(str(tmp_path), label=False).conditions
    picture(tmp_path / "stray.png")
    with pytest.raises(si.DataError, match="1 here, 6 in sub-folders"):
        Images(str(tmp_path))


DAMAGE = {
    "the image is damaged": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\nnonsense"),
    "the image is damaged.*0 bytes": lambda path: path.write_bytes(b""),
    "the image is damaged.*identify": lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0"),
    "the image is too large": lambda path: path.write_bytes(bomb()),
    "the image is too large.*5000 x 5000": lambda path: path.write_bytes(bomb(5000, 5000)),
    "images of several sizes.*got 6 x 4.*5 x 4 as .*a.png": lambda path: picture(path, size=(6, 4)),
}


@pytest.mark.fault(26)
@pytest.mark.parametrize("message", DAMAGE)
def test_an_image_that_cannot_be_used_stops_or_is_skipped(tmp_path, message, caplog):
    picture(tmp_path / "a.png")
    DAMAGE[message](tmp_path / "b.png")
    picture(tmp_path / "c.png")
    with pytest.raises(si.DataError) as caught:
        Images(str(tmp_path))
    text = " ".join(str(caught.value).split())
    assert text.startswith(str(tmp_path / "b.png"))
    assert re.search(message, text), text
    with caplog.at_level(logging.WARNING):
        law = Images(str(tmp_path), damaged="skip", held_out=0)
    assert (law.size, law.skipped) == (2, 1)
    assert "skipped 1 of 3 images" in caplog.text


@pytest.mark.fault(26)
def test_folders_without_use_are_named(tmp_path):
    for name, message in {"none": "no such folder", "empty": "no images", "x.txt": "a file, not a folder"}.items():
        (tmp_path / "empty").mkdir(exist_ok=True)
        (tmp_path / "x.txt").write_text("")
        with pytest.raises(si.DataError, match=message):
            Images(str(tmp_path / name))
    (tmp_path / "empty" / "a.png").write_bytes(b"")
    with pytest.raises(si.DataError, match="no image can be used"):
        Images(str(tmp_path / "empty"), damaged="skip")
    with pytest.raises(si.UsageError, match="channels"):
        Images(str(tmp_path), channels=2)


def test_missing_pillow_is_named(tmp_path, monkeypatch):
    picture(tmp_path / "a.png")
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(si.UsageError, match=re.escape("pip install 'si-distributions[images]'")):
        Images(str(tmp_path))
