"""Permutations of 0..n-1 that are functions of a key: no table of n places, and any place by itself.

A generalised Feistel cipher (Black and Rogaway 2002): with ``a = ceil(sqrt n)`` a place is ``(L, R)``, ``L a + R``, and
a round takes it to ``(R, (L + F_k(R)) mod a)``, which can be undone whatever F is. So rounds are a permutation of
0..a^2-1; what falls beyond n is put through them again until it does not (cycle walking): once in ``sqrt n / 2`` times.
F is the finaliser of splitmix64 (Steele, Lea and Flood 2014) of R and the key of the round, which SHA-256 makes.
"""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["permuted"]

_ROUNDS = 8
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)


def permuted(places: NDArray[np.int64], size: int, *key: int) -> NDArray[np.int64]:
    """Where a permutation takes places, shape as they have.

    Args:
        places: in 0..size-1.
        size: the number that is permuted, at most 2^62.
        key: whole numbers that name the permutation.
    """
    keys, side = _keys(key), np.uint64(max(math.isqrt(max(size - 1, 0)) + 1, 1))
    found = places.astype(np.uint64)
    todo = np.arange(found.size)
    flat = found.reshape(-1)
    while todo.size:
        left, right = np.divmod(flat[todo], side)
        for each in keys:
            left, right = right, (left + _mixed(right ^ each) % side) % side
        walked = left * side + right
        flat[todo] = walked
        todo = todo[walked >= np.uint64(size)]
    return flat.reshape(places.shape).astype(np.int64)


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    words = (words ^ (words >> _30)) * _FIRST
    words = (words ^ (words >> _27)) * _SECOND
    return words ^ (words >> _31)


@lru_cache(maxsize=1024)
def _keys(key: tuple[int, ...]) -> NDArray[np.uint64]:
    text = "si permutation 1 " + " ".join(map(str, key))
    digests = b"".join(hashlib.sha256(f"{text}/{k}".encode()).digest() for k in range(_ROUNDS // 4))
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)
