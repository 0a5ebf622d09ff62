"""Sequential approximate Bayesian computation in batches.

A simulator takes many parameter points at once: `simulate(theta[n, d], seeds[n]) -> summaries[n, s]` (a run that
failed gives NaN and is never accepted). Proposals live in probit-of-prior space (`priors.Prior`), so no proposal
leaves the prior. Each generation keeps the first N acceptances in the order of proposals.

Sources: Toni et al. 2009 (ABC-SMC); Prangle 2017 (distance weights from the simulations of the last generation);
Veach & Guibas 1995 (weights of pooled generations: the balance heuristic).

Seeds are noise: they follow from (seed, generation, batch) and are never fitted. Batches have a fixed size, so neither
threads nor interruptions change a result.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.results.checkpoint import Parts, begun_with

from ..problem.priors import Prior
from .kernel import Kernel, log_prior
from .reduction import Both, Reduction, scales

Simulator = Callable[[np.ndarray, np.ndarray], np.ndarray]
LEAST_ESS = 100.0
PROPOSE, NOISE = 0, 1  # purposes of random streams


def ess(weight: np.ndarray) -> float:
    """Effective sample size of weights, 1 / sum of squares of the normalised ones (Kish)."""
    total = weight.sum()
    return float(total**2 / (weight**2).sum()) if total > 0 else 0.0


def stream(seed: int, generation: int, batch: int, purpose: int) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, generation, batch, purpose])


def batch_seeds(seed: int, generation: int, batch: int, n: int) -> np.ndarray:
    """Seeds of the runs of a batch, 0 ... 2**63 - 1."""
    return (stream(seed, generation, batch, NOISE).generate_state(n, np.uint64) >> np.uint64(1)).astype(np.int64)


# --- the distance ----------------------------------------------------------------------------------------------------
def distance(summaries: np.ndarray, observed: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Euclidean distance in units of `scale`; inf where a run failed."""
    away = np.sqrt((((summaries - observed) / scale) ** 2).sum(axis=1))
    return np.where(np.isfinite(away), away, np.inf)


# --- generations -----------------------------------------------------------------------------------------------------
@dataclass(eq=False)
class Generation:
    """All simulations of a generation, in the order of proposals."""

    number: int
    epsilon: float
    scale: np.ndarray  # s: units of the distance
    u: np.ndarray  # n x d
    seeds: np.ndarray  # n
    summaries: np.ndarray  # n x s
    weight: np.ndarray  # n: of the accepted, sums to 1; 0 of others
    complete: bool  # whether it reached its number of particles

    @property
    def accepted(self) -> np.ndarray:
        return self.weight > 0

    @property
    def ess(self) -> float:
        return ess(self.weight)


@dataclass(eq=False)
class Result:
    """Generations and their reference table."""

    prior: Prior
    observed: np.ndarray
    reduce: bool = False
    generations: list[Generation] = field(default_factory=list[Generation])
    _reductions: dict[int, Reduction | Both] = field(default_factory=dict[int, Reduction | Both], repr=False)

    @property
    def simulated(self) -> int:
        """How many simulations there are."""
        return sum(len(each.u) for each in self.generations)

    def reduced(self, number: int, summaries: np.ndarray) -> np.ndarray:
        """What the distance of a generation is taken of: summaries, or their reduction by the generation before
        beside that by the first."""
        if not self.reduce:
            return np.atleast_2d(summaries)
        if number not in self._reductions:
            made = [
                Reduction(each.u[known], each.summaries[known])
                for each in dict.fromkeys((self.generations[max(0, number - 1)], self.generations[0]))
                for known in [np.isfinite(each.summaries).all(axis=1)]
            ]
            self._reductions[number] = made[0] if len(made) == 1 else made[0] + made[1]
        return self._reductions[number](summaries)

    def scale(self, number: int, summaries: np.ndarray) -> np.ndarray:
        """Units of the distance: spread of the summaries, or what their reduction leaves open of each parameter."""
        if not self.reduce:
            return scales(summaries)
        self.reduced(number, summaries[:1])
        return self._reductions[number].unit

    def distances(self, number: int, summaries: np.ndarray, scale: np.ndarray | None = None) -> np.ndarray:
        """Distances [n] to the observation, as generation `number` takes them; inf where a run failed."""
        scale = self.generations[number].scale if scale is None else scale
        return distance(self.reduced(number, summaries), self.reduced(number, self.observed), scale)

    def report(self) -> pd.DataFrame:
        """One row per generation: simulations, accepted, acceptance (share), epsilon, ess, failed runs, complete."""
        return pd.DataFrame(
            [
                {
                    "generation": g.number,
                    "simulations": len(g.u),
                    "accepted": int(g.accepted.sum()),
                    "acceptance": float(g.accepted.mean()),
                    "epsilon": g.epsilon,
                    "ess": g.ess,
                    "failed": int((~np.isfinite(g.summaries).all(axis=1)).sum()),
                    "complete": g.complete,
                }
                for g in self.generations
            ]
        )

    def particles(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Accepted points [N x d] in probit space, their weights [N], and what went wrong (empty: nothing).

        They are those of the last complete generation that has an effective sample size of at least 100; where none
        has, of the one that has most.
        """
        later = [each for each in self.generations[1:] if each.complete]
        reliable = [each for each in later if each.ess >= LEAST_ESS]
        last = reliable[-1] if reliable else max(later or self.generations[:1], key=lambda each: each.ess)
        note = (
            ""
            if later
            else f"the {self.simulated:,} simulations ended before a second generation was complete (use more)."
        )
        return last.u[last.accepted], last.weight[last.accepted], note

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Every simulation that did not fail: points in probit space [n x d], summaries [n x s]."""
        u = np.concatenate([each.u for each in self.generations])
        s = np.concatenate([each.summaries for each in self.generations])
        known = np.isfinite(s).all(axis=1)
        return u[known], s[known]

    def log_weight(self, u: np.ndarray) -> np.ndarray:
        """Log importance weight of points that came from any generation: prior over the mixture of all proposals."""
        sizes = np.array([len(each.u) for each in self.generations], float)
        logs = [np.log(sizes[0]) + log_prior(u)]
        logs += [np.log(n) + self._kernel(number).log_density(u) for number, n in enumerate(sizes) if number and n]
        stacked = np.stack(logs)
        top = stacked.max(axis=0)
        return log_prior(u) - (top + np.log(np.exp(stacked - top).sum(axis=0)) - np.log(sizes.sum()))

    def _kernel(self, number: int) -> Kernel:
        """The proposal of a generation, from the one before it."""
        before = self.generations[number - 1]
        here = before.accepted
        away = self.distances(number, before.summaries[here])
        return Kernel.local(before.u[here], before.weight[here], away <= self.generations[number].epsilon)


@dataclass(frozen=True)
class Budget:
    """How much is simulated, and in what steps; see `smc`."""

    simulations: int
    particles: int
    seed: int
    quantile: float
    first: int
    batch: int

    @classmethod
    def of(
        cls, simulations: int, particles: int, seed: int, quantile: float, first: int | None, batch: int | None
    ) -> Budget:
        """With what is left open: a tenth of the simulations from the prior, batches of a thirtieth, 256 to 2,048."""
        first = max(2 * particles, simulations // 10) if first is None else first
        batch = min(2048, max(256, simulations // 30)) if batch is None else batch
        return cls(simulations, particles, seed, quantile, first, batch)

    def problems(self) -> list[str]:
        """What is wrong with it."""
        least = max(self.first, self.particles)
        if self.first < self.particles or self.simulations < self.first:
            return [f"simulations = {self.simulations}: at least {least} are needed for {self.particles} particles"]
        return []


@contextmanager
def one_blas_thread() -> Generator[None]:
    """Matrices here are so small that more threads only wait for one another (twice the processor time); and sums do
    not depend on how many there are. Without threadpoolctl, which comes with scikit-learn, nothing is changed."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    with threadpool_limits(1, "blas"):
        yield


@one_blas_thread()
def smc(
    simulate: Simulator,
    prior: Prior,
    observed: np.ndarray,
    *,
    particles: int = 1000,
    simulations: int = 50_000,
    seed: int = 1,
    quantile: float = 0.3,
    first: int | None = None,
    batch: int | None = None,
    reduce: bool = False,
    folder: Path | None = None,
    work: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Approximate posterior by sequential ABC within a budget of simulations.

    Parameters
    ----------
    simulate : `simulate(theta[n, d], seeds[n]) -> summaries[n, s]`, the same for any split into calls.
    prior : ranges of the d parameters.
    observed : the s summaries of the data.
    particles : how many acceptances make a generation.
    simulations : the budget. What a generation that it cuts short has simulated stays in the reference table.
    seed : of proposals and runs.
    quantile : the next tolerance, as a quantile of the distances accepted.
    first : simulations from the prior (default: a tenth of the budget); its nearest `particles` are generation 0.
    batch : proposals simulated at once (default: a thirtieth of the budget, 256 to 2,048).
    reduce : take distances of one number per parameter, the regression of the parameters on the summaries of the
        generation before (Fearnhead & Prangle 2012), instead of the summaries themselves: with many summaries, far
        closer to the posterior at the same budget.
    folder : where finished generations are kept; with the same `work` there, they are read instead of simulated. With
        a larger budget than before it goes on from them, with `first` and `batch` as they were.
    work : what is being done (scenario, data ...), to tell whether a folder holds the same.
    progress : called with (simulations done, budget).

    Raises
    ------
    InputError : a budget too small for one generation, observed summaries that are not finite, a folder with other
        work, or a first generation in which all runs fail.
    """
    observed = np.asarray(observed, float)
    begun = begun_with(folder)
    first = begun.get("first") if first is None else first
    batch = begun.get("batch") if batch is None else batch
    budget = Budget.of(simulations, particles, seed, quantile, first, batch)
    problems = budget.problems()
    if not np.isfinite(observed).all():
        problems.insert(0, "the observed summaries are not all finite")
    if problems:
        raise InputError(problems)
    result = Result(prior, observed, reduce)
    kept = Parts(folder, _setup(result, budget, work or {}), "calibration", lambda text: InputError([text]))

    def told(more: int) -> None:
        if progress is not None:
            progress(result.simulated + more, simulations)

    while result.simulated < simulations and (saved := kept.arrays(_name(len(result.generations)))) is not None:
        result.generations.append(_read(len(result.generations), saved))
    cut = kept.arrays(CUT)
    while result.simulated < simulations and (not result.generations or result.generations[-1].complete):
        number = len(result.generations)
        begin = None if cut is None or int(cut["number"]) != number else cut
        made = _next(simulate, result, budget, told, begin) if number else _from_prior(simulate, result, budget, told)
        whole = len(made.u) % budget.batch == 0 if number else True
        result.generations.append(made)
        name, more = (_name(number), {}) if made.complete and whole else (CUT, {"number": number})
        kept.write_arrays(name, {name: getattr(made, name) for name in SAVED} | more)
    return result


CUT = "cut-short"  # the generation that the budget ended; a larger one goes on with its batches
SAVED = ("epsilon", "scale", "u", "seeds", "summaries", "weight", "complete")


def _setup(result: Result, budget: Budget, work: Mapping[str, Any]) -> dict[str, Any]:
    """All that whole generations depend on."""
    prior = result.prior
    steps = {name: value for name, value in asdict(budget).items() if name != "simulations"}
    return {
        "names": list(prior.names),
        "low": prior.low.tolist(),
        "high": prior.high.tolist(),
        "observed": result.observed.tolist(),
        "reduce": result.reduce,
        "work": dict(work),
        **steps,
    }


def _name(number: int) -> str:
    return f"generation-{number:03d}"


def _read(number: int, saved: Mapping[str, np.ndarray]) -> Generation:
    parts = dict(saved) | {"epsilon": float(saved["epsilon"]), "complete": bool(saved["complete"])}
    return Generation(number, **parts)  # type: ignore[arg-type]


def _from_prior(simulate: Simulator, result: Result, budget: Budget, told: Callable[[int], None]) -> Generation:
    n, particles = budget.first, budget.particles
    made_of: list[tuple[np.ndarray, ...]] = []  # points, seeds, summaries
    for number, start in enumerate(range(0, n, budget.batch)):
        size = min(budget.batch, n - start)
        u = np.random.default_rng(stream(budget.seed, 0, number, PROPOSE)).standard_normal((size, len(result.prior)))
        seeds = batch_seeds(budget.seed, 0, number, size)
        made_of.append((u, seeds, np.asarray(simulate(result.prior.theta(u), seeds), float)))
        told(start + size)
    u, seeds, s = (np.concatenate(each) for each in zip(*made_of, strict=True))
    scales(s)  # says so when all runs failed
    made = Generation(0, np.inf, np.empty(0), u, seeds, s, np.zeros(n), True)
    result.generations.append(made)
    made.scale = result.scale(0, s)
    away = result.distances(0, s)
    result.generations.pop()
    if np.isfinite(away).sum() < particles:
        raise InputError(
            [f"only {int(np.isfinite(away).sum())} of {n} runs from the prior succeeded: {particles} are needed"]
        )
    epsilon = np.partition(away, particles - 1)[particles - 1]
    made.epsilon = float(epsilon)
    made.weight[np.flatnonzero(away <= epsilon)[:particles]] = 1.0 / particles
    return made


def _next(
    simulate: Simulator,
    result: Result,
    budget: Budget,
    told: Callable[[int], None],
    begin: Mapping[str, np.ndarray] | None,
) -> Generation:
    """begin : what a smaller budget simulated of this generation."""
    number, before = len(result.generations), result.generations[-1]
    left, batch = budget.simulations - result.simulated, budget.batch
    scale = result.scale(number, before.summaries)
    here = before.accepted
    away = result.distances(number, before.summaries[here], scale)
    epsilon = float(np.quantile(away, budget.quantile))
    kernel = Kernel.local(before.u[here], before.weight[here], away <= epsilon)
    made_of: list[tuple[np.ndarray, ...]] = []  # points, seeds, summaries
    found = 0
    for part in range(-(-left // batch)):
        size = min(batch, left - part * batch)
        u = kernel.draw(size, np.random.default_rng(stream(budget.seed, number, part, PROPOSE)))
        seeds = batch_seeds(budget.seed, number, part, size)
        there = slice(part * batch, part * batch + size)
        if begin is not None and np.array_equal(begin["seeds"][there], seeds) and np.array_equal(begin["u"][there], u):
            made_of.append((u, seeds, begin["summaries"][there]))
        else:
            made_of.append((u, seeds, np.asarray(simulate(result.prior.theta(u), seeds), float)))
        found += int((result.distances(number, made_of[-1][2], scale) <= epsilon).sum())
        told(part * batch + size)
        if found >= budget.particles:
            break
    u, seeds, s = (np.concatenate(each) for each in zip(*made_of, strict=True))
    kept = np.flatnonzero(result.distances(number, s, scale) <= epsilon)[: budget.particles]
    weight = np.zeros(len(u))
    if len(kept):
        log = log_prior(u[kept]) - kernel.log_density(u[kept])
        share = np.exp(log - log.max())
        weight[kept] = share / share.sum()
    return Generation(number, epsilon, scale, u, seeds, s, weight, len(kept) == budget.particles)
