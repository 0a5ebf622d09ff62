"""Eight runs at once give the bits of eight single runs."""

from __future__ import annotations

import numpy as np
import pytest

from valign.model.compiled.compiling import COMPILED, compiled, inlined
from valign.model.compiled.lanes import LANES, in_strips, number, root, some, strip, where, zero
from valign.model.compiled.randomness import exponential, logarithm, normal_quantile, philox, uniform

W = 3 * LANES + 5
ROWS = 9
pytestmark = pytest.mark.skipif(not COMPILED, reason="without compiled code there are no lanes")


@inlined
def part(x, y, stage, word, out, found, at):
    """Everything that kernels do with lanes."""
    a, b = x[at], y[at]
    out[0, at] = min(max(a, 0.0), b) - max(1.0, min(a, 0.5)) / (a - b)
    out[1, at] = where((a < b) & ~(stage[at] == 2), abs(a * b), -a)
    out[2, at] = number((stage[at] >= 1) | (a != b)) + 3 * number(a == a)
    out[3, at] = exponential(a)
    out[4, at] = logarithm(abs(a) + 0.125) + root(abs(b))
    words = philox(word[at], word[at], word[at], word[at], word[at], word[at])
    out[5, at] = uniform(words[1])
    out[6, at] = normal_quantile(uniform(words[2]))
    out[7, at] = zero(at)
    if some(stage[at] == 3):
        out[7, at] = where(stage[at] == 3, 1.0, 0.0)
    out[8, at] = a
    out[8, at] += stage[at] * b
    found[at] = where(stage[at] == 1, 2, stage[at])
    found[at] = where(a < 0.0, found[at], a > 1.0)


@compiled
def in_both_ways(x, y, stage, word, eight, found_eight, one, found_one):
    whole = in_strips(x)
    for r in range(0, whole, LANES):
        part(x, y, stage, word, eight, found_eight, strip(r))
    for r in range(whole, len(x)):
        part(x, y, stage, word, eight, found_eight, r)
    for r in range(len(x)):
        part(x, y, stage, word, one, found_one, r)


def test_eight_at_once_are_eight_times_one() -> None:
    random = np.random.default_rng(5)
    eight, one = np.full((ROWS, W), np.nan), np.full((ROWS, W), np.nan)
    found_eight, found_one = np.zeros(W, np.int8), np.zeros(W, np.int8)
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 800.0, -800.0, 1e-9])
    for _ in range(200):
        x, y = random.normal(scale=3.0, size=(2, W))
        x[random.integers(W, size=9)] = special
        y[random.integers(W, size=9)] = special
        stage = random.integers(4, size=W).astype(np.int8)
        word = random.integers(2**32, size=W).astype(np.uint64)
        in_both_ways(x, y, stage, word, eight, found_eight, one, found_one)
        for row in range(ROWS):
            np.testing.assert_array_equal(eight[row], one[row], err_msg=f"row {row}")
        where_zero = one == 0.0
        np.testing.assert_array_equal(np.signbit(eight[where_zero]), np.signbit(one[where_zero]))
        np.testing.assert_array_equal(found_eight, found_one)


def test_what_is_left_over_is_taken_one_by_one() -> None:
    assert [in_strips(np.zeros(n)) for n in (1, 7, 8, 13, 64)] == [0, 0, 8, 8, 64]
