"""Counter-based random numbers and elementary functions whose bits are the same everywhere.

Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011, SC'11): the four words depend on (key, counter) alone, so a draw
is named by who, when and what for, and never by the order of evaluation. `exponential`, `logarithm` and
`normal` use only +, -, *, / and sqrt, which IEEE 754 fixes to the bit, unlike libm, SVML or NumPy's loops.
"""

from __future__ import annotations

import math

import numpy as np

from .compiling import inlined
from .lanes import exponent, fraction, number_of_word, power_of_two, root, some, where

# Purposes: what a draw is for (docs/ODD.md §2).
MONTH, PERSON, BELIEFS, RESULTS, VALUES, READINGS = 0, 1, 2, 3, 16, 32
BROUGHT_IN = 64  # added to an entrant's purposes when a scheduled change brings them in
SERVICE_ID = np.uint64(0xFFFFFFFF)
TEAM_ID = np.uint64(0xFFFF0000)

_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


@inlined
def philox(key_low, key_high, c0, c1, c2, c3):
    """Philox4x32-10. All arguments and results are uint64 that hold 32-bit words."""
    for _ in range(10):
        first = _M0 * c0
        second = _M1 * c2
        c0, c1, c2, c3 = (
            (second >> _SHIFT) ^ c1 ^ key_low,
            second & _LOW,
            (first >> _SHIFT) ^ c3 ^ key_high,
            first & _LOW,
        )
        key_low = (key_low + _W0) & _LOW
        key_high = (key_high + _W1) & _LOW
    return c0, c1, c2, c3


_PLAIN = getattr(philox, "py_func", philox)  # of a few numbers: sooner done than compiled code is loaded


def split_seed(seed: int) -> tuple[np.uint64, np.uint64]:
    """The two 32-bit halves of a seed in 0 … 2**64 − 1, low first."""
    return np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)


def derive_seed(seed: int, index: int, purpose: int) -> int:
    """The `index`-th seed (63 bits) of a stream named by `seed` and `purpose`."""
    low, high = split_seed(index)
    words = _PLAIN(*split_seed(seed), low, high, np.uint64(0), np.uint64(purpose))
    return int(words[0]) | (int(words[1]) & 0x7FFFFFFF) << 32


@inlined
def uniform(word):
    """A number in (0, 1) from a 32-bit word."""
    return (number_of_word(word) + 0.5) * 2.3283064365386963e-10


SAFELY, ROUNDING = 1.0 + 1e-9, 1e-15  # more than rounding does to a probability, in parts of it and beside
_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding and subtracting it rounds to the nearest integer


@inlined
def exponential(x):
    """e**x, within 2 units in the last place; the argument is limited to [-700, 700]."""
    x = min(max(x, -700.0), 700.0)
    rounded = x * _LOG2E + _ROUND
    k = rounded - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    # Taylor series on |r| <= ln2/2: the first term left out is below 2e-17
    s = r * (1 / 6227020800) + 1 / 479001600
    s = s * r + 1 / 39916800
    s = s * r + 1 / 3628800
    s = s * r + 1 / 362880
    s = s * r + 1 / 40320
    s = s * r + 1 / 5040
    s = s * r + 1 / 720
    s = s * r + 1 / 120
    s = s * r + 1 / 24
    s = s * r + 1 / 6
    s = s * r + 0.5
    return (1.0 + (r + r * r * s)) * power_of_two(rounded)


@inlined
def logistic(x):
    """1/(1 + e**-x)."""
    return 1.0 / (1.0 + exponential(-x))


_STEPS, _LOWEST = 4, -16
_LOGISTIC = np.array([1.0 / (1.0 + math.exp(-(_LOWEST + n / _STEPS))) for n in range(-2 * _LOWEST * _STEPS)] + [1.0])


def logistic_at_most(x):
    """A bound above logistic(x): what it is at the next quarter of x, read and not computed. (1 of eight numbers: it does
    not pay there.)"""
    return _LOGISTIC[min(max(int((x - _LOWEST) * _STEPS) + 1, 0), len(_LOGISTIC) - 1)] * SAFELY


@inlined
def logarithm(x):
    """Natural logarithm of a positive normal number (argument reduction and series as in fdlibm)."""
    half_to_one, k = fraction(x), exponent(x)
    small = half_to_one < 0.7071067811865476
    k = where(small, k - 1.0, k)
    f = where(small, half_to_one * 2.0, half_to_one) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    half = 0.5 * f * f
    return k * _LN2_HIGH - ((half - (s * (half + (even + odd)) + k * _LN2_LOW)) - f)


@inlined
def _central(q, r):
    return (
        q
        * (
            (
                (
                    (
                        (
                            ((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r
                            + 45921.953931549871457
                        )
                        * r
                        + 13731.693765509461125
                    )
                    * r
                    + 1971.5909503065514427
                )
                * r
                + 133.14166789178437745
            )
            * r
            + 3.387132872796366608
        )
        / (
            (
                (
                    (
                        (
                            ((5226.495278852854561 * r + 28729.085735721942674) * r + 39307.89580009271061) * r
                            + 21213.794301586595867
                        )
                        * r
                        + 5394.1960214247511077
                    )
                    * r
                    + 687.1870074920579083
                )
                * r
                + 42.313330701600911252
            )
            * r
            + 1.0
        )
    )


@inlined
def _tail(r):
    return (
        (
            (
                (
                    (
                        ((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r
                        + 1.27045825245236838258
                    )
                    * r
                    + 3.64784832476320460504
                )
                * r
                + 5.7694972214606914055
            )
            * r
            + 4.6303378461565452959
        )
        * r
        + 1.42343711074968357734
    ) / (
        (
            (
                (
                    (
                        ((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r
                        + 0.14810397642748007459
                    )
                    * r
                    + 0.68976733498510000455
                )
                * r
                + 1.6763848301838038494
            )
            * r
            + 2.05319162663775882187
        )
        * r
        + 1.0
    )


@inlined
def _far_tail(r):
    return (
        (
            (
                (
                    (
                        ((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r
                        + 0.026532189526576123093
                    )
                    * r
                    + 0.29656057182850489123
                )
                * r
                + 1.7848265399172913358
            )
            * r
            + 5.4637849111641143699
        )
        * r
        + 6.6579046435011037772
    ) / (
        (
            (
                (
                    (
                        ((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r
                        + 7.868691311456132591e-4
                    )
                    * r
                    + 0.0148753612908506148525
                )
                * r
                + 0.13692988092273580531
            )
            * r
            + 0.59983220655588793769
        )
        * r
        + 1.0
    )


@inlined
def normal_quantile(p):
    """Inverse of the standard normal distribution function (Wichura 1988, AS 241, PPND16)."""
    q = p - 0.5
    x = _central(q, 0.180625 - q * q)
    tail = abs(q) > 0.425
    if some(tail):
        r = root(-logarithm(min(p, 1.0 - p)))
        y = _tail(r - 1.6)
        if some(r > 5.0):
            y = where(r > 5.0, _far_tail(r - 5.0), y)
        x = where(tail, where(q < 0.0, -y, y), x)
    return x


@inlined
def normal(word):
    """A standard normal number from a 32-bit word."""
    return normal_quantile(uniform(word))
