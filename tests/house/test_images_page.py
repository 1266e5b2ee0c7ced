"""The page about images: its recipe is right for a folder of images, and its names are those of components and keys."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("si_recipes")
Image = pytest.importorskip("PIL.Image")

PAGE = (Path(__file__).parents[2] / "docs" / "learn" / "images.md").read_text(encoding="utf-8")


def photos(folder: Path) -> None:
    for number, name in enumerate(["cats", "dogs"] * 4):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((60, 70, 3), 30 * number, np.uint8)).save(folder / name / f"{number}.png")


def test_its_recipe_can_be_built(tmp_path: Path) -> None:
    from si_core.cli.main import main

    (recipe,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    photos(tmp_path / "photos")
    (tmp_path / "photos.yaml").write_text(recipe, encoding="utf-8")
    assert main(["validate", str(tmp_path / "photos.yaml"), "--build", "network.width=8"]) == 0


def test_its_fragments_select_what_there_is() -> None:
    from si_core.recipes.loader import load_recipe

    given = {"path: latents.npy": "array", "path: latents, key": "shards", "path: pairs.npz": "array"}
    for fragment, name in given.items():
        assert f"target: {{use: {name}, {fragment}" in PAGE
    for network in ("{use: transformer, preset: XL/2}", "{use: unet, channels: [mask]}"):
        assert f"network: {network}" in PAGE
        load_recipe("checkerboard", [f"network={network}"])
    for key in ("train.schedule={use: cosine, warmup: 1000}", "sample.epsilon=0.5", "coupling=optimal-transport"):
        load_recipe("checkerboard", [key])
        assert key.replace("=", ": ") in PAGE or key.split(".")[-1].replace("=", ": ", 1) in PAGE
