"""Eight runs at once in vector registers: a kernel reads as if it had one run.

`for at in …` is not possible in compiled code with two kinds of `at`, so a kernel has a part for runs `at` that it calls
for every strip of eight, `part(S, i, strip(r))`, and for every run that is left over, `part(S, i, r)`. In that part
`S.clarity[i, at]` is one number or eight of them, and + - * /, comparisons, & | ~, `abs`, `min`, `max`, `where` and
`some` mean the same of both. Every lane is rounded as a single number would be, so bits do not depend on the width, nor
on the vectors of a processor: LLVM makes two, four or eight instructions of one where they are shorter.

What stands in a register need not be written to memory and read again for every tie, as a sum in a row would, and no
two arrays have to be compared first, lest they overlap.

Here stands what Python makes of it, one run at a time; numba_lanes.py says what compiled code does.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .compiling import compiled

LANES = 8


def strip(r: int) -> Any:
    """The eight runs from run r on; in a run alone eight of another axis. In compiled code."""
    raise NotImplementedError("there are no strips in plain Python")


def in_strips(runs):
    """How many runs are in whole strips; those after them are taken one by one."""
    return 0


def alone(runs):
    """Whether compiled code is for a run alone, with strips of dimensions or people."""
    return False


@compiled
def eights(start, stop):
    """The first of every eight rows from `start` on that end before `stop`."""
    return range(start, stop - LANES + 1, LANES)


@compiled
def left_over(start, stop):
    """The first of the rows after those."""
    return stop - (stop - start) % LANES


def keep(array, at, value, counts):
    """Write those of eight numbers that count; what stands in the other places stays. In compiled code."""
    raise NotImplementedError("there are no strips in plain Python")


def first_of(count):
    """A mask that holds for the first `count` of eight lanes, for all of them where there are more. In compiled code."""
    raise NotImplementedError("there are no strips in plain Python")


def rows_in_turn(total, rows):
    """total + rows[n, 0] + rows[n, 1] + … + rows[n, 7] for each of eight rows n [8 x 8], side by side. In compiled code."""
    raise NotImplementedError("there are no strips in plain Python")


def where(mask, a, b):
    """a where the mask holds, else b. Both are computed: a choice, and not a branch."""
    return a if mask else b


def some(mask):
    """Whether a mask holds for any of the runs."""
    return bool(mask)


def number(mask):
    """1.0 where a mask holds, else 0.0."""
    return np.float64(mask)


def zero(at):
    """0.0 at a run, or at each of eight, for a sum to begin with. (0.0 x is -0.0 where x is negative.)"""
    return np.float64(0.0)


def root(x):
    """The square root."""
    return np.sqrt(x)


def fraction(x):
    """f of a positive normal number f 2**e with f from .5 to 1."""
    return math.frexp(x)[0]


def exponent(x):
    """e of a positive normal number f 2**e with f from .5 to 1."""
    return np.float64(math.frexp(x)[1])


def number_of_word(word):
    """A 32-bit word as a number. (Processors without AVX-512 have no instruction for 64 bits.)"""
    return np.float64(word)


def power_of_two(rounded):
    """2**k of a number k to which 1.5 * 2**52 was added, so that k stands in its low bits."""
    k = np.float64(rounded).view(np.int64) + np.int64(1023)
    return (k << np.int64(52)).view(np.float64)
