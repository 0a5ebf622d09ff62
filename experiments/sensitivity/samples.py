"""Points of the unit cube, row-block by row-block, for every method; and the seeds that go with them.

A *row-block* is what a method compares within: a base point with its Saltelli companions (sobol), a trajectory (morris,
shapley), a point with its finite differences (dgsm), a search curve (fast), a single point (pawn, delta, rbd_fast). All
rows of a row-block share their run seeds and their society (common random numbers), so that differences within it are
due to the factors alone. Row-block j does not depend on how many there are (but for fast): a study of 2N has all runs
of the study of N.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from valign.model.compiled.randomness import derive_seed
from valign.model.errors import InputError, unknown

from .factors import SEED, SOCIETY, Problem

METHODS = ("sobol", "morris", "pawn", "delta", "fast", "rbd_fast", "dgsm", "shapley")
GROUPING = ("sobol", "morris")  # methods that can take groups
POWERS = ("sobol", "pawn", "delta", "dgsm")  # methods on a Sobol' sequence: n is a power of two
DEFAULT_N = {
    "sobol": 512,
    "morris": 32,
    "pawn": 2048,
    "delta": 1024,
    "fast": 257,
    "rbd_fast": 2048,
    "dgsm": 256,
    "shapley": 1024,
}
SOURCES = ("samples.py", "factors.py")  # what points and seeds depend on
LEVELS = 4  # of the grid of morris
STEP = 0.1  # of the finite differences of dgsm, in the unit cube: smaller steps see the jumps of single decisions
HARMONICS = 4  # of fast
FILLED = 64  # runs that single points share a society with, so that blocks fill
POINTS, RUN_SEEDS, SOCIETIES, SALIB, PARTNERS = 211, 212, 213, 214, 215  # purposes of derived seeds


def sampler_hash() -> str:
    """Stands for the code that makes points and seeds: runs that other code asked for are not taken for its own."""
    folder = Path(__file__).parent
    return hashlib.blake2b(b"".join((folder / name).read_bytes() for name in SOURCES), digest_size=8).hexdigest()


@dataclass(frozen=True, eq=False)
class Sample:
    """The design of a method on the unit cube.

    n : base points, trajectories, or points of a curve. replicates : runs of every row, with seeds of their own.
    common : rows of a row-block share their seeds; else every row has fresh ones.
    """

    method: str
    problem: Problem
    n: int
    seed: int = 1
    replicates: int = 1
    second_order: bool = False
    common: bool = True

    def __post_init__(self) -> None:
        problems: list[str] = []
        if self.method not in METHODS:
            raise InputError([unknown(self.method, METHODS, "method")])
        if self.method in POWERS and (self.n < 2 or self.n & (self.n - 1)):
            low = 2 ** max(1, int(np.log2(max(2, self.n))))
            problems.append(
                f"n = {self.n}: {self.method} needs a power of 2, e.g. {low} or {2 * low} "
                "(a Sobol' sequence is balanced only there)"
            )
        elif self.method == "fast" and self.n <= 4 * HARMONICS**2:
            problems.append(f"n = {self.n}: fast needs more than {4 * HARMONICS**2} points per curve")
        elif self.n < 2:
            problems.append(f"n = {self.n}: expected at least 2")
        if self.method not in GROUPING and self.problem.grouped:
            problems.append(f"{self.method} takes no groups of parameters; {' and '.join(GROUPING)} do")
        if self.second_order and self.method != "sobol":
            problems.append(f"{self.method} has no second-order indices; only sobol has them")
        if problems:
            raise InputError(problems)

    @property
    def rows(self) -> int:
        """Rows of a row-block."""
        groups, factors = len(self.problem.groups), len(self.problem.factors)
        return {
            "sobol": (2 * groups if self.second_order else groups) + 2,
            "morris": groups + 1,
            "dgsm": factors + 1,
            "shapley": factors + 1,
            "fast": self.n,
        }.get(self.method, 1)

    @property
    def blocks(self) -> int:
        """Number of row-blocks."""
        return len(self.problem.factors) if self.method == "fast" else self.n

    @cached_property
    def base(self) -> np.ndarray:
        """What row-blocks are made of: a Sobol' sequence, random points (rbd_fast), SALib's sample (fast, morris)."""
        D, problem = len(self.problem.factors), self.problem.salib()
        points = derive_seed(self.seed, 0, POINTS)
        if self.method == "fast":
            from SALib.sample import fast_sampler

            return fast_sampler.sample(problem, self.n, M=HARMONICS, seed=np.random.default_rng(points))
        if self.method == "morris":
            from SALib.sample import morris

            return morris.sample(problem, self.n, num_levels=LEVELS, seed=np.random.default_rng(points))
        from scipy.stats import qmc

        if self.method == "rbd_fast":  # sorts by one factor: a Sobol' sequence shows patterns then, also for the dummy
            return np.random.default_rng(points).random((self.n, D))
        columns = 2 * D if self.method == "sobol" else D
        base = qmc.Sobol(columns, scramble=True, rng=np.random.default_rng(points)).random(self.n)
        if self.method == "sobol":
            base[:, D:] = base[self._partners(), D:]
        return base

    def _partners(self) -> np.ndarray:
        """Which B every A is paired with: points 2^k … 2^(k+1) - 1 are mixed among each other.

        The two coordinates that a Sobol' sequence of 2D dimensions has for one factor can go together for hundreds of
        points when D is large: A and B hardly differ in that factor, and its index comes out far too small (by three
        quarters with 155 factors and 256 points), with an interval that knows nothing of it. Mixed, both halves keep
        their points in every prefix of 2^k, and their coordinates are independent.
        """
        partner = np.arange(self.n)
        for level in range(1, self.n.bit_length()):
            part = slice(2**level, min(2 ** (level + 1), self.n))
            partner[part] = np.random.default_rng(derive_seed(self.seed, level, PARTNERS)).permutation(partner[part])
        return partner

    def unit(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Points of the row-blocks start … stop - 1, in SALib's order [(stop - start) * rows, D]."""
        stop = self.blocks if stop is None else stop
        D = len(self.problem.factors)
        if self.method in ("fast", "morris"):
            return self.base[start * self.rows : stop * self.rows]
        if self.method == "shapley":
            from SALib.sample import shapley

            salib = self.problem.salib()
            return np.concatenate(
                [
                    shapley.sample(salib, 1, seed=np.random.default_rng(derive_seed(self.seed, block, POINTS)))
                    for block in range(start, stop)
                ]
            )
        base = self.base[start:stop]
        if self.method == "dgsm":
            points = np.repeat(base[:, None, :], D + 1, axis=1)
            each = np.arange(D)
            points[:, 1 + each, each] += np.where(base < 0.5, STEP, -STEP)
            return points.reshape(-1, D)
        if self.method != "sobol":
            return base
        A, B = base[:, None, :D], base[:, None, D:]
        swapped = (self.problem.membership[None, :] == np.arange(len(self.problem.groups))[:, None])[None]
        parts = [A, np.where(swapped, B, A)]
        if self.second_order:
            parts.append(np.where(swapped, A, B))
        return np.concatenate([*parts, B], axis=1).reshape(-1, D)

    def seeds(self, start: int, stop: int, unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run seeds [rows, replicates] and society seeds [rows] of the row-blocks start … stop - 1."""
        block = np.repeat(np.arange(start, stop), self.rows)
        span = max(1, FILLED // self.replicates) if self.rows == 1 else 1
        row = np.arange(len(unit)) % self.rows if not self.common else np.zeros(len(unit), int)
        run = self._streams(np.stack([block, row + 1], axis=1), self._selector(unit, SEED), RUN_SEEDS)
        society = self._streams((block // span)[:, None], self._selector(unit, SOCIETY), SOCIETIES)
        return self._replicated(run), society

    def _selector(self, unit: np.ndarray, factor: str) -> np.ndarray:
        column = self.problem.column(factor)
        return np.zeros(len(unit), np.int64) if column is None else 1 + (unit[:, column] * 2**40).astype(np.int64)

    def _streams(self, place: np.ndarray, selector: np.ndarray, purpose: int) -> np.ndarray:
        """A seed for every distinct (place, selector)."""
        key = np.column_stack([place, selector])
        found, inverse = np.unique(key, axis=0, return_inverse=True)
        seeds: list[int] = []
        for numbers in found.tolist():
            seed = self.seed
            for number in numbers:
                seed = derive_seed(seed, number, purpose)
            seeds.append(seed)
        return np.array(seeds, np.int64)[inverse.ravel()]

    def _replicated(self, stream: np.ndarray) -> np.ndarray:
        found, inverse = np.unique(stream, return_inverse=True)
        seeds = [
            [derive_seed(seed, replicate, RUN_SEEDS) for replicate in range(self.replicates)] for seed in found.tolist()
        ]
        return np.array(seeds, np.int64).reshape(len(found), self.replicates)[inverse.ravel()]
