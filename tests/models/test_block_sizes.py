"""How many samples are integrated together: fewer of large events, for a whole block is drawn however few are asked."""

import math
from types import SimpleNamespace

import pytest

from si_core.models import blocks
from si_core.models.blocks import block_size


def model(shape, batch=None):
    recipe = SimpleNamespace(sample=SimpleNamespace(batch=batch))
    return SimpleNamespace(process=SimpleNamespace(shape=shape), recipe=recipe)


@pytest.mark.parametrize("shape", [(1,), (64,), (1, 8, 8), (3, 12, 16), (3, 32, 32), (4, 32, 32), (3, 256, 256)])
def test_blocks_of_images_are_smaller(shape):
    size, numbers = block_size(model(shape)), math.prod(shape)
    assert 64 <= size <= blocks.BLOCK
    assert size.bit_count() == 1
    assert size * numbers <= 2**17 or size == 64
    assert 2 * size * numbers > 2**17 or size == blocks.BLOCK


def test_small_events_have_whole_blocks_and_a_recipe_decides():
    assert block_size(model((2,))) == block_size(model((1, 8, 8))) == blocks.BLOCK
    assert block_size(model((3, 256, 256), batch=7)) == 7
