"""History matching in waves, and weights: from the prior to the worlds that agree with the patterns.

Each wave simulates worlds, learns an emulator from all worlds so far and draws the next worlds in proportion to
prior x likelihood of the emulator. Worlds of the last wave get the weight likelihood / likelihood of the proposal, with
the same three variances in both: the facts' errors, the stated discrepancy of the model, and what is not known of a
world's mean (few runs, and what the emulator leaves open). The emulator in both is the one that proposed them: what the
last wave shows of a world then counts once, as its own runs. Sources: Craig and others 1997; Andrianakis and others
2015.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from valign.results.checkpoint import NOTHING_KEPT, Parts, content_hash

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

    worlds: tuple[int, ...] = (1536, 384, 2048, 2048, 4096, 2048)
    runs: tuple[int, ...] = (1, 2, 1, 1, 1, 1)
    asked_last: int = 5  # waves in which what is asked last is asked; for later ones the emulator answers it
    steps: int = 200  # of the chains that propose
    batch: int = 64
    seed: int = 20261128


@dataclass(eq=False)
class Wave:
    """Worlds of a wave: points u [n, d], estimates [n, runs, p], log likelihood of the proposal [n]."""

    u: np.ndarray
    estimates: np.ndarray
    proposed: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Mean over runs [n, p]; NaN where a run has no estimate, or was not asked."""
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
    early: np.ndarray  # p, bool: asked of every world; the others are asked last, of those that the first leave
    within: tuple[np.ndarray, np.ndarray]  # p: values beyond count as the end of this range
    waves: list[Wave] = field(default_factory=list[Wave])
    kept: Parts = NOTHING_KEPT
    learned: dict[int, Emulator] = field(default_factory=dict[int, Emulator])

    def emulator(self, number: int | None = None) -> Emulator:
        """What the waves up to this one (from 0; None: the last) teach; learned when it is first asked for, and kept
        with the wave."""
        number = len(self.waves) - 1 if number is None else number
        if number not in self.learned:
            name = f"{_name(self.waves[: number + 1])}-emulator"
            made = self.kept.part(name, lambda: asdict(_learned(self.waves[: number + 1], len(self.facts))))
            self.learned[number] = Emulator(**{each.name: np.asarray(made[each.name]) for each in fields(Emulator)})
        return self.learned[number]

    @property
    def used(self) -> Emulator:
        """The emulator that proposed the last wave: it has not seen what that wave tells of its worlds."""
        return self.emulator(max(0, len(self.waves) - 2))

    def log_likelihood(self, emulator: Emulator, u: np.ndarray) -> np.ndarray:
        """By the emulator alone [n]."""
        return log_normal(self.away(emulator.mean(u)), self.facts + emulator.left)

    def implausibility(self, u: np.ndarray) -> np.ndarray:
        """Of every pattern [n, p], by the last emulator."""
        emulator = self.used
        return np.abs(self.away(emulator.mean(u))) / np.sqrt(np.diag(self.facts + emulator.left))

    @cached_property
    def means(self) -> np.ndarray:
        """Of the last wave's worlds [n, p]: emulator and simulation together, each as far as it can be relied on."""
        found, wave = self.used.mean(self.waves[-1].u), self.waves[-1]
        for rows, asked, gain, _ in self._known:
            found[rows] += (wave.mean[np.ix_(rows, asked)] - found[np.ix_(rows, asked)]) @ gain.T
        return found

    @cached_property
    def _known(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Worlds of the last wave by what they were asked: rows, patterns, how far their simulation counts, and the
        covariance of what is then not known of their means [p, p]."""
        emulator, wave = self.used, self.waves[-1]
        there = np.isfinite(wave.mean)
        found = []
        for mask in np.unique(there, axis=0):
            rows, asked = np.flatnonzero((there == mask).all(axis=1)), np.flatnonzero(mask)
            own = emulator.left[np.ix_(asked, asked)] + emulator.chance[np.ix_(asked, asked)] / wave.runs
            gain = np.linalg.solve(own, emulator.left[asked]).T * emulator.chance.any()  # unknown: it says nothing
            found.append((rows, asked, gain, emulator.left - gain @ emulator.left[asked]))
        return found

    def unknown(self) -> np.ndarray:
        """Covariance of what is not known of the means of most worlds of the last wave [p, p]."""
        return max(self._known, key=lambda each: len(each[0]))[3]

    def log_weight(self, patterns: np.ndarray | None = None) -> np.ndarray:
        """Log importance weight [n] of the last wave's worlds, under these patterns alone (indices; None: all).

        Worlds in which a question of the first kind has no answer (nobody adopts) are ruled out.
        """
        chosen = np.arange(self.facts.shape[0]) if patterns is None else patterns
        away, found = self.away(self.means)[:, chosen], np.full(len(self.means), -np.inf)
        for rows, asked, _, left in self._known:
            if not self.early[np.setdiff1d(np.arange(len(self.early)), asked)].any():
                found[rows] = log_normal(away[rows], (self.facts + left)[np.ix_(chosen, chosen)])
        return found - self.waves[-1].proposed

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
    early: np.ndarray | None = None,
    within: tuple[np.ndarray, np.ndarray] | None = None,
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
    early : which patterns are asked of every world [p, bool]; the others of those that these leave (None: all).
    within : lowest and highest value of each pattern; one beyond, which is ruled out however far it is, counts as the
        end of the range, so that a few odd worlds do not spoil what is learned of all others (None: any value).
    kept : finished batches and proposals; the same plan, or one with more waves, goes on there.
    threads : batches at once. progress : called with (worlds done, worlds in all).
    """
    facts = np.asarray(facts, float)
    anything = np.full(len(facts), np.inf)
    found = Matching(
        facts, away, np.ones(len(facts), bool) if early is None else early, within or (-anything, anything), kept=kept
    )
    done = 0
    for number, n in enumerate(plan.worlds):
        name = _shape(plan.worlds[: number + 1], plan.runs)
        points = kept.part(f"{name}-points", lambda number=number, n=n: _proposed(found, number, n, d, plan))
        found.waves.append(Wave(points["u"], np.empty((n, plan.runs[number], len(facts))), points["proposed"]))

        def told(more: int, before: int = done) -> None:
            if progress is not None:
                progress(before + more, sum(plan.worlds))

        _ask(simulate, found, number, plan, Named(kept, name), threads, told)
        done += n
    return found


@dataclass(frozen=True)
class Named:
    """Finished parts of one wave."""

    kept: Parts
    name: str

    def part(self, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Read a part, or make and keep it."""
        return np.asarray(self.kept.part(f"{self.name}-{name}", lambda: {"found": make()})["found"])


def _proposed(found: Matching, number: int, n: int, d: int, plan: Plan) -> dict[str, np.ndarray]:
    stream = np.random.SeedSequence([plan.seed, number, PROPOSE])
    if number == 0:
        unit = qmc.LatinHypercube(d, rng=np.random.default_rng(stream)).random(n)
        return {"u": ndtri(np.clip(unit, 1e-12, 1 - 1e-12)), "proposed": np.zeros(n)}
    emulator = found.emulator()
    u = slice_sample(lambda u: found.log_likelihood(emulator, u), n, d, plan.steps, stream)
    return {"u": u, "proposed": found.log_likelihood(emulator, u)}


def _ask(
    simulate: Simulator,
    found: Matching,
    number: int,
    plan: Plan,
    kept: Named,
    threads: int,
    told: Callable[[int], None],
) -> None:
    """Estimates of a wave by batch: first what is asked of every world, then the rest of those that this leaves."""
    wave, runs = found.waves[number], plan.runs[number]

    def one(name: str, rows: np.ndarray, last: bool) -> np.ndarray:
        stream = np.random.SeedSequence([plan.seed, number, int(rows[0]), last, CHANCE])
        seed = int(stream.generate_state(1, np.uint64)[0] >> np.uint64(1))
        part = f"{name}-{content_hash(rows.astype(np.int64).tobytes())[:12]}"
        return kept.part(part, lambda: simulate(wave.u[rows], runs, seed, last))

    def of_all(rows: np.ndarray, last: bool) -> None:
        batches = [rows[first : first + plan.batch] for first in range(0, len(rows), plan.batch)]
        with ThreadPoolExecutor(threads) as pool:
            made = pool.map(lambda batch: one("last" if last else "first", batch, last), batches)
            for n, (batch, each) in enumerate(zip(batches, made, strict=True)):
                places = np.flatnonzero(found.early != last)
                wave.estimates[np.ix_(batch, np.arange(runs), places)] = each[:, :, places]
                if not last:
                    told(sum(map(len, batches[: n + 1])))

    wave.estimates[:] = np.nan
    low, high = found.within

    of_all(np.arange(len(wave.u)), False)
    if not found.early.all() and number < plan.asked_last:
        np.clip(wave.estimates, low, high, out=wave.estimates)
        of_all(kept.part("left", lambda: _left_by_the_first(found, wave)), True)
    np.clip(wave.estimates, low, high, out=wave.estimates)


def _left_by_the_first(found: Matching, wave: Wave) -> np.ndarray:
    """The third of a wave's worlds that what is asked first speaks least against (by one run, where its chance is not
    known yet); of a later wave, those with the largest weights so far."""
    third = max(1, len(wave.u) // 3)
    if len(found.waves) == 1:
        away = np.abs(found.away(wave.mean)) / np.sqrt(np.diag(found.facts))
        against = np.where(np.isfinite(away), np.minimum(away, CUT) ** 2, CUT**2)[:, found.early].sum(axis=1)
        return np.sort(np.argsort(against, kind="stable")[:third])
    if wave.runs > 1:  # teaches what the chance of a run is
        return np.arange(len(wave.u))
    before = found.emulator(len(found.waves) - 2)
    so_far = Matching(found.facts, found.away, found.early, found.within, [wave], learned={0: before})
    return np.sort(np.argsort(-so_far.log_weight(), kind="stable")[:third])


def _shape(worlds: Sequence[int], runs: Sequence[int]) -> str:
    return "-".join(f"{n}x{r}" for n, r in zip(worlds, runs, strict=False))


def _name(waves: Sequence[Wave]) -> str:
    return _shape([len(wave.u) for wave in waves], [wave.runs for wave in waves])


def _learned(waves: Sequence[Wave], p: int) -> Emulator:
    twice = [wave for wave in waves if wave.runs > 1]
    # not known yet: what the emulator leaves open is taken to be chance as well, and counted once, as open
    chance = chance_of(twice[-1].estimates) if twice else np.zeros((p, p))
    u, y = (np.concatenate([getattr(wave, name) for wave in waves]) for name in ("u", "mean"))
    runs = np.concatenate([np.full(len(wave.u), wave.runs) for wave in waves])
    local = np.concatenate([np.full(len(wave.u), wave is waves[-1]) for wave in waves])
    return Emulator.fit(u, y, runs, chance, local)


def prior_points(n: int, d: int, seed: Sequence[int]) -> np.ndarray:
    """Points of the prior in probit space."""
    return np.random.default_rng(list(seed)).standard_normal((n, d))


def shares(u: np.ndarray) -> np.ndarray:
    """Where in its range each parameter lies, from 0 to 1."""
    return ndtr(u)
