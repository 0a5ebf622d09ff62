"""Testing a claim: in the shipped scenarios, over plausible worlds, against its null and against rival explanations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario
from valign.results.summaries import mean_interval
from valign.results.vocabulary import label

from ..design import MAX_SEED, whole
from ..facts import NO_FIT
from .declaration import Claim, ClaimTest, claim_ids
from .explanation import Where, where
from .measures import MEASURES
from .verdict import ALPHA, FEW, Judgement, holm, judge, verdict, world_effects, worlds_needed
from .worlds import (
    Evaluated,
    arms_of,
    contrast,
    evaluate,
    merged,
    other_innovations,
    plausible_worlds,
    shipped_seeds,
    smallest_of,
    world_seeds,
)

SHIPPED_RUNS = 64
OFF = dict.fromkeys(
    (
        *NO_FIT,
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
# Each rival keeps what it names of `OFF` and nothing else: the world's own strength.
RIVALS: dict[str, tuple[str, ...]] = {
    "turnover selection only": ("turnover_fit",),
    "contagion only": ("peer_effect", "norm_effect", "awareness_by_ties", "adoption_peers", "adoption_norm"),
    "evidence only": ("evidence_effect", "score_evidence", "belief_sharing"),
}
VARIANTS = ("profile metric", "centred values", "uncertain innovation")
METRICS = {"profile metric": "profile", "centred values": "centred"}
Evaluate = Callable[..., Evaluated]


@dataclass(frozen=True)
class TestResult:
    """One test in the worlds: effects [worlds, seeds] (predicted direction positive), judged alone.

    null_effects, null : the same without the assumption. Effects are in the unit of the outcome (NaN: a run failed).
    """

    test: ClaimTest
    effects: np.ndarray
    null_effects: np.ndarray
    judged: Judgement
    null: Judgement

    @property
    def effect(self) -> tuple[float, float, float]:
        """Mean over worlds and its middle 90 %, in the direction of the outcome itself."""
        mean = world_effects(self.effects)[0]
        sign = 1 if self.test.direction == "higher" else -1
        if np.isnan(mean).all():
            return np.nan, np.nan, np.nan
        low, high = np.nanquantile(sign * mean, [0.05, 0.95])
        return float(np.nanmean(sign * mean)), float(low), float(high)


@dataclass(eq=False)
class ClaimResult:
    """What testing a claim gave. `table` (one row per test), `shipped`, `rivals`, `variants` are DataFrames.

    worlds : the points of the parameter space, one row each. seeds : runs of each arm in a world; seed : of all.
    tests : by test. judged, null : the tests that count together, with the assumption and without.
    failures : by world, why it failed. features : of the worlds, for `where`. runs : simulated in all.
    level : error level at which it is decided, corrected (Holm 1979). verdict : the word for it.
    """

    claim: Claim
    worlds: pd.DataFrame
    seeds: int
    seed: int
    tests: list[TestResult]
    judged: Judgement
    null: Judgement
    shipped: pd.DataFrame
    failures: dict[int, str]
    rivals: pd.DataFrame
    variants: pd.DataFrame
    runs: int
    level: float = 1.0
    verdict: str = "undecided"
    features: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def more_worlds(self) -> int | None:
        """How many worlds more would decide, if undecided; None: no number in reach."""
        if self.verdict != "undecided":
            return 0
        return worlds_needed(
            self.judged.predicted,
            self.judged.reversed,
            max(1, self.judged.effective),
            ALPHA * self.judged.level / max(self.level, self.judged.level, 1e-300),
        )

    @cached_property
    def where(self) -> Where:
        """Where it holds and where not: a shallow tree over the worlds. Raises InputError without scikit-learn."""
        return where(self.features, self.judged.classes)

    @property
    def table(self) -> pd.DataFrame:
        """One row per test: effect over worlds, shares of worlds, the null's."""
        rows: list[dict[str, Any]] = []
        for each in self.tests:
            mean, low, high = each.effect
            rows.append(
                {
                    "claim": self.claim.id,
                    "test": each.test.name,
                    "counts": each.test.counts,
                    "outcome": each.test.outcome,
                    "meaning": meaning(each.test.outcome),
                    "contrast": each.test.contrast,
                    "direction": each.test.direction,
                    "smallest": each.test.smallest,
                    "effect": mean,
                    "effect_5": low,
                    "effect_95": high,
                    **shares(each.judged),
                    **{f"null_{name}": value for name, value in shares(each.null).items()},
                }
            )
        return pd.DataFrame(rows)

    def summary(self) -> dict[str, Any]:
        """One row: the claim, its verdict, the shares of worlds."""
        some = self.rivals[self.rivals["predicted"] > FEW] if len(self.rivals) else self.rivals
        best = "" if some.empty else str(some.sort_values("predicted")["rival"].iloc[-1])
        return {
            "claim": self.claim.id,
            "title": self.claim.title,
            "grade": self.claim.grade,
            "verdict": self.verdict,
            "statement": self.claim.statement,
            "source": self.claim.source,
            "against": self.claim.against,
            **shares(self.judged),
            **{f"null_{name}": value for name, value in shares(self.null).items()},
            "error_level": self.judged.level,
            "error_level_holm": self.level,
            "more_worlds": self.more_worlds,
            "best_rival": best,
            "seeds": self.seeds,
            "seed": self.seed,
            "runs": self.runs,
        }


def claim_tables(results: Sequence[ClaimResult]) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Summary (one row per claim, with words) and tables of tests, shipped scenarios, rivals, variants, leaves of the
    trees, worlds that failed and effects world by world."""
    rows: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    leaves: list[pd.DataFrame] = []
    effects: list[pd.DataFrame] = []
    for each in results:
        try:
            found = each.where
        except InputError as error:  # what was simulated is not lost for want of a library
            found = Where(np.nan, np.nan, False, pd.DataFrame(), str(error))
        rows.append(
            {
                **each.summary(),
                "where": found.words(),
                "tree_accuracy": found.accuracy,
                "tree_base_rate": found.base_rate,
            }
        )
        leaves.append(found.leaves.assign(claim=each.claim.id))
        left_out = {
            int(world): "the outcome does not exist in enough runs" for world in np.flatnonzero(each.judged.classes < 0)
        }
        failures += [
            {"claim": each.claim.id, "world": world, "error": error}
            for world, error in sorted({**left_out, **each.failures}.items())
        ]
        for test in each.tests:
            mean, error = world_effects(test.effects)
            effects.append(
                pd.DataFrame(
                    {
                        "claim": each.claim.id,
                        "test": test.test.name,
                        "world": np.arange(len(mean)),
                        "toward_predicted": mean,
                        "standard_error": error,
                        "class": each.judged.classes,
                    }
                )
            )

    def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
        parts = [part for part in parts if len(part)]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    return pd.DataFrame(rows), {
        "tests": joined([each.table for each in results]),
        "shipped": joined([each.shipped for each in results]),
        "rivals": joined([each.rivals for each in results]),
        "variants": joined([each.variants for each in results]),
        "leaves": joined(leaves),
        "effects": joined(effects),
        "failures": pd.DataFrame(failures, columns=["claim", "world", "error"]),
    }


def meaning(outcome: str) -> str:
    """What an outcome is, in words."""
    return MEASURES[outcome].meaning if outcome in MEASURES else label(outcome).text


def shares(judged: Judgement) -> dict[str, float]:
    """Shares of worlds with their intervals, as columns."""
    row: dict[str, float] = {"worlds": judged.worlds, "failed": judged.failed}
    for name, (low, high) in zip(("predicted", "absent", "reversed"), judged.intervals, strict=True):
        row |= {name: getattr(judged, name), f"{name}_low": low, f"{name}_high": high}
    return row


def test_claim(
    claim: str | Path | Claim,
    worlds: int = 200,
    seeds: int = 8,
    seed: int = 1,
    *,
    rival_worlds: int = 0,
    variant_worlds: int = 0,
    shipped_runs: int = SHIPPED_RUNS,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    evaluate: Evaluate = evaluate,
    family: int | None = None,
) -> ClaimResult:
    """Test a claim: in shipped scenarios, over plausible worlds, against its null.

    Parameters
    ----------
    claim : id of a shipped claim ("C7"), path to a TOML file of one's own, or a Claim.
    worlds : how many points of the parameter space, by Latin hypercube over the plausible ranges (strengths from 0),
        each with a society of its own.
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
    return corrected(
        [_test(claim, worlds, seeds, seed, rival_worlds, variant_worlds, shipped_runs, threads, progress, evaluate)],
        family or family_of([claim]),
    )[0]


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


test_claim.__test__ = test_claims.__test__ = TestResult.__test__ = False  # type: ignore[attr-defined]  # not pytest's


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
    rival_worlds: int,
    variant_worlds: int,
    shipped_runs: int,
    threads: int | None,
    progress: Callable[[int, int], None] | None,
    evaluate: Evaluate,
) -> ClaimResult:
    worlds, seeds = whole("worlds", worlds, 2, 10**6), whole("seeds", seeds, 2, 10**4)
    seed = whole("seed", seed, 0, MAX_SEED)
    base, table = claim.base(), plausible_worlds(worlds, seed)
    runs, societies = world_seeds(worlds, seeds, seed)
    start = ("alignment_start", "alignment_start_sd")
    total = all_runs(claim, worlds, seeds, rival_worlds, variant_worlds, shipped_runs)
    done = 0

    def told(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, total)

    def held(scenario: Scenario, n: int, how: Sequence[dict[str, Any]], **more: Any) -> Evaluated:
        """All arms of all tests, once for each way in `how`; those that need costly records by themselves."""
        parts: list[Evaluated] = []
        for costly in dict.fromkeys(_costly(test) for test in claim.tests):
            tests = [test for test in claim.tests if _costly(test) == costly]
            names = dict.fromkeys([*start, *(t.outcome for t in tests), *(t.null_outcome or t.outcome for t in tests)])
            arms = [arm for way in how for test in tests for arm in arms_of(test, **way)]
            parts.append(
                evaluate(
                    scenario,
                    arms,
                    list(names),
                    runs[:n],
                    societies[:n],
                    table.iloc[:n],
                    own=claim.settings,
                    threads=threads,
                    progress=told,
                    **more,
                )
            )
        return merged(parts)

    def effects(found: Evaluated, **how: Any) -> list[np.ndarray]:
        return [_effect(test, found, **how) for test in claim.tests]

    told(0)
    main = held(base, worlds, [{}, {"null": True}])  # together: the blocks are wider
    tests = [
        TestResult(test, effect, null, judge([effect], [test.smallest]), judge([null], [test.smallest]))
        for test, effect, null in zip(claim.tests, effects(main), effects(main, null=True), strict=True)
    ]

    def together(of: Sequence[np.ndarray], metric: str = "distance") -> Judgement:
        """All tests that count, judged as one claim."""
        pairs = [(each, test) for each, test in zip(of, claim.tests, strict=True) if test.counts]
        return judge([each for each, _ in pairs], [smallest_of(test, metric) for _, test in pairs])

    rivals, variants = [], []
    n = min(rival_worlds, worlds)
    if n:
        off = {name: {key: value for key, value in OFF.items() if key not in kept} for name, kept in RIVALS.items()}
        found = held(base, n, [{"rival": settings} for settings in off.values()])
        rivals = [
            {"claim": claim.id, "rival": name, **shares(together(effects(found, rival=settings)))}
            for name, settings in off.items()
        ]
    n = min(variant_worlds, worlds)
    if n:
        of_these = together([each.effects[:n] for each in tests])
        variants = [
            {"claim": claim.id, "variant": "as declared, the same worlds", "says": of_these.says, **shares(of_these)}
        ]
    for name in VARIANTS if n else ():
        metric = METRICS.get(name, "distance")
        more = {"other": other_innovations(base, n, seed)} if name == "uncertain innovation" else {}
        found = held(base.replace({"alignment_metric": metric}), n, [{"metric": metric}], **more)
        judged = together(effects(found, metric=metric), metric)
        variants.append({"claim": claim.id, "variant": name, "says": judged.says, **shares(judged)})
    shipped = [
        row
        for name in (claim.shipped() if shipped_runs else ())
        for row in _shipped(claim, name, shipped_runs, seed, threads, told, evaluate)
    ]
    alone = tests[0] if len(tests) == 1 else None  # judged already
    judged = alone.judged if alone else together([each.effects for each in tests])
    empty = alone.null if alone else together([each.null_effects for each in tests])
    first = main.values[arms_of(claim.tests[0])[-1].key]
    seen = {
        f"{what} at the start": np.nanmean(_safe(first[name]), axis=1)
        for what, name in zip(("alignment", "spread of alignment"), start, strict=True)
    }
    features = pd.concat(
        [table.drop(columns=[name for name in table if name in claim.settings]), pd.DataFrame(seen)], axis=1
    )
    return ClaimResult(
        claim,
        table,
        seeds,
        seed,
        tests,
        judged,
        empty,
        pd.DataFrame(shipped),
        main.failures,
        pd.DataFrame(rivals),
        pd.DataFrame(variants),
        done,
        features=features,
    )


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


def _shipped(
    claim: Claim, name: str, n: int, seed: int, threads: int | None, told: Callable[[int], None], evaluate: Evaluate
) -> list[dict[str, Any]]:
    """Each test in a shipped scenario at its defaults: effect in the outcome's direction, and in SDs between runs.

    Intervals are clustered by society.
    """
    runs, societies = shipped_seeds(n, seed)
    arms = [arm for test in claim.tests for arm in arms_of(test)]
    outcomes = list(dict.fromkeys(test.outcome for test in claim.tests))
    found = evaluate(
        claim.base(name), arms, outcomes, runs, societies, None, own=claim.settings, threads=threads, progress=told
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
