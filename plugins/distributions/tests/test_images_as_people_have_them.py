"""Images as people have them, and what happens: the rows on images of the table in the README."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import si_core as si
from si_distributions.datasets.images import Images

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
CASES: dict[str, tuple[str, Callable[[Album], None]]] = {}
RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (4, 6, 3), dtype=np.uint8)
GREY = RNG.integers(0, 256, (4, 6), dtype=np.uint8)


class Album:
    """A folder of images, and what comes of it."""

    def __init__(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        self.pillow = pytest.importorskip("PIL.Image")
        self.folder, self.log = path, caplog

    def add(self, image: object, name: str = "a.png", **how: object) -> Album:
        (self.folder / name).parent.mkdir(exist_ok=True)
        image = self.pillow.fromarray(image) if isinstance(image, np.ndarray) else image
        image.save(self.folder / name, **how)
        return self

    def law(self, **options: object) -> Images:
        with self.log.at_level(logging.INFO):
            return Images(str(self.folder), **{"held_out": 0, "dtype": "float64", **options})

    def reads(self, pixels: np.ndarray, says: str = "", atol: float = 1e-9, **options: object) -> None:
        """The only image has these pixels, (H, W) or (H, W, 3), and these words or none are said."""
        law = self.law(channels=3 if pixels.ndim == 3 else 1, **options)
        found = law.decode(law.rows(torch.arange(1))[0])[0].numpy()
        np.testing.assert_allclose(found, pixels.transpose(2, 0, 1) if pixels.ndim == 3 else pixels[None], atol=atol)
        warned = [record.getMessage() for record in self.log.records if record.levelno == logging.WARNING]
        assert bool(warned) == bool(says), warned
        assert re.search(says, " ".join(warned)), warned

    def refused(self, words: str, **options: object) -> None:
        with pytest.raises(si.SIError) as caught:
            self.law(**options)
        text = " ".join(str(caught.value).split())
        assert re.search(words, text), text
        assert text.startswith(str(self.folder))


def case(file: str, happens: str) -> Callable[[Callable[[Album], None]], None]:
    def add(check: Callable[[Album], None]) -> None:
        assert file not in CASES
        CASES[file] = happens, check

    return add


@case("colour images", "read as `channels: 3`; grey with `channels: 1`")
def _(a: Album) -> None:
    a.add(COLOUR).reads(COLOUR)
    a.reads(np.asarray(a.pillow.fromarray(COLOUR).convert("L")))


@case("grey images", "read as `channels: 1`; three equal channels with `channels: 3`")
def _(a: Album) -> None:
    a.add(GREY).reads(GREY)
    a.reads(np.stack([GREY] * 3, -1))


@case("images of 16 bits", "rounded to 8, white stays white, with a warning")
def _(a: Album) -> None:
    deep = GREY.astype(np.uint16) * 257
    deep[0, :3] = 0, 65535, 128
    wanted = GREY.copy()
    wanted[0, :3] = 0, 255, 0
    a.add(deep).reads(wanted, "1 of 1 images: 16 bits, rounded to 8")
    a.log.clear()
    a.reads(np.stack([wanted] * 3, -1), "16 bits")


@case("images with a palette", "their colours")
def _(a: Album) -> None:
    image = a.pillow.fromarray(COLOUR).quantize(8)
    a.add(image).reads(np.asarray(image.convert("RGB")))
    a.add(image, "a.gif")
    (a.folder / "a.png").unlink()
    a.reads(np.asarray(image.convert("RGB")))


@case("transparent images", "laid over white, or `background: black`, with a warning that says how many")
def _(a: Album) -> None:
    alpha = np.full((4, 6, 1), 255, np.uint8)
    a.add(np.concatenate([COLOUR, alpha], -1)).reads(COLOUR)
    alpha[0] = 0
    a.add(np.concatenate([COLOUR, alpha], -1))
    for background, level in (("white", 255), ("black", 0)):
        a.log.clear()
        wanted = COLOUR.copy()
        wanted[0] = level
        a.reads(wanted, f"1 of 1 images: transparent, laid over {background}", background=background)
    a.log.clear()
    grey = np.stack([GREY, alpha[..., 0]], -1)
    a.add(a.pillow.fromarray(grey, "LA"))
    a.reads(np.concatenate([np.full((1, 6), 255), GREY[1:]]), "transparent")


@case("a palette with a transparent colour", "the same")
def _(a: Album) -> None:
    image = a.pillow.fromarray(GREY // 64 * 64).convert("P")
    clear = GREY // 64 == 0
    a.add(image, transparency=0).reads(np.where(clear, 255, GREY // 64 * 64), "transparent, laid over white")


@case("images for print (CMYK)", "their colours, as Pillow converts them")
def _(a: Album) -> None:
    image = a.pillow.fromarray(COLOUR).convert("CMYK")
    a.add(image, "a.tif").reads(COLOUR, atol=1.01)
    a.reads(np.asarray(image.convert("RGB").convert("L")))


@case("images of 1 bit", "black is 0, white 255")
def _(a: Album) -> None:
    a.add(a.pillow.fromarray(GREY > 127)).reads(np.where(GREY > 127, 255, 0))


@case("images of floating-point numbers", "refused: no brightness; as .npy for `array`")
def _(a: Album) -> None:
    a.add(a.pillow.fromarray(GREY.astype(np.float32)), "a.tif").refused(
        "a.tif: pixels that are no brightness got mode F"
    )


@case("images of several sizes", "refused: both sizes, and `size` as the way out")
def _(a: Album) -> None:
    a.add(COLOUR).add(COLOUR[:3], "b.png").refused(
        "b.png: images of several sizes got 6 x 3; allowed 6 x 4 as .*a.png.*size: 4"
    )
    with pytest.raises(si.DataError) as refused:
        a.law()
    # Skipping would leave all out but those of the first one's size.
    assert "skip" not in str(refused.value)
    clear = np.concatenate([COLOUR[:3], np.zeros((3, 6, 1), np.uint8)], 2)
    a.add(clear, "c.png")
    assert a.law(damaged="skip").skipped == 2
    assert "skipped 2 of 3 images" in a.log.text
    # Neither is the way out told for each, nor is an image counted that is not used.
    assert "set size" not in a.log.text
    assert "transparent" not in a.log.text


@case("the same, `size: 64` or `size: [64, 96]`", "scaled to cover it, cropped evenly at both sides")
def _(a: Album) -> None:
    a.add(COLOUR).add(COLOUR[:3], "b.png").add(COLOUR.repeat(9, 0), "c.jpg")
    assert a.law(size=8).shape == (3, 8, 8)
    assert a.law(size=[5, 7]).shape == (3, 5, 7)
    a.reads(COLOUR, size=[4, 6])
    # The middle of what is twice as wide is itself.
    ends = np.zeros_like(COLOUR[:, :3])
    (a.folder / "b.png").unlink()
    (a.folder / "c.jpg").unlink()
    a.add(np.concatenate([ends, COLOUR, ends], 1)).reads(COLOUR, size=[4, 6])
    for size in (0, 5000, [4], [4, 5, 6]):
        with pytest.raises(si.UsageError, match="size"):
            a.law(size=size)


@case("photographs taken with the camera turned (EXIF)", "upright")
def _(a: Album) -> None:
    for orientation, turned in {
        3: COLOUR[::-1, ::-1],
        6: COLOUR.transpose(1, 0, 2)[:, ::-1],
        2: COLOUR[:, ::-1],
    }.items():
        exif = a.pillow.Exif()
        exif[274] = orientation
        for name in ("a.png", "a.webp", "a.tif"):
            how = {"lossless": True, "exact": True} if name == "a.webp" else {}
            a.add(COLOUR, name, exif=exif, **how).reads(turned)
            (a.folder / name).unlink()


@case("images of several frames", "the first one, with a warning")
def _(a: Album) -> None:
    first, second = a.pillow.fromarray(GREY), a.pillow.fromarray(GREY[::-1].copy())
    a.add(first, "a.tif", save_all=True, append_images=[second]).reads(GREY, "several frames, the first one taken")


@case("images in sub-folders", "classes by the folders' names; none with `label: false`")
def _(a: Album) -> None:
    a.add(GREY, "cats/1.png").add(GREY // 2, "dogs/1.png").add(GREY // 3, "cats/2.png")
    law = a.law(channels=1)
    assert law.conditions == {"class": si.ConditionSpec(classes=("cats", "dogs"))}
    assert law.rows(torch.arange(3))[1]["class"].tolist() == [0, 0, 1]
    assert not a.law(label=False).conditions


@case("hidden files and folders, `__MACOSX`", "left out")
def _(a: Album) -> None:
    a.add(GREY).add(GREY, "__MACOSX/b.png").add(GREY, ".ipynb_checkpoints/c.png").add(GREY, "._a.png")
    assert a.law().size == 1
    assert not a.law().conditions


@case("images both in the folder and in sub-folders", "refused: how many of each")
def _(a: Album) -> None:
    a.add(GREY).add(GREY, "cats/b.png").refused("1 here, 1 in sub-folders")


@case(
    "one file that is damaged, empty or no image", "refused by its path; with `damaged: skip` left out with a warning"
)
def _(a: Album) -> None:
    a.add(GREY).add(GREY, "b.png")
    whole = (a.folder / "b.png").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"GIF89a", whole.replace(b"IDAT", b"IDAX")):
        (a.folder / "b.png").write_bytes(damaged)
        a.refused("b.png: the image is damaged")
        assert a.law(damaged="skip").skipped == 1
    assert "skipped 1 of 2 images" in a.log.text


@case("images of more than 2^24 pixels", "refused before they are decoded")
def _(a: Album) -> None:
    a.add(a.pillow.new("1", (5000, 5000))).refused("a.png: the image is too large got 5000 x 5000 pixels")


@case("`flip: true`", "draws of training rows are mirrored left to right or not, with equal chance")
def _(a: Album) -> None:
    a.add(GREY).add(GREY // 2, "b.png")
    law, plain = a.law(channels=1, flip=True, held_out=0.5), a.law(channels=1, held_out=0.5)
    (image,) = law.rows(torch.arange(1))[0]
    drawn = law.sample(400, torch.Generator().manual_seed(0))
    straight = (drawn == image).flatten(1).all(1)
    assert bool((straight | (drawn == image.flip(-1)).flatten(1).all(1)).all())
    assert abs(int(straight.sum()) - 200) < 50  # five deviations of a binomial count
    assert torch.equal(law.held_out()[0], plain.held_out()[0])
    assert law.fingerprint != plain.fingerprint


def test_the_readme_has_these_rows_and_no_others():
    table = re.findall(r"^\| (.+?) \| (.+?) \|$", README[README.index("| image |") :], re.MULTILINE)[2:]
    assert table == [(file, happens) for file, (happens, _) in CASES.items()]


@pytest.mark.fault(26)
@pytest.mark.parametrize("name", CASES)
def test_images_as_people_have_them(name, tmp_path, caplog):
    CASES[name][1](Album(tmp_path, caplog))
