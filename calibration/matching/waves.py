"""History matching in waves, and weights: from the prior to the worlds that agree with the patterns.

Each wave simulates worlds, learns an emulator from all worlds so far and draws the next worlds in proportion to
prior x likelihood of the emulator. Worlds of the last wave get the weight likelihood / likelihood of the proposal, with
the same three variances in both: the facts' errors, the stated discrepancy of the model, and what is not known of a
world's mean (few runs, and what the emulator leaves open). Sources: Craig and others 1997; Andrianakis and others 2015.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from valign.results.checkpoint import NOTHING_KEPT, Parts

from ..abc.smc import ess, one_blas_thread
from .emulator import Emulator, chance_of
from .sampling import log_normal, normalised, slice_sample

CUT = 3.0  # implausibility from which a world is ruled out (three standard deviations)
PROPOSE, CHANCE = 0, 1  # purposes of random streams

# worlds u [n, d], runs, seed, and whether it is what is asked last -> estimates [n, runs, p] (NaN: nothing)
Simulator = Callable[[np.ndarray, int, int, bool], np.ndarray]
Away = Callable[[np.ndarray], np.ndarray]  # simulated values [n, p] -> deviations from the facts [n, p]


@dataclass(frozen=True)
class Plan:
    """How many worlds and runs of each a wave has. The first is drawn from the prior."""

    worlds: tuple[int, ...] = (2048, 1024, 4096)
    runs: tuple[int, ...] = (1, 2, 1)
    steps: int = 200  # of the chains that propose
    batch: int = 64
    seed: int = 20261128


@dataclass(eq=False)
class Wave:
    """Worlds of a wave: points u [n, d], estimates [n, runs, p], log likelihood of the proposal [n]."""

    u: np.ndarray
    estimates: np.ndarray
    proposed: np.ndarray

    @cached_property
    def mean(self) -> np.ndarray:
        """Mean over runs [n, p]; NaN where a run has no estimate."""
        return self.estimates.mean(axis=1)

    @property
    def runs(self) -> int:
        """Runs of each world."""
        return self.estimates.shape[1]


@dataclass(eq=False)
class Matching:
    """Waves, the emulator learned from all of them, and the weights of the last."""

    facts: np.ndarray  # p x p: covariance of the facts' errors and the discrepancy
    away: Away
    waves: list[Wave] = field(default_factory=list[Wave])
    emulators: list[Emulator] = field(default_factory=list[Emulator])

    def log_likelihood(self, emulator: Emulator, u: np.ndarray) -> np.ndarray:
        """By the emulator alone [n]."""
        return log_normal(self.away(emulator.mean(u)), self.facts + emulator.left)

    def implausibility(self, u: np.ndarray) -> np.ndarray:
        """Of every pattern [n, p], by the last emulator."""
        emulator = self.emulators[-1]
        return np.abs(self.away(emulator.mean(u))) / np.sqrt(np.diag(self.facts + emulator.left))

    @cached_property
    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """What the last wave's worlds have as means [n, p] and the covariance of what is not known of them [p, p]:
        emulator and simulation together, each as far as it can be relied on."""
        emulator, wave = self.emulators[-1], self.waves[-1]
        before = emulator.mean(wave.u)
        gain = emulator.left @ np.linalg.inv(emulator.left + emulator.chance / wave.runs)
        found = before + (wave.mean - before) @ gain.T
        return found, emulator.left - gain @ emulator.left

    def log_weight(self, patterns: np.ndarray | None = None) -> np.ndarray:
        """Log importance weight [n] of the last wave's worlds, under these patterns alone (indices; None: all)."""
        means, unknown = self.means
        chosen = np.arange(means.shape[1]) if patterns is None else patterns
        covariance = (self.facts + unknown)[np.ix_(chosen, chosen)]
        return log_normal(self.away(means)[:, chosen], covariance) - self.waves[-1].proposed

    @property
    def weight(self) -> np.ndarray:
        """Weights of the last wave's worlds; they sum to 1."""
        return normalised(self.log_weight())

    @property
    def effective(self) -> float:
        """Effective number of worlds of the last wave."""
        return ess(self.weight)


@one_blas_thread()
def matched(
    simulate: Simulator,
    away: Away,
    facts: np.ndarray,
    d: int,
    plan: Plan = Plan(),
    *,
    kept: Parts = NOTHING_KEPT,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Matching:
    """Match worlds with facts.

    Parameters
    ----------
    simulate : estimates of all patterns in some worlds, the same for the same seed.
    away : how far simulated values are from the facts. facts : covariance of their errors and the discrepancy [p, p].
    d : number of parameters.
    plan : worlds and runs by wave.
    kept : finished batches and proposals; the same plan goes on there.
    threads : batches at once. progress : called with (worlds done, worlds in all).
    """
    found = Matching(np.asarray(facts, float), away)
    done = 0
    for number, (n, runs) in enumerate(zip(plan.worlds, plan.runs, strict=True)):
        points = kept.part(f"wave-{number}-points", lambda number=number, n=n: _proposed(found, number, n, d, plan))
        u, proposed = points["u"], points["proposed"]

        def told(more: int, before: int = done) -> None:
            if progress is not None:
                progress(before + more, sum(plan.worlds))

        estimates = _simulated(simulate, found, u, number, runs, plan, kept, threads, told)
        found.waves.append(Wave(u, estimates, proposed))
        found.emulators.append(_learned(found))
        vars(found).pop("means", None)
        done += n
    return found


def _proposed(found: Matching, number: int, n: int, d: int, plan: Plan) -> dict[str, np.ndarray]:
    stream = np.random.SeedSequence([plan.seed, number, PROPOSE])
    if number == 0:
        unit = qmc.LatinHypercube(d, rng=np.random.default_rng(stream)).random(n)
        return {"u": ndtri(np.clip(unit, 1e-12, 1 - 1e-12)), "proposed": np.zeros(n)}
    emulator = found.emulators[-1]
    u = slice_sample(lambda u: found.log_likelihood(emulator, u), n, d, plan.steps, stream)
    return {"u": u, "proposed": found.log_likelihood(emulator, u)}


def _simulated(
    simulate: Simulator,
    found: Matching,
    u: np.ndarray,
    number: int,
    runs: int,
    plan: Plan,
    kept: Parts,
    threads: int,
    told: Callable[[int], None],
) -> np.ndarray:
    """Estimates [n, runs, p] of a wave by batch; what is asked last, of worlds that the rest does not rule out."""
    starts = range(0, len(u), plan.batch)

    def one(first: int) -> np.ndarray:
        part = u[first : first + plan.batch]
        seed = int(
            np.random.SeedSequence([plan.seed, number, first, CHANCE]).generate_state(1, np.uint64)[0] >> np.uint64(1)
        )

        def made() -> dict[str, np.ndarray]:
            estimates = simulate(part, runs, seed, False)
            left = _not_ruled_out(found, estimates) if number == 0 else np.ones(len(part), bool)
            if left.any():
                late = np.full_like(estimates, np.nan)
                late[left] = simulate(part[left], runs, seed, True)
                estimates = np.where(np.isnan(estimates), late, estimates)
            return {"estimates": estimates}

        return np.asarray(kept.part(f"wave-{number}-{first:06d}", made)["estimates"])

    parts: list[np.ndarray] = []
    with ThreadPoolExecutor(threads) as pool:
        for each in pool.map(one, starts):
            parts.append(each)
            told(sum(map(len, parts)))
    return np.concatenate(parts)


def _not_ruled_out(found: Matching, estimates: np.ndarray) -> np.ndarray:
    """Worlds of the first wave that are worth the patterns that take long: few of the others speak against them by one
    run, whose chance is not known yet."""
    away = np.abs(found.away(estimates.mean(axis=1))) / np.sqrt(np.diag(found.facts))
    return np.nansum(away > CUT, axis=1) <= np.nanmedian(np.nansum(away > CUT, axis=1))


def _learned(found: Matching) -> Emulator:
    twice = [wave for wave in found.waves if wave.runs > 1]
    if twice:
        chance = chance_of(twice[-1].estimates)
    else:  # not known yet: what the emulator leaves open is taken to be chance as well, and counted once, as open
        p = found.facts.shape[0]
        chance = np.zeros((p, p))
    u, y = (np.concatenate([getattr(wave, name) for wave in found.waves]) for name in ("u", "mean"))
    runs = np.concatenate([np.full(len(wave.u), wave.runs) for wave in found.waves])
    local = np.concatenate([np.full(len(wave.u), wave is found.waves[-1]) for wave in found.waves])
    return Emulator.fit(u, y, runs, chance, local)


def prior_points(n: int, d: int, seed: Sequence[int]) -> np.ndarray:
    """Points of the prior in probit space."""
    return np.random.default_rng(list(seed)).standard_normal((n, d))


def shares(u: np.ndarray) -> np.ndarray:
    """Where in its range each parameter lies, from 0 to 1."""
    return ndtr(u)
