"""What to do with a budget, and what would be worth knowing first: mixes of actions, raced over worlds, judged
afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.model.compiled.compiling import sources_hash
from valign.model.compiled.randomness import derive_seed
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario
from valign.results.checkpoint import NOTHING_KEPT, Parts

from ..actions.declaration import Action, actions_from
from ..bases import society_hash
from ..design import whole
from .answers import (
    STEP,
    Fresh,
    finalists_table,
    kinds_table,
    mixes_table,
    plan_table,
    rule_table,
    second_choice,
    steps_table,
    views_table,
    waiting_table,
)
from .candidates import Candidates, check_possible, keep_best_of, unavailable
from .evaluation import evaluate
from .goals import OBSERVED, Goal
from .information import evppi, folds_of, value_of_knowing
from .judge import best_within
from .options import NOTHING, STARTS, Ground, Mix, Wait, chosen_actions, options_of, with_horizon
from .pilots import check_pilots, pilot_first
from .question import Question
from .race import LEAST, planned_runs, race
from .result import Decision
from .studies import Study, observe, possible_sizes, seen_by, studies, table_of
from .worlds import Worlds, draw_worlds, worlds_key

FRESH = 301  # purpose of the seed of the worlds on which the finalists are judged
SEEDS = 1  # runs in each of these: more worlds tell more than more runs in one
WAITS, THRESHOLDS = (12, 24), (0.25, 0.5)  # months, and shares of people, of rules that wait and see
DELAYED = 3  # finalists that may also begin later, after a study
Told = Callable[[int, int], None]


def decide(
    scenario: Scenario | str | Path,
    budget: float,
    goal: str | Sequence[str] = "use",
    horizon: int = 72,
    must: Sequence[str] = (),
    never: Sequence[str] = (),
    *,
    actions: Iterable[str | Path] = (),
    starts: Sequence[int] = STARTS,
    mixes: int = 200,
    worlds: int = 1000,
    seed: int = 1,
    pilots: int | None = None,
    threads: int | None = None,
    progress: Told | None = None,
    folder: str | Path | None = None,
) -> Decision:
    """What to do with a budget in a scenario, judged over worlds of which nobody knows which is ours.

    Parameters
    ----------
    scenario : a Scenario, a shipped name or a path to TOML. budget : £, over the whole horizon.
    goal : "use", "sustained" or "value"; of several the first decides, and the front is over all of them and money.
    horizon : months that count. must, never : ids of actions (`va.actions()`) that have to be in it, or may not be.
    actions : files of one's own actions. starts : months in which an action may begin.
    mixes : how many race at most. worlds : over which those that keep up are compared; half as many judge.
    pilots : also say in which so many services to pilot first. seed : 0 to 2^63 - 1. threads : blocks at once.
    progress : called with (runs done, runs in all, about).
    folder : keeps what is finished: the same call goes on there.

    Returns
    -------
    Decision: `best`, `finalists`, `front`, `views`, `steps`, `rule`, `regret`, `plan`, `evppi`, `evsi`.

    Raises
    ------
    InputError : wrong arguments, unknown actions, a budget that buys nothing, or not what `must` asks for.
    """
    asked = Question(budget, goal, horizon, must, never, tuple(actions), tuple(starts), mixes, worlds, seed, pilots)
    return decided(scenario, asked, threads=threads, progress=progress, folder=folder)


def decided(
    scenario: Scenario | str | Path,
    question: Question,
    *,
    threads: int | None = None,
    progress: Told | None = None,
    folder: str | Path | None = None,
) -> Decision:
    """As `decide`, of a question."""
    return _Job(scenario, question, threads, progress, folder).decided()


def check_decision(scenario: Scenario | str | Path, question: Question) -> None:
    """Raise InputError for what `decide` would refuse, before anything is computed."""
    _Job(scenario, question)


class _Job:
    """One decision, step by step."""

    def __init__(
        self,
        scenario: Scenario | str | Path,
        question: Question,
        threads: int | None = None,
        progress: Told | None = None,
        folder: str | Path | None = None,
    ) -> None:
        self.goals: list[Goal] = question.goals()
        asked = question.checked()
        self.budget, self.most, self.count, self.seed = float(asked.budget), asked.mixes, asked.worlds, asked.seed
        self.ground = Ground.of(with_horizon(Scenario.load(scenario), question.horizon))
        self.starts = question.within(self.ground.scenario.months)
        self.threads, self.progress = threads, progress
        pilots, must, never = question.pilots, question.must, question.never
        allowed, needed = chosen_actions(actions_from(question.actions), must, never)
        free = self.ground.using.count(False)
        if pilots is not None:
            check_pilots(self.ground)
        self.pilots = None if pilots is None else whole("pilots", pilots, 1, free)
        self.actions: list[Action] = allowed
        options = options_of(self.ground, allowed, self.starts, self.budget)
        check_possible(self.ground, options, needed, allowed, self.budget, self.starts)
        more = options_of(self.ground, allowed, self.starts, self.budget + STEP)
        self.candidates = Candidates(self.ground, more, needed, self.budget + STEP, self.most)
        self.worlds = draw_worlds(self.count, 1, self.seed, self.ground.scenario)
        later = derive_seed(self.seed, 0, FRESH)
        self.fresh_worlds = draw_worlds(max(20, self.count // 2), SEEDS, later, self.ground.scenario, fresh=True)
        tables = {} if self.ground.society is None else {"tables": society_hash(self.ground.society)}
        work = {
            "scenario": self.ground.scenario.to_toml(),
            **tables,
            **question.described(),
            "code": sources_hash(),
            "drawn_from": worlds_key(),
        }
        self.kept = NOTHING_KEPT if folder is None else Parts(folder, work, "decision")
        self.done = 0
        more_later = self.most if self.candidates.complete else self.most * 2
        self.total = planned_runs(min(more_later, self.most), self.count) + len(self.fresh_worlds) * SEEDS * 2 * LEAST

    # --- steps -------------------------------------------------------------------------------------------------------
    def told(self, more: int) -> None:
        self.done += more
        self.total = max(self.total, self.done)
        if self.progress is not None:
            self.progress(self.done, self.total)

    def simulated(
        self, mixes: Sequence[Mix], worlds: Worlds, first: int, last: int, services: bool = False
    ) -> np.ndarray:
        return evaluate(
            self.ground,
            mixes,
            worlds,
            first,
            last,
            services=services,
            threads=self.threads,
            progress=self.told,
            kept=self.kept,
        )

    def raced(self) -> tuple[np.ndarray, list[int], int, list[tuple[int, int]]]:
        """Outcomes in all worlds of the mixes that ran to the end, and their numbers."""
        rows = [OBSERVED.index(goal.outcome) for goal in self.goals]
        self.told(0)

        def run(mixes: Sequence[int], first: int, last: int) -> np.ndarray:
            chosen = [self.candidates.mixes[n] for n in mixes]
            return self.simulated(chosen, self.worlds, first, last)[..., 0]

        found = race(
            run,
            self.candidates.costs,
            rows,
            self.count,
            grow=self.candidates.grow,
            keep=keep_best_of([self.budget - STEP, self.budget, self.budget + STEP]),
        )
        return found.outcome, found.finalists, found.runs, found.rounds

    def decided(self) -> Decision:
        outcome, finalists, runs, rounds = self.raced()
        costs = self.candidates.costs()
        means = outcome[OBSERVED.index(self.goals[0].outcome)].mean(axis=1)  # NaN where a mix left the race
        able = [n for n in finalists if n] if self.candidates.needed else finalists
        budgets = [
            money
            for money in (self.budget - STEP, self.budget, self.budget + STEP)
            if any(costs[n] <= money for n in able)
        ]
        chosen = {money: best_within(means, costs, money, able).best for money in budgets}
        best = chosen[self.budget]
        judged = [0, *(n for n in finalists if n)]
        mixes = [self.candidates.mixes[n] for n in judged]
        place = {n: judged.index(n) for n in judged}
        rules = self._waiting(self.candidates.mixes[best])
        later = self._delayed([n for n in judged if n and costs[n] <= self.budget][:DELAYED])
        every = [*mixes, *(mix for of in later.values() for mix in of), *rules]
        values = self.simulated(every, self.fresh_worlds, 0, len(self.fresh_worlds), services=True).mean(axis=3)
        fresh = Fresh(self.ground, mixes, values[:, : len(mixes)], self._features(), self.fresh_worlds.societies)
        allowed = [place[n] for n in able if costs[n] <= self.budget]
        first = self.goals[0]
        kinds = kinds_table(fresh, first, place[best], allowed)
        return Decision(
            self.ground.scenario,
            self.candidates.mixes[best],
            self._asked(runs, rounds, len(every)).assign(second=second_choice(kinds, self.ground, mixes, place[best])),
            mixes_table(self.candidates.mixes, costs, outcome, first, finalists),
            finalists_table(fresh, self.goals, place[best], allowed),
            views_table(fresh, self.goals, place[best], allowed),
            steps_table(fresh, first, self.budget, {money: place[n] for money, n in chosen.items()}, place[best]),
            rule_table(fresh, first, place[best], allowed),
            kinds,
            plan_table(self.ground, self.candidates.mixes[best]),
            self._evppi(fresh, place[best], allowed),
            self._evsi(fresh, place[best], allowed, self._later_outcomes(values, len(mixes), later)),
            waiting_table(fresh, first, place[best], rules, values[:, len(every) - len(rules) :]),
            self._pilots(),
            pd.DataFrame({"action": unavailable(self.ground, self.actions)}),
        )

    def _delayed(self, finalists: Sequence[int]) -> dict[int, list[Mix]]:
        """The best finalists begun after a study, by its months."""
        found: dict[int, list[Mix]] = {}
        for months in sorted({study.months for study in studies()} - {0}):
            if months >= self.ground.scenario.months:
                continue
            moved = [
                tuple(replace(option, start=option.start + months) for option in self.candidates.mixes[n])
                for n in finalists
            ]
            found[months] = [
                mix for mix in moved if all(o.start + o.action.to_effect <= self.ground.scenario.months for o in mix)
            ]
        return found

    def _waiting(self, best: Mix) -> list[Mix]:
        """The recommended mix, begun after some months if enough, or few, people use it then in the services that
        do.
        """
        using = tuple(s for s, using in zip(self.ground.services, self.ground.using, strict=True) if using)
        found: list[Mix] = []
        for months, threshold, below in product(WAITS, THRESHOLDS, (False, True)):
            wait = Wait("all.engaged", threshold, below, using if len(using) < len(self.ground.services) else ())
            mix = tuple(replace(option, start=months + 1, wait=wait) for option in best)
            if mix and all(months + 1 + option.action.to_effect <= self.ground.scenario.months for option in mix):
                found.append(mix)
        return found

    def _pilots(self) -> pd.DataFrame:
        """Where to pilot first, if that was asked."""
        if self.pilots is None:
            return pd.DataFrame()
        return pilot_first(
            self.ground.scenario,
            self.pilots,
            self.goals[0].name,
            self.ground.scenario.months,
            seed=self.seed,
            threads=self.threads,
            kept=self.kept,
        )[0]

    def _later_outcomes(self, values: np.ndarray, judged: int, later: dict[int, list[Mix]]) -> dict[int, np.ndarray]:
        """Outcome in the first goal's unit of what one may still do after so many months; doing nothing among it."""
        goal, at = self.goals[0], judged
        found: dict[int, np.ndarray] = {}
        outcome = values[OBSERVED.index(goal.outcome)] * goal.factor
        for months, mixes in later.items():
            found[months] = np.concatenate([outcome[:1], outcome[at : at + len(mixes)]])
            at += len(mixes)
        return found

    def _features(self) -> pd.DataFrame:
        """What differs between worlds, without what nobody could know or what does not matter here."""
        table = self.fresh_worlds.parameters.reset_index(drop=True)
        return table[[name for name in table if np.ptp(table[name].to_numpy(float)) > 0]]

    # --- tables ------------------------------------------------------------------------------------------------------
    def _asked(self, runs: int, rounds: Sequence[tuple[int, int]], judged: int) -> pd.DataFrame:
        goal = self.goals[0]
        row: dict[str, Any] = {
            "scenario": self.ground.scenario.title or self.ground.scenario.name,
            "budget": self.budget,
            "goal": goal.name,
            "goals": ", ".join(each.name for each in self.goals),
            "says": goal.text,
            "unit": goal.unit,
            "horizon": self.ground.scenario.months,
            "services": sum(self.ground.many),
            "mixes": len(self.candidates.mixes),
            "complete": self.candidates.complete,
            "worlds": self.count,
            "fresh_worlds": len(self.fresh_worlds),
            "seeds": SEEDS,
            "race_runs": runs,
            "fresh_runs": judged * len(self.fresh_worlds) * SEEDS,
            "rounds": "; ".join(f"{mixes} mixes in {worlds} worlds" for worlds, mixes in rounds),
            "seed": self.seed,
            "source": self.worlds.source,
        }
        return pd.DataFrame([row])

    def _evppi(self, fresh: Fresh, best: int, allowed: Sequence[int]) -> pd.DataFrame:
        """Of each unknown, of the unknowns of each mechanism, and of all of them together."""
        names = [str(name) for name in fresh.worlds]
        groups: dict[str, list[str]] = {name: [name] for name in names}
        for name in names:
            groups.setdefault(f"all of {PARAMETERS[name].mechanism}", []).append(name)
        groups = {name: of for name, of in groups.items() if name in names or len(of) > 1} | {"everything": names}
        chosen = [0, *(n for n in allowed if n)]
        outcome = fresh.of(self.goals[0])[chosen]
        table = evppi(outcome, chosen.index(best), fresh.worlds, groups, fresh.clusters)
        return table.sort_values("value", ascending=False, kind="stable", ignore_index=True)

    def _evsi(self, fresh: Fresh, best: int, allowed: Sequence[int], later: dict[int, np.ndarray]) -> pd.DataFrame:
        """Of each study at each size: choosing after it, as late as it takes, against doing the recommended mix now."""
        chosen = [0, *(n for n in allowed if n)]
        outcome = fresh.of(self.goals[0])
        tried: list[Study] = [study for study in studies() if study.months == 0 or len(later.get(study.months, ())) > 1]
        observed = observe(self.ground, self.fresh_worlds, sorted({study.months for study in tried}), self.threads)
        folds = folds_of(outcome.shape[1], clusters=fresh.clusters)
        rows: list[dict[str, object]] = []
        for study in tried:
            after = outcome[chosen] if study.months == 0 else later[study.months]
            for size in possible_sizes(study, self.ground):
                seen = seen_by(study, size, observed)
                worth = value_of_knowing(outcome[best], after, seen, folds, fresh.clusters)
                rows.append(
                    {
                        "study": study.id,
                        "name": study.name,
                        "unit": study.unit,
                        "size": size,
                        "months": study.months,
                        "cost": study.cost(size),
                        "value": worth.value,
                        "error": worth.error,
                    }
                )
        return table_of(rows)


__all__ = ["NOTHING", "Decision", "decide"]
