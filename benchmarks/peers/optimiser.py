"""What to do with a budget: the race of `valign decide` beside EMA Workbench's optimiser, at equal runs.

    .venv-peers/bin/python -m benchmarks.peers.optimiser [--fresh 500]    (minutes; `make bench-peers` begins with it)

Both look for mixes of up to three of the same options that give much use for little money, in the same worlds, with the
same simulator and the same number of runs; both fronts are judged anew on the same fresh worlds. Writes optimiser.csv.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from valign.experiments.actions.declaration import actions_from
from valign.experiments.decide.candidates import Candidates
from valign.experiments.decide.check import CHECKED_MONTHS, FRESH, covered
from valign.experiments.decide.evaluation import evaluate
from valign.experiments.decide.goals import GOALS, OBSERVED
from valign.experiments.decide.judge import front
from valign.experiments.decide.options import STARTS, Ground, Mix, compatible, mix_key, options_of, with_horizon
from valign.experiments.decide.race import race
from valign.experiments.decide.worlds import Worlds, draw_worlds
from valign.model.compiled.randomness import derive_seed
from valign.model.scenario.scenario import Scenario

OUT = Path(__file__).resolve().parent / "optimiser.csv"
SCENARIO, BUDGET, SEED = "two-services", 300_000, 20261128
MIXES, WORLDS = 200, 480  # of the race
EACH = (32, 96)  # worlds in which EMA Workbench tries every mix
SLOTS = ("first", "second", "third")


class Problem:
    """Mixes by the numbers of their options, and what they come to in the first worlds, counted in runs."""

    def __init__(self, ground: Ground, worlds: Worlds) -> None:
        self.ground, self.worlds, self.runs = ground, worlds, 0
        self.options = options_of(ground, actions_from(), STARTS, BUDGET)

    def mix(self, numbers: Sequence[int]) -> Mix:
        """0 stands for nothing; the same option twice is one."""
        chosen = {self.options[n - 1].key: self.options[n - 1] for n in map(int, numbers) if n}
        return tuple(chosen[key] for key in sorted(chosen))

    def excess(self, *numbers: int) -> float:
        """£ above the budget; of what cannot be done together, all of it."""
        return self.excess_of(self.mix(numbers))

    def excess_of(self, mix: Mix) -> float:
        """As `excess`, of a mix."""
        return float(BUDGET) if not compatible(mix) else max(0.0, self.ground.cost_of_mix(mix)[1] - BUDGET)

    def use(self, mixes: Sequence[Mix], worlds: Worlds, first: int, last: int) -> np.ndarray:
        """Use in points [mixes x worlds]."""
        self.runs += len(mixes) * (last - first)
        return 100 * evaluate(self.ground, mixes, worlds, first, last)[OBSERVED.index(GOALS["use"].outcome), ..., 0]


def raced(problem: Problem) -> list[Mix]:
    """The front that the race of `valign decide` finds."""
    made = Candidates(problem.ground, problem.options, [], BUDGET, MIXES)

    def run(of: Sequence[int], first: int, last: int) -> np.ndarray:
        return problem.use([made.mixes[n] for n in of], problem.worlds, first, last)[None]

    found = race(run, made.costs, [0], len(problem.worlds), grow=made.grow)
    chosen = np.array(found.finalists)
    ahead = front(found.outcome[:, chosen].mean(axis=2), made.costs()[chosen])
    return [made.mixes[n] for n in chosen[ahead]]


def optimised(problem: Problem, worlds: int, runs: int) -> list[Mix]:
    """The front of all mixes that EMA Workbench's optimiser (epsilon-NSGA-II) tried, each in so many worlds.

    A mix that it tries twice is run once, and one that breaks a constraint not at all; neither is counted.
    """
    from ema_workbench import Constraint, IntegerParameter, Model, ScalarOutcome
    from ema_workbench import Scenario as World
    from ema_workbench.em_framework.evaluators import BaseEvaluator
    from ema_workbench.em_framework.points import experiment_generator

    tried: dict[str, tuple[Mix, np.ndarray]] = {}  # by the key of the mix

    class InOneDesign(BaseEvaluator):
        """All that the optimiser asks for at once runs as one design."""

        def initialize(self) -> None: ...
        def finalize(self) -> None: ...

        def evaluate_experiments(self, scenarios, policies, callback, combine="factorial"):
            asked = list(experiment_generator(scenarios, self._msis, policies, combine=combine))
            mixes = [problem.mix([each.policy[slot] for slot in SLOTS]) for each in asked]
            able = {mix_key(mix): mix for mix in mixes if not problem.excess_of(mix)}
            new = [key for key in able if key not in tried][: max(0, (runs - problem.runs) // worlds)]
            if new:
                use_of = problem.use([able[key] for key in new], problem.worlds, 0, worlds)
                tried.update((key, (able[key], use)) for key, use in zip(new, use_of, strict=True))
            for each, mix in zip(asked, mixes, strict=True):
                use = tried[mix_key(mix)][1][each.scenario["world"]] if mix_key(mix) in tried else 0.0
                callback(each, {"use": float(use), "money": problem.ground.cost_of_mix(mix)[1]})

    model = Model("decide", function=lambda **_: {})
    model.uncertainties = [IntegerParameter("world", 0, worlds - 1)]
    model.levers = [IntegerParameter(slot, 0, len(problem.options)) for slot in SLOTS]
    model.outcomes = [ScalarOutcome("use"), ScalarOutcome("money")]
    goals = [
        ScalarOutcome("mean use", kind=ScalarOutcome.MAXIMIZE, variable_name="use", function=np.mean),
        ScalarOutcome("mean money", kind=ScalarOutcome.MINIMIZE, variable_name="money", function=np.mean),
    ]
    random.seed(SEED)
    np.random.seed(SEED % 2**32)
    with InOneDesign(model) as evaluator:
        before = -1
        while problem.runs + worlds <= runs and problem.runs > before:  # begun anew while there are runs left
            before = problem.runs
            evaluator.robust_optimize(
                goals,
                [World(f"{n}", world=n) for n in range(worlds)],
                nfe=4 * runs // worlds,
                epsilons=[0.05, 1000.0],
                constraints=[Constraint("budget", parameter_names=list(SLOTS), function=problem.excess)],
            )
    mixes = [mix for mix, _ in tried.values()]
    means = np.array([use.mean() for _, use in tried.values()])
    ahead = front(means[None], np.array([problem.ground.cost_of_mix(mix)[1] for mix in mixes]))
    return [mix for mix, on in zip(mixes, ahead, strict=True) if on]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fresh", type=int, default=500)
    fresh = parser.parse_args().fresh
    ground = Ground.of(with_horizon(Scenario.load(SCENARIO), CHECKED_MONTHS))
    worlds = draw_worlds(WORLDS, 1, SEED, ground.scenario)
    found: list[tuple[str, int, int, float, list[Mix]]] = []
    for each in (0, *EACH):
        problem, began = Problem(ground, worlds), time.process_time()
        mixes = optimised(problem, each, found[0][2]) if each else raced(problem)
        found.append(
            (
                f"EMA Workbench, {each} worlds" if each else "valign",
                each,
                problem.runs,
                time.process_time() - began,
                mixes,
            )
        )
        print(f"{found[-1][0]}: {problem.runs} runs, {len(mixes)} on the front", flush=True)
    every = list({mix_key(mix): mix for *_, mixes in found for mix in [(), *mixes]}.values())
    again = draw_worlds(fresh, 1, derive_seed(SEED, 0, FRESH), ground.scenario, fresh=True)
    use = Problem(ground, again).use(every, again, 0, fresh)
    gain = {mix_key(mix): value for mix, value in zip(every, (use - use[0]).mean(axis=1), strict=True)}
    rows = [
        {
            "tool": tool,
            "worlds_each": each or WORLDS,
            "runs": runs,
            "core_seconds": seconds,
            "front": len(mixes),
            "covered": covered(
                np.array([ground.cost_of_mix(mix)[1] for mix in mixes]),
                np.array([gain[mix_key(mix)] for mix in mixes]),
                BUDGET,
            ),
            "best": max(gain[mix_key(mix)] for mix in mixes),
            "fresh": fresh,
        }
        for tool, each, runs, seconds, mixes in found
    ]
    pd.DataFrame(rows).to_csv(OUT, index=False, float_format="%.6g")
    print(pd.DataFrame(rows).to_string())


if __name__ == "__main__":
    main()
