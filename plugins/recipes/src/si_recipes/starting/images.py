"""A recipe for a folder of images: a U-Net, the classes of its sub-folders, one size for all."""

from __future__ import annotations

from collections.abc import Iterator

from si_distributions.look import FoundImages
from si_recipes.starting.recipe import EFFORTS, Line, Plan, classes_in_words, held_out, last_part, spared

__all__ = ["plan_for_images"]

_SMALL = 64
"""A side that a first model on a processor can bear."""


def plan_for_images(found: FoundImages, path: str, labelled: bool, effort: str) -> Plan:
    """What a recipe for these images says.

    Args:
        found: the images.
        path: the folder, from the recipe's.
        labelled: whether the networks are given the sub-folder of each image.
        effort: one of :data:`~si_recipes.starting.recipe.EFFORTS`.
    """
    whole = found.rows - found.damaged
    given = labelled and bool(found.classes)
    return Plan(
        about=list(_about(found)),
        title=f"Images like those of {last_part(path)}",
        target=list(_target(found, path, given, whole)),
        network={"use": "unet", "preset": "tiny"},
        steps=400 * EFFORTS[effort],
        batch=64,
        rate=1e-3,
        conditioned=("class", found.classes[0]) if given else None,
        estimators=["energy-distance"] if spared(whole) else [],
        number=64,
    )


def _about(found: FoundImages) -> Iterator[str]:
    (height, width), count = found.sizes[0]
    sizes = f"all {height} x {width}" if len(found.sizes) == 1 else f"{count} of them {height} x {width}, others not"
    colour = "grey" if found.channels == 1 else "in colour"
    yield f"{found.path}: {found.rows} images {colour}, {sizes}"
    if found.classes:
        yield classes_in_words("sub-folder", found.classes)
    if found.damaged:
        yield f"{found.damaged} can't be opened"


def _target(found: FoundImages, path: str, given: bool, whole: int) -> Iterator[Line]:
    yield Line("use", "images")
    yield Line("path", path, "from the folder of this recipe")
    yield Line("channels", found.channels, "1 is grey, 3 is colour")
    (height, width), _ = found.sizes[0]
    least = min(min(size) for size, _ in found.sizes)
    if len(found.sizes) > 1 or max(height, width) > _SMALL:
        side = max(8, min(_SMALL, least) // 4 * 4)
        yield Line("size", side, "each is scaled to cover it and cropped; larger takes longer")
    if found.classes:
        yield Line("label", given, "the networks are given the sub-folder" if given else "sub-folders are no classes")
    if found.damaged:
        yield Line("damaged", "skip", f"{found.damaged} can't be opened")
    yield held_out(whole, "images")
