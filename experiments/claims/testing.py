"""Testing a claim: in the shipped scenarios, over worlds, against its null and against rival explanations.

The worlds are those that agree with published facts; beside, plausible worlds fill the ranges of all parameters evenly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.model.scenario.scenario import Scenario
from valign.results.summaries import mean_interval

from ..design import MAX_SEED, whole
from ..worlds import FIT, plausible_worlds, unknown_parameters, worlds_of_claims
from .declaration import Claim, ClaimTest, claim_ids
from .measures import MEASURES
from .results import ClaimResult, TestResult, shares
from .verdict import Judgement, holm, judge, verdict
from .worlds import (
    Evaluated,
    arms_of,
    contrast,
    evaluate,
    merged,
    other_innovations,
    shipped_seeds,
    smallest_of,
    world_seeds,
)

SHIPPED_RUNS = 64
# Every way by which alignment reaches use: what fit does by itself, identification with its own consequences, what is
# delivered, and the climate of managers who are not against it.
NO_ALIGNMENT = (*FIT, "identification_growth", "practice_alignment", "climate_direct")
NO_EFFECT = dict.fromkeys(
    (
        *NO_ALIGNMENT,
        "relationship_rate",
        "leadership_rate",
        "articulation",
        "coproduction_rate",
        "adaptation_rate",
        "clarity_gain",
        "internalisation",
        "talk",
        "sensegiving",
        "session",
        "identity_effect",
        "climate_effect",
        "climate_gate",
        "lapse_climate",
        "peer_effect",
        "norm_effect",
        "awareness_by_ties",
        "adoption_peers",
        "adoption_norm",
        "evidence_effect",
        "score_evidence",
        "belief_sharing",
    ),
    0.0,
)
# Each rival keeps what it names of `NO_EFFECT` and nothing else: the world's own strength.
RIVALS: dict[str, tuple[str, ...]] = {
    "turnover selection only": ("turnover_fit",),
    "contagion only": ("peer_effect", "norm_effect", "awareness_by_ties", "adoption_peers", "adoption_norm"),
    "evidence only": ("evidence_effect", "score_evidence", "belief_sharing"),
}
VARIANTS = ("profile metric", "centred values", "uncertain innovation")
METRIC_OF_VARIANT = {"profile metric": "profile", "centred values": "centred"}
AS_DECLARED = "as declared, the same worlds"
START = ("alignment_start", "alignment_start_sd")
EvaluateArms = Callable[..., Evaluated]


def test_claim(
    claim: str | Path | Claim,
    worlds: int = 200,
    seeds: int = 8,
    seed: int = 1,
    *,
    plausible: bool = False,
    rival_worlds: int = 0,
    variant_worlds: int = 0,
    shipped_runs: int = SHIPPED_RUNS,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    evaluate: EvaluateArms = evaluate,
    family: int | None = None,
) -> ClaimResult:
    """Test a claim: in shipped scenarios, over worlds that agree with published facts, against its null.

    Parameters
    ----------
    claim : id of a shipped claim ("C7"), path to a TOML file of one's own, or a Claim.
    worlds : in how many worlds, each with a society of its own. They agree with published facts; what a scenario says
        of its innovation and what services and commissioners decide fills its plausible range, since facts say nothing
        about it.
    plausible : test it instead in worlds that fill all plausible ranges evenly (a Latin hypercube, strengths from 0),
        whatever the facts say.
    seeds : runs of each arm in each world, under common random numbers.
    rival_worlds, variant_worlds : the first so many worlds are also run under each rival explanation alone, and by
        other metrics and with other innovations (default: none).
    shipped_runs : runs of each arm in each shipped scenario at its defaults, nested in eight societies (0: none).
    evaluate : what simulates (tests put something else here).
    family : for how many claims the error level is corrected; default: as many as ship for one of these, else 1.
    seed : 0 to 2^63 - 1. threads : blocks at once; progress : called with (runs done, runs in all).

    Returns
    -------
    ClaimResult: the verdict, shares of worlds (0-1) with 95 % intervals, one row per test in `table`.

    Raises
    ------
    InputError : no such claim, a wrong file, wrong numbers.
    """
    claim = claim if isinstance(claim, Claim) else Claim.load(claim)
    beside = (rival_worlds, variant_worlds, shipped_runs)
    found = _test(claim, worlds, seeds, seed, plausible, *beside, threads, progress, evaluate)
    return corrected([found], family or family_of([claim]))[0]


def test_claims(
    claims: Sequence[str | Path | Claim],
    worlds: int = 200,
    seeds: int = 8,
    seed: int = 1,
    *,
    told: Callable[[str], None] | None = None,
    family: int | None = None,
    **options: Any,
) -> list[ClaimResult]:
    """`test_claim` for several; error levels are corrected over all of them (Holm 1979), and over all that ship where
    one of these is among them.

    claims, worlds, seeds, seed, family, options : as for `test_claim`. told : called with the title of each.
    Raises InputError before anything runs.
    """
    loaded = [each if isinstance(each, Claim) else Claim.load(each) for each in claims]
    found: list[ClaimResult] = []
    for each in loaded:
        if told is not None:
            told(f"{each.id} {each.title}")
        found.append(test_claim(each, worlds, seeds, seed, family=1, **options))
    return corrected(found, family or family_of(loaded))


def family_of(claims: Sequence[Claim]) -> int:
    """For how many claims error levels are corrected: all that ship, where one of them is among these."""
    return max(len(claims), len(claim_ids()) if any(each.id in claim_ids() for each in claims) else 1)


test_claim.__test__ = test_claims.__test__ = False  # type: ignore[attr-defined]  # not pytest's


def corrected(results: Sequence[ClaimResult], family: int) -> list[ClaimResult]:
    """The results with error levels corrected for a family of claims, and their verdicts."""
    for result, level in zip(results, holm([each.judged.level for each in results], family), strict=True):
        result.level = level
        result.verdict = verdict(result.claim.grade, result.judged, result.null, level)
    return list(results)


def _test(
    claim: Claim,
    worlds: int,
    seeds: int,
    seed: int,
    plausible: bool,
    rival_worlds: int,
    variant_worlds: int,
    shipped_runs: int,
    threads: int | None,
    progress: Callable[[int, int], None] | None,
    evaluate: EvaluateArms,
) -> ClaimResult:
    worlds, seeds = whole("worlds", worlds, 2, 10**6), whole("seeds", seeds, 2, 10**4)
    seed = whole("seed", seed, 0, MAX_SEED)
    total = all_runs(claim, worlds, seeds, rival_worlds, variant_worlds, shipped_runs)
    table = (plausible_worlds if plausible else worlds_of_claims)(worlds, seed)
    trial = _Trial(claim, table, seeds, seed, total, threads, progress, evaluate)
    trial.told(0)
    main = trial.held(claim.base(), worlds, [{}, {"null": True}])  # together: the blocks are wider
    tests = [
        TestResult(test, effect, null, trial.judged([effect], [test.smallest]), trial.judged([null], [test.smallest]))
        for test, effect, null in zip(claim.tests, trial.effects(main), trial.effects(main, null=True), strict=True)
    ]
    rivals = trial.rivals(min(rival_worlds, worlds))
    variants = trial.variants(min(variant_worlds, worlds), tests)
    shipped = [row for name in (claim.shipped() if shipped_runs else ()) for row in trial.shipped(name, shipped_runs)]
    alone = tests[0] if len(tests) == 1 else None  # judged already
    return ClaimResult(
        claim,
        trial.table,
        seeds,
        seed,
        tests,
        alone.judged if alone else trial.together([each.effects for each in tests]),
        alone.null if alone else trial.together([each.null_effects for each in tests]),
        pd.DataFrame(shipped),
        main.failures,
        pd.DataFrame(rivals),
        pd.DataFrame(variants),
        trial.done,
        features=trial.features(main),
    )


@dataclass(eq=False)
class _Trial:
    """A claim in its worlds: what is simulated of it, and how that is judged. table : the worlds. total : all runs."""

    claim: Claim
    table: pd.DataFrame
    seeds: int
    seed: int
    total: int
    threads: int | None
    progress: Callable[[int, int], None] | None
    evaluate: EvaluateArms
    done: int = 0

    def told(self, more: int) -> None:
        self.done += more
        if self.progress is not None:
            self.progress(self.done, self.total)

    @cached_property
    def all_seeds(self) -> tuple[np.ndarray, np.ndarray]:
        """Run and society seeds of the worlds."""
        return world_seeds(len(self.table), self.seeds, self.seed)

    @cached_property
    def distinct(self) -> float:
        """What the worlds are worth, as a share of their number: an ensemble repeats those of large weight."""
        times = self.table.value_counts(list(unknown_parameters())).to_numpy()
        return len(self.table) / float((times**2).sum())

    def held(self, scenario: Scenario, n: int, how: Sequence[dict[str, Any]], **more: Any) -> Evaluated:
        """All arms of all tests, once for each way in `how`; those that need costly records by themselves."""
        parts: list[Evaluated] = []
        runs, societies = self.all_seeds
        for costly in dict.fromkeys(_costly(test) for test in self.claim.tests):
            tests = [test for test in self.claim.tests if _costly(test) == costly]
            names = dict.fromkeys([*START, *(t.outcome for t in tests), *(t.null_outcome or t.outcome for t in tests)])
            parts.append(
                self.evaluate(
                    scenario,
                    [arm for way in how for test in tests for arm in arms_of(test, **way)],
                    list(names),
                    runs[:n],
                    societies[:n],
                    self.table.iloc[:n],
                    own=self.claim.settings,
                    threads=self.threads,
                    progress=self.told,
                    **more,
                )
            )
        return merged(parts)

    def effects(self, found: Evaluated, **how: Any) -> list[np.ndarray]:
        return [_effect(test, found, **how) for test in self.claim.tests]

    def together(self, of: Sequence[np.ndarray], metric: str = "distance") -> Judgement:
        """All tests that count, judged as one claim."""
        pairs = [(each, test) for each, test in zip(of, self.claim.tests, strict=True) if test.counts]
        return self.judged([each for each, _ in pairs], [smallest_of(test, metric) for _, test in pairs])

    def judged(self, effects: Sequence[np.ndarray], smallest: Sequence[float]) -> Judgement:
        return judge(effects, smallest, distinct=self.distinct)

    def rivals(self, n: int) -> list[dict[str, Any]]:
        """Each rival explanation alone, in the first n worlds."""
        if not n:
            return []
        off = {name: {key: each for key, each in NO_EFFECT.items() if key not in kept} for name, kept in RIVALS.items()}
        found = self.held(self.claim.base(), n, [{"rival": settings} for settings in off.values()])
        return [
            {"claim": self.claim.id, "rival": name, **shares(self.together(self.effects(found, rival=settings)))}
            for name, settings in off.items()
        ]

    def variants(self, n: int, tests: Sequence[TestResult]) -> list[dict[str, Any]]:
        """The first n worlds as declared, and with other metrics and innovations."""
        if not n:
            return []
        base, judged = self.claim.base(), {AS_DECLARED: self.together([each.effects[:n] for each in tests])}
        for name in VARIANTS:
            metric = METRIC_OF_VARIANT.get(name, "distance")
            more = {"other": other_innovations(base, n, self.seed)} if name == "uncertain innovation" else {}
            found = self.held(base.replace({"alignment_metric": metric}), n, [{"metric": metric}], **more)
            judged[name] = self.together(self.effects(found, metric=metric), metric)
        return [
            {"claim": self.claim.id, "variant": name, "says": each.says, **shares(each)}
            for name, each in judged.items()
        ]

    def features(self, main: Evaluated) -> pd.DataFrame:
        """Of the worlds: what was drawn, and alignment at the start."""
        first = main.values[arms_of(self.claim.tests[0])[-1].key]
        seen = {
            f"{what} at the start": np.nanmean(_safe(first[name]), axis=1)
            for what, name in zip(("alignment", "spread of alignment"), START, strict=True)
        }
        drawn = self.table.drop(columns=[name for name in self.table if name in self.claim.settings])
        return pd.concat([drawn, pd.DataFrame(seen)], axis=1)

    def shipped(self, name: str, n: int) -> list[dict[str, Any]]:
        """Each test in a shipped scenario at its defaults: effect in the outcome's direction, and in SDs between runs.

        Intervals are clustered by society.
        """
        claim, (runs, societies) = self.claim, shipped_seeds(n, self.seed)
        arms = [arm for test in claim.tests for arm in arms_of(test)]
        outcomes = list(dict.fromkeys(test.outcome for test in claim.tests))
        found = self.evaluate(
            claim.base(name),
            arms,
            outcomes,
            runs,
            societies,
            None,
            own=claim.settings,
            threads=self.threads,
            progress=self.told,
        )
        rows: list[dict[str, Any]] = []
        for test in claim.tests:
            values = [found.values[arm.key][test.outcome].ravel() for arm in arms_of(test)]
            effect = contrast(test, values) * (1 if test.direction == "higher" else -1)
            interval = mean_interval(effect, np.repeat(societies, runs.shape[1]))
            spread = float(np.nanstd(values[-1], ddof=1)) if (~np.isnan(values[-1])).sum() > 1 else np.nan
            plain = test.contrast in ("difference", "difference of differences") and spread > 1e-12
            rows.append(
                {
                    "claim": claim.id,
                    "test": test.name,
                    "scenario": name,
                    "outcome": test.outcome,
                    "contrast": test.contrast,
                    "effect": interval.mean,
                    "low": interval.low,
                    "high": interval.high,
                    "standardised": interval.mean / spread if plain else np.nan,
                    "smallest": test.smallest,
                    "direction": test.direction,
                    "runs": interval.n,
                }
            )
        return rows


def _costly(test: ClaimTest) -> tuple[str, ...]:
    """What a test needs recorded that slows runs down."""
    needed = {each for name in (test.outcome, test.null_outcome) if name in MEASURES for each in MEASURES[name].record}
    return tuple(sorted(needed & {"decomposition", "agents"}))


def _safe(values: np.ndarray) -> np.ndarray:
    """0 where a world has nothing at all, so that its mean is defined (such worlds are classed as failed)."""
    return np.where(np.isnan(values).all(axis=1, keepdims=True), 0.0, values)


def _effect(test: ClaimTest, found: Evaluated, null: bool = False, **how: Any) -> np.ndarray:
    outcome = test.null_outcome or test.outcome if null else test.outcome
    return contrast(test, [found.values[arm.key][outcome] for arm in arms_of(test, null=null, **how)])


def all_runs(
    claim: Claim, worlds: int, seeds: int, rivals: int = 0, variants: int = 0, shipped: int = SHIPPED_RUNS
) -> int:
    """How many runs a test of a claim makes. Arguments: as for `test_claim`."""

    def arms(*nulls: bool) -> int:
        return len({arm.key for test in claim.tests for null in nulls for arm in arms_of(test, null=null)})

    rivals, variants = len(RIVALS) * min(rivals, worlds), len(VARIANTS) * min(variants, worlds)
    return seeds * (arms(False, True) * worlds + arms(False) * (rivals + variants)) + shipped * arms(False) * len(
        claim.shipped()
    )
