"""What testing claims gave: effects world by world, verdicts, and the tables that a command keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.results.vocabulary import label

from .declaration import Claim, ClaimTest
from .explanation import WhereItHolds, where
from .measures import MEASURES
from .verdict import ALPHA, FEW, Judgement, world_effects, worlds_needed


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
    def where(self) -> WhereItHolds:
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


def claim_tables(
    results: Sequence[ClaimResult], beside: Sequence[ClaimResult] = ()
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Summary (one row per claim, with words) and tables of tests, shipped scenarios, rivals, variants, leaves of the
    trees, worlds that failed and effects world by world. beside : the claims over plausible worlds, whose summary is
    the table `plausible`."""
    rows: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    leaves: list[pd.DataFrame] = []
    effects: list[pd.DataFrame] = []
    for each in results:
        try:
            found = each.where
        except InputError as error:  # what was simulated is not lost for want of a library
            found = WhereItHolds(np.nan, np.nan, False, pd.DataFrame(), str(error))
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
        "plausible": pd.DataFrame([each.summary() for each in beside]).drop(
            columns=["statement", "source", "against"], errors="ignore"
        ),
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


TestResult.__test__ = False  # type: ignore[attr-defined]  # not pytest's
