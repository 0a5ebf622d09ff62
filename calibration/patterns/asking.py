"""The model asked what the studies asked: worlds in, one number a world, run and pattern out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from valign.experiments.design import stated
from valign.experiments.simulate import simulate
from valign.model.compiled.randomness import derive_seed
from valign.model.errors import InputError
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario

from .estimators import estimate, recorded
from .pattern import Pattern, Question
from .seen import Seen

OF_RUN, OF_SOCIETY = 231, 232  # purposes of derived seeds


def asked(
    patterns: Sequence[Pattern], worlds: pd.DataFrame, runs: int, seed: int, last: bool | None = None
) -> np.ndarray:
    """Every pattern estimated in every world [worlds, runs, patterns], on the scales of comparison; NaN: nothing to
    estimate.

    Parameters
    ----------
    patterns : what is asked; those with the same question are read from the same runs.
    worlds : parameters by world, at most 64 (they share a society in each run); other parameters as in the scenarios.
    runs : of each world and question, from 1, each in another society.
    seed : of runs and societies; each world has its own chances.
    last : ask only the questions that are asked last (True) or the others (False); the rest stays NaN.
    """
    found = np.full((len(worlds), runs, len(patterns)), np.nan)
    by_question: dict[str, list[int]] = {}
    for place, pattern in enumerate(patterns):
        if last is None or pattern.question.last == last:
            by_question.setdefault(pattern.question.key, []).append(place)
    for places in by_question.values():
        question = patterns[places[0]].question
        names = [patterns[place].estimator for place in places]
        for run in range(runs):
            arms = _simulated(question, recorded(names), worlds, derive_seed(seed, run, OF_RUN))
            for place, name in zip(places, names, strict=True):
                found[:, run, place] = estimate(name, arms)
    return found


def person_months(patterns: Sequence[Pattern], last: bool | None = None) -> int:
    """Person-months of asking all of it once."""
    questions = {each.question.key: each.question for each in patterns if last is None or each.question.last == last}
    return sum(arm.people() * arm.months for each in questions.values() for arm in each.arms)


def _simulated(question: Question, record: tuple[str, ...], worlds: pd.DataFrame, seed: int) -> list[Seen]:
    """One run of every world in each arm, with the same chances in each."""
    seeds = [derive_seed(seed, world, OF_RUN) for world in range(len(worlds))]
    society = derive_seed(seed, 0, OF_SOCIETY)
    seen: list[Seen] = []
    for arm in question.arms:
        columns = {str(name): worlds[name].to_numpy() for name in worlds if not stated(arm, str(name))}
        design = pd.DataFrame(columns | {"seed": seeds, "society_seed": society})
        out = simulate(design, base=arm, record=record, threads=1, width=len(worlds))
        ((_, outcomes),) = out.parts
        if any(outcomes.failures):
            raise InputError([f"{question.scenario}: {next(filter(None, outcomes.failures))}"])
        seen.append(Seen(arm, outcomes, _parameters(arm, columns, len(worlds))))
    return seen


def _parameters(arm: Scenario, columns: dict[str, np.ndarray], worlds: int) -> dict[str, np.ndarray]:
    return {name: columns.get(name, np.full(worlds, arm.value(name))) for name in PARAMETERS}
