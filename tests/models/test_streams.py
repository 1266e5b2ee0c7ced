"""Random streams: pinned for ever, distinct, and a function of nothing but their name."""

import hashlib

import pytest
import torch

from si_core.errors import UsageError
from si_core.models.streams import PURPOSES, generator, reseed, stream_seed


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ((0, "data"), 4708244672209622827),
        ((7, "noise", 0), 5677354822016452620),
        ((7, "noise", 500), 2420072992265340256),
        ((7, "initialisation"), 7754744489410610700),
        ((9223372036854775807, "sample", 9223372036854775807), 8508998134532131737),
        ((7, "évaluation", 1, 2), 983651244362287024),
    ],
)
def test_pinned_seeds(name, expected):
    assert stream_seed(*name) == expected


def test_the_documented_bytes():
    def word(indices):
        le8 = [number.to_bytes(8, "little") for number in (7, 5, *indices)]
        message = b"si-core stream 1\0" + le8[0] + le8[1] + b"noise" + b"".join(le8[2:])
        return int.from_bytes(hashlib.sha256(message).digest()[:4], "big")

    low = (word([1]) + 0x9E3779B9 * 500) % 2**32
    assert stream_seed(7, "noise", 1, 500) == (word([1, 500]) >> 1) * 2**32 + low


def test_streams_are_distinct_in_63_bits():
    names = [
        (seed, purpose, *i)
        for seed in range(5)
        for purpose in PURPOSES
        for i in [(), (0,), (1,), (0, 0), (0, 1), (1, 0)]
    ]
    seeds = {stream_seed(*name) for name in names}
    assert len(seeds) == len(names)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_cpu_generator_never_repeats_within_a_purpose():
    # The CPU generator reads 32 bits; plain hashes of 150,000 steps would collide with probability 93 %.
    count = 150_000
    assert len({stream_seed(7, "noise", 0, step) & 0xFFFFFFFF for step in range(count)}) == count


def test_reseed_and_generator_agree_and_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    used = torch.Generator()
    torch.randn(10, generator=used)
    first = torch.randn(5, generator=reseed(used, 7, "data", 3))
    assert torch.equal(first, torch.randn(5, generator=generator(7, "data", 3)))
    assert not torch.equal(first, torch.randn(5, generator=generator(7, "data", 4)))
    assert torch.equal(before, torch.get_rng_state())


def test_streams_of_neighbouring_steps_are_uncorrelated():
    draws = torch.stack([torch.randn(400, generator=generator(7, "noise", step)) for step in range(200)])
    # The correlation of independent draws has standard deviation 1/sqrt(400); none of 19,900 exceeds six of them.
    correlation = torch.corrcoef(draws).fill_diagonal_(0.0)
    assert correlation.abs().max() < 6 / 20


@pytest.mark.parametrize(
    "name", [(-1, "data"), (2**63, "data"), (True, "data"), (1.0, "data"), (1, ""), (1, "data", -1)]
)
def test_impossible_names_are_refused(name):
    with pytest.raises(UsageError):
        stream_seed(*name)
