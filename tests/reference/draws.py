"""Random draws (ODD §2): named by who, when and what for; or ordinary ones, in the order in which they are asked."""

from __future__ import annotations

import random
from statistics import NormalDist

MONTH, PERSON, BELIEFS, RESULTS, VALUES, READINGS = 0, 1, 2, 3, 16, 32
BROUGHT_IN = 64
LEAVE, BECOME_AWARE, ENGAGE, TAKE_PART = 0, 1, 2, 3  # words of a person's month
START, GO_ON, COMMISSIONER_TAKES_PART = 0, 1, 2  # words of a service's month
SERVICE_ID, TEAM_ID = 0xFFFFFFFF, 0xFFFF0000

Ident = tuple[int, int]  # id low, id high

_QUANTILE = NormalDist().inv_cdf  # the standard library implements AS241 too


def philox(key: Ident, counter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Philox4x32-10 of Salmon et al. (2011) in Python integers."""
    k0, k1 = key
    c0, c1, c2, c3 = counter
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, 1 << 32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 1 << 32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0 = (k0 + 0x9E3779B9) % (1 << 32)
        k1 = (k1 + 0xBB67AE85) % (1 << 32)
    return c0, c1, c2, c3


class CounterDraws:
    """Draws that depend on the seed and their name alone."""

    def __init__(self, seed: int) -> None:
        self._key = (seed % (1 << 32), seed >> 32)
        self._month = 0
        self._words: dict[tuple[Ident, int], tuple[int, int, int, int]] = {}

    def uniform(self, ident: Ident, month: int, purpose: int, word: int) -> float:
        if month != self._month:
            self._words.clear()
            self._month = month
        if (ident, purpose) not in self._words:
            self._words[ident, purpose] = philox(self._key, (*ident, month, purpose))
        return (self._words[ident, purpose][word] + 0.5) / 2**32

    def normal(self, ident: Ident, month: int, purpose: int, word: int) -> float:
        return _QUANTILE(self.uniform(ident, month, purpose, word))


class OrdinaryDraws:
    """The same questions answered by the standard library's generator."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def uniform(self, ident: Ident, month: int, purpose: int, word: int) -> float:
        return self._random.random()

    def normal(self, ident: Ident, month: int, purpose: int, word: int) -> float:
        return self._random.gauss(0.0, 1.0)


def normals(draws: CounterDraws | OrdinaryDraws, ident: Ident, month: int, purpose: int, count: int) -> list[float]:
    """One normal per dimension: words 0-3 of `purpose`, then of `purpose` + 1, …"""
    return [draws.normal(ident, month, purpose + k // 4, k % 4) for k in range(count)]
