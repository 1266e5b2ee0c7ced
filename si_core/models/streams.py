"""Random streams: each use of randomness in a run has a generator of its own, derived from the recipe's seed.

A stream is named by ``(seed, purpose, *indices)``: the purpose says what is drawn, the indices say where (rank, step,
block; the one that counts up comes last). Nothing else enters, so the draws of step 700 are the same whether or not
the run was interrupted, and the 3rd block of samples is the same on one process or eight.

The derivation is fixed for ever, as every stored result depends on it. With ``le8(n)`` the 8 bytes of n, least
significant first::

    message(indices) = "si-core stream 1\\0" | le8(seed) | le8(bytes of purpose) | purpose in UTF-8 | le8(i) for each i
    high  = first 4 bytes of SHA-256(message(all indices)), big-endian, shifted right by 1      (31 bits)
    base  = first 4 bytes of SHA-256(message(all but the last index)), big-endian               (32 bits)
    low   = (base + 0x9E3779B9 * last index) mod 2^32        (last index 0 where there is none)
    seed of the stream = high * 2^32 + low                                                      (63 bits)

torch's generator on the CPU uses the low 32 bits of its seed only. A plain hash would therefore give equal draws to
some two of 100,000 steps with a probability of 70 %. As the multiplier is odd, the low words of up to 2^32
consecutive last indices are all distinct.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from numbers import Integral
from typing import TYPE_CHECKING

from si_core.errors import UsageError

if TYPE_CHECKING:
    import torch

__all__ = ["PURPOSES", "generator", "reseed", "stream_seed"]

PURPOSES = (
    "data",
    "order",
    "times",
    "noise",
    "conditions",
    "initialisation",
    "network",
    "evaluation",
    "sample",
    "validation",
)
"""The purposes the core draws for; a plugin names its own, such as ``"si-mine/mask"``."""

_DOMAIN = b"si-core stream 1\0"
_ODD = 0x9E3779B9


def stream_seed(seed: int, purpose: str, *indices: int) -> int:
    """The 63-bit seed of a stream; the formula stands above.

    Args:
        seed: the recipe's seed, in 0 ... 2^63 - 1.
        purpose: what is drawn, such as ``"noise"``.
        indices: where it is drawn, such as rank and step, each in 0 ... 2^63 - 1; the one that counts up last.

    Raises:
        UsageError: a seed or an index that is no integer in range, or an empty purpose.
    """
    if not indices:
        message, base = _series(seed, purpose)
        return _word(message) >> 1 << 32 | base
    *series, last = indices
    message, base = _series(seed, purpose, *series)
    last = _checked(last, purpose)
    high = _word(message + last.to_bytes(8, "little")) >> 1
    return high << 32 | (base + _ODD * last) & 0xFFFFFFFF


def reseed(generator: torch.Generator, seed: int, purpose: str, *indices: int) -> torch.Generator:
    """Put ``generator`` at the start of a stream and return it; costs microseconds, so once a step is fine."""
    return generator.manual_seed(stream_seed(seed, purpose, *indices))


def generator(seed: int, purpose: str, *indices: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A new generator on ``device`` at the start of a stream; draws on different devices differ."""
    import torch

    return reseed(torch.Generator(device=device), seed, purpose, *indices)


@lru_cache(maxsize=256, typed=True)
def _series(seed: int, purpose: str, *indices: int) -> tuple[bytes, int]:
    """The message and the base of streams that differ in the last index: a loop of steps needs them once."""
    if not isinstance(purpose, str) or not purpose:
        raise UsageError("the purpose of a stream is a word", where="stream_seed", got=repr(purpose), allowed=PURPOSES)
    name = purpose.encode()
    head = _DOMAIN + _checked(seed, purpose).to_bytes(8, "little") + len(name).to_bytes(8, "little") + name
    message = head + b"".join(_checked(index, purpose).to_bytes(8, "little") for index in indices)
    return message, _word(message)


def _checked(number: int, purpose: str) -> int:
    # The first question is the quick one, and its answer nearly always yes.
    whole = type(number) is int or (isinstance(number, Integral) and not isinstance(number, bool))
    if not (whole and 0 <= number < 1 << 63):
        raise UsageError(
            "a seed or index is a whole number",
            where=f"stream {purpose!r}",
            got=repr(number),
            allowed="0 ... 2^63 - 1",
        )
    return int(number)


def _word(message: bytes) -> int:
    return int.from_bytes(hashlib.sha256(message).digest()[:4], "big")
