"""Longer questions about the settings at hand: a claim over plausible worlds, a quick sensitivity study.

Each is cut into parts of a fraction of a second, which wait their turn among the parts of other visitors; between two
of them it ends if nobody waits any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from pydantic import PrivateAttr

from valign.experiments.claims import worlds as in_worlds
from valign.experiments.claims.declaration import Claim, claim_ids
from valign.experiments.claims.results import ClaimResult, claim_tables
from valign.experiments.claims.testing import test_claim
from valign.experiments.claims.worlds import Arm, Evaluated, arms_of
from valign.experiments.sensitivity import Sensitivity, make_problem, study, uncertain
from valign.experiments.simulate import simulate
from valign.model.errors import InputError, unknown
from valign.model.outcomes import OUTCOMES
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario

from .state import SEED
from .work import PART, POOL, Question, Superseded

STUDIES = ThreadPoolExecutor(4, "studies")  # so many at a time on the whole server; others wait
MOST_STUDY = 1e8  # people x months x runs of a study: about half a minute of one processor
HERE = "the settings at hand"
WORLDS, FEWEST_WORLDS, MOST_WORLDS, SEEDS = 60, 20, 200, 4
LARGEST_N, SMALLEST_N, REPLICATES, MOST_FACTORS = 64, 16, 16, 12
BY_MECHANISM = "mechanism"

Told = Callable[[int, int], None]
Stale = Callable[[], bool]


def in_turn(stale: Stale, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """A part of a study, when it is its turn. Raises Superseded when nobody waits any more."""
    if stale():
        raise Superseded
    return POOL.submit(function, *arguments, **options).result()


def too_large(what: str, person_months: float) -> InputError:
    return InputError(
        [
            f"{what} of {person_months:,.0f} person-months a run is more than this page computes "
            f"({MOST_STUDY / 1e6:.0f} million in all): fewer people or months need less, and the command line has no "
            "such limit"
        ]
    )


# --- a claim ---------------------------------------------------------------------------------------------------------
def shipped(name: str) -> Claim:
    """A claim that ships, by id; never a path. Raises InputError where there is no such claim."""
    if name not in claim_ids():
        raise InputError([unknown(name, claim_ids(), "claim")])
    return Claim.load(name)


class ClaimHere(Claim):
    """A claim in the settings at hand: what the visitor has set stays, all else varies over its plausible range.

    The claim's own settings, arms and scheduled changes come on top; sizes of its own scenario do not.
    """

    _scenario: Scenario = PrivateAttr()

    @classmethod
    def of(cls, name: str, question: Question) -> ClaimHere:
        own = shipped(name)
        fixed = {key: value for key, value in question.settings.row().items() if key in PARAMETERS}
        here = cls(**{**own.model_dump(), "settings": {**fixed, **own.settings}})
        here._scenario = question.settings.whole()
        return here

    def base(self, name: str | None = None) -> Scenario:
        """The scenario at hand with the claim's settings and changes; its changes are numbered before the others."""
        scenario = self._scenario.replace(self.settings) if self.settings else self._scenario
        if not self.changes:
            return scenario
        raw = scenario.to_mapping()
        raw["changes"] = [*self.changes, *raw.get("changes", [])]
        return Scenario.from_mapping(raw, scenario.name, scenario.folder)

    def shipped(self) -> list[str]:
        return [HERE]


def worlds_allowed(claim: Claim, wanted: int) -> int:
    """How many worlds the page computes of a claim; InputError where too few to say anything."""
    scenario = claim.base()
    arms = {arm.key for test in claim.tests for null in (False, True) for arm in arms_of(test, null=null)}
    most = int(MOST_STUDY // (max(1, scenario.people()) * scenario.months * len(arms) * SEEDS))
    if most < FEWEST_WORLDS:
        raise too_large("a claim over worlds", scenario.people() * scenario.months)
    return max(FEWEST_WORLDS, min(wanted, most, MOST_WORLDS))


def check_arms(claim: Claim) -> None:
    """Raise InputError where a claim compares what is the same in these settings, or what is not there."""
    try:
        base, tests, problems = claim.base(), claim.tests, []
    except InputError as error:
        tests, problems = [], error.problems[:2]
    for test in tests:
        arms = arms_of(test)
        keys = list(dict.fromkeys(key for arm in arms for key in arm.settings))
        if missing := [key for key in keys if key not in base.settable()]:
            problems.append(f"{missing[0]} is not a setting of this scenario")
        elif len({tuple(arm.settings.get(key, base.read(key)) for key in keys) for arm in arms}) < len(arms):
            problems.append(f"two of the cases that it compares ({', '.join(test.of)}) are the same in these settings")
    if problems:
        raise InputError(
            [f"{claim.id} cannot be tested here: {'; '.join(problems)}. Its own scenario is {claim.scenario}."]
        )


def test_here(
    name: str, question: Question | None, worlds: int, stale: Stale, told: Told
) -> tuple[ClaimResult, Mapping[str, Any]]:
    """Test a claim in the settings at hand (None: in its own scenario). Returns result and summary (with words)."""
    claim = ClaimHere.of(name, question) if question is not None else shipped(name)
    check_arms(claim)
    worlds = worlds_allowed(claim, worlds)
    result = test_claim(claim, worlds, SEEDS, SEED, evaluate=_evaluate(stale), progress=told, threads=1)
    return result, claim_tables([result])[0].iloc[0].to_dict()


def _evaluate(stale: Stale) -> Callable[..., Evaluated]:
    """`worlds.evaluate`, a few worlds at a time."""

    def evaluate(
        base: Scenario, arms: Sequence[Arm], outcomes: Sequence[str], runs: np.ndarray, societies: np.ndarray,
        worlds: pd.DataFrame | None = None, *, other: pd.DataFrame | None = None, **options: Any,
    ) -> Evaluated:  # fmt: skip
        a_world = base.people() * base.months * len({arm.key for arm in arms}) * runs.shape[1]
        step, found = max(1, int(PART // max(1, a_world))), []
        for first in range(0, len(runs), step):
            some = slice(first, first + step)
            tables = [None if table is None else table.iloc[some] for table in (worlds, other)]
            found.append(
                in_turn(
                    stale, in_worlds.evaluate, base, arms, outcomes, runs[some], societies[some], tables[0],
                    other=tables[1], **options,
                )
            )  # fmt: skip
        values = {
            arm: {name: np.concatenate([part.values[arm][name] for part in found]) for name in of_arm}
            for arm, of_arm in found[0].values.items()
        }
        failures = {
            step * place + world: why for place, part in enumerate(found) for world, why in part.failures.items()
        }
        return Evaluated(values, failures, sum(part.runs for part in found))

    return evaluate


# --- sensitivity -----------------------------------------------------------------------------------------------------
def factors_of(scenario: Scenario) -> list[str]:
    """Parameters that can be varied in a scenario."""
    return uncertain(scenario)[0]


def points_allowed(factors: int, person_months: float) -> int:
    """Base points of a Sobol' study of so many factors; a power of 2. InputError where too few to say anything."""
    n = LARGEST_N
    while n * (factors + 2) * REPLICATES * person_months > MOST_STUDY:
        n //= 2
    if n < SMALLEST_N:
        raise too_large("a sensitivity study", person_months)
    return n


def sensitivity_here(
    question: Question, factors: Sequence[str], outcomes: Sequence[str], stale: Stale, told: Told
) -> Sensitivity:
    """Sobol' indices of a few parameters of the settings at hand, over their plausible ranges, with the noise floor.

    factors : parameters, or ("mechanism",): all that can be varied, grouped by mechanism. Raises InputError.
    """
    scenario, society = question.settings.whole(), question.society
    by_mechanism = tuple(factors) == (BY_MECHANISM,)
    names = factors_of(scenario) if by_mechanism else list(factors)
    problems = [unknown(name, OUTCOMES, "known outcome") for name in outcomes if name not in OUTCOMES]
    problems += [unknown(name, factors_of(scenario), "factor") for name in names if name not in factors_of(scenario)]
    if not outcomes:
        problems.append("outcomes: expected at least one")
    if not by_mechanism and not 2 <= len(names) <= MOST_FACTORS:
        problems.append(f"factors: expected 2 to {MOST_FACTORS}")
    if problems:
        raise InputError(problems)
    problem = make_problem(scenario, names, group_by=BY_MECHANISM if by_mechanism else None)
    person_months = question.people() * scenario.months
    n = points_allowed(len(problem.groups), person_months)

    def evaluate(design: pd.DataFrame) -> pd.DataFrame:
        step, found = max(1, PART // max(1, person_months)), []
        for start in range(0, len(design), step):
            part = design.iloc[start : start + step].reset_index(drop=True)
            found.append(in_turn(stale, simulate, part, base=scenario, record=(), threads=1, society=society))
            told(start + len(part), len(design))
        return pd.concat([each.runs[["status", *OUTCOMES]] for each in found], ignore_index=True)

    found = study(problem, evaluate, "sobol", n, outcomes, replicates=REPLICATES, seed=SEED, missing="drop")
    found.title = scenario.title or scenario.name
    return found
