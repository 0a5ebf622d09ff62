"""From the outcomes of the finalists on fresh worlds to the tables of an answer. Gains are in the unit that people
say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from valign.results.summaries import Interval, mean_interval

from .goals import EQUAL, GROUPS, OBSERVED, WAITED, Goal
from .information import regret
from .judge import best_within, chance_of_best, front, gain_interval, worst_tenth, worst_tenth_interval
from .options import Ground, Mix, mix_key, mix_label
from .rule import Condition, kinds_of_worlds, when_wrong

STEP = 50_000  # £ by which the budget is varied


@dataclass(frozen=True, eq=False)
class Fresh:
    """Finalists on worlds and runs that did not choose them. The first does nothing.

    outcome : [OBSERVED x mixes x worlds], means over the runs in a world. clusters : society of each world.
    """

    ground: Ground
    mixes: Sequence[Mix]
    outcome: np.ndarray
    worlds: pd.DataFrame
    clusters: np.ndarray

    @property
    def costs(self) -> np.ndarray:
        return np.array([self.ground.cost_of_mix(mix)[1] for mix in self.mixes])

    def of(self, goal: Goal) -> np.ndarray:
        """Outcome by mix and world, in the goal's unit [mixes x worlds]."""
        return self.outcome[OBSERVED.index(goal.outcome)] * goal.factor

    def gain(self, goal: Goal, mix: int, base: int = 0) -> dict[str, float]:
        """Mean gain of one over another with its 95 % interval."""
        found = gain_interval(self.of(goal), mix, base, self.clusters)
        return {"gain": found.mean, "low": found.low, "high": found.high}


def mixes_table(
    mixes: Sequence[Mix], costs: np.ndarray, outcome: np.ndarray, goal: Goal, finalists: Sequence[int]
) -> pd.DataFrame:
    """A row for each mix that raced: in how many worlds, and its gain there, which says nothing of a winner.

    outcome : [OBSERVED x mixes x worlds], NaN where a mix did not run.
    """
    values = outcome[OBSERVED.index(goal.outcome)] * goal.factor
    gained = [float(np.nanmean(own - values[0])) if not np.isnan(own).all() else np.nan for own in values]
    return pd.DataFrame(
        {
            "mix": [mix_key(mix) for mix in mixes],
            "label": [mix_label(mix) for mix in mixes],
            "cost": costs,
            "worlds": (~np.isnan(values)).sum(axis=1),
            "gain": gained,
            "finalist": [n in finalists for n in range(len(mixes))],
        }
    )


def finalists_table(fresh: Fresh, goals: Sequence[Goal], best: int, allowed: Sequence[int]) -> pd.DataFrame:
    """A row for each finalist, best first by the first goal: money, gains over doing nothing, how sure, regret.

    world_low, world_high : between which nine worlds in ten have their gain, the chance of their few runs among it.
    allowed : finalists that may be recommended (the budget pays for them).
    """
    outcome, costs = fresh.of(goals[0]), fresh.costs
    means = np.stack([fresh.of(goal).mean(axis=1) for goal in goals])
    ahead = front(means, costs)
    chance, chosen = np.zeros(len(costs)), np.array(sorted(allowed))
    chance[chosen] = chance_of_best(outcome[chosen], fresh.clusters)
    lost = np.full(len(costs), np.nan)
    in_worlds = np.full(len(costs), np.nan)
    told = regret(outcome[chosen] - outcome[0], fresh.worlds.to_numpy(float), fresh.clusters)
    lost[chosen] = told.mean(axis=1)
    in_worlds[chosen] = (told <= 0).mean(axis=1)
    tail = worst_tenth(outcome) - worst_tenth(outcome)[0]
    rows = []
    for n, mix in enumerate(fresh.mixes):
        low, likely, high = fresh.ground.cost_of_mix(mix)
        row = {"mix": mix_key(mix), "label": mix_label(mix), "cost_low": low, "cost": likely, "cost_high": high}
        row |= fresh.gain(goals[0], n)
        row |= dict(zip(("world_low", "world_high"), np.quantile(outcome[n] - outcome[0], (0.05, 0.95)), strict=True))
        for goal in goals[1:]:
            row |= {f"{goal.name}_{name}": value for name, value in fresh.gain(goal, n).items()}
        row |= {
            "recommended": n == best,
            "affordable": n in allowed,
            "chance_best": chance[n],
            "best_in_worlds": in_worlds[n],
            "regret": lost[n],
            "worst_tenth": tail[n],
            "front": bool(ahead[n]),
        }
        for name in OBSERVED:
            row[f"mean_{name}"] = float(fresh.outcome[OBSERVED.index(name), n].mean())
        rows.append(row)
    return pd.DataFrame(rows).sort_values("gain", ascending=False, kind="stable", ignore_index=True)


def views_table(fresh: Fresh, goals: Sequence[Goal], best: int, allowed: Sequence[int]) -> pd.DataFrame:
    """The best mix by each view: chosen on half of the fresh worlds, judged on the other half."""
    half = len(fresh.clusters) // 2
    choose, later = slice(0, half), slice(half, None)
    first = fresh.of(goals[0])

    def row(view: str, goal: Goal, chosen: int, gain: Interval, than: Interval) -> dict[str, object]:
        return {
            "view": view,
            "says": goal.text,
            "unit": goal.unit,
            "mix": mix_key(fresh.mixes[chosen]),
            "label": mix_label(fresh.mixes[chosen]),
            "cost": fresh.costs[chosen],
            "same": chosen == best,
            "gain": gain.mean,
            "low": gain.low,
            "high": gain.high,
            "over_best": than.mean,
            "over_best_low": than.low,
            "over_best_high": than.high,
        }

    cautious = best_within(worst_tenth(first[:, choose]), fresh.costs, np.inf, allowed).best
    rows = [
        row(
            "cautious",
            goals[0],
            cautious,
            worst_tenth_interval(first[:, later], cautious, 0),
            worst_tenth_interval(first[:, later], cautious, best),
        )
    ]
    for goal in dict.fromkeys([*goals[1:], EQUAL, *GROUPS.values()]):
        if goal.outcome == goals[0].outcome:
            continue
        values = fresh.of(goal)
        chosen = best_within(values[:, choose].mean(axis=1), fresh.costs, np.inf, allowed).best
        of = [mean_interval((values[chosen] - values[base])[later], fresh.clusters[later]) for base in (0, best)]
        rows.append(row(goal.name, goal, chosen, *of))
    return pd.DataFrame(rows)


def steps_table(fresh: Fresh, goal: Goal, budget: float, chosen: dict[float, int], best: int) -> pd.DataFrame:
    """The best mix for £50,000 less and more, and what that changes. chosen : finalist by budget."""
    rows = []
    for money, mix in sorted(chosen.items()):
        rows.append(
            {
                "budget": money,
                "change": money - budget,
                "mix": mix_key(fresh.mixes[mix]),
                "label": mix_label(fresh.mixes[mix]),
                "cost": fresh.costs[mix],
                **fresh.gain(goal, mix, best),
            }
        )
    return pd.DataFrame(rows)


def second_choice(kinds: pd.DataFrame, ground: Ground, mixes: Sequence[Mix], best: int) -> str:
    """Key of the mix whose largest regret over the kinds of worlds is least, of those that leave out the costliest
    action of the recommended one; empty where there is none.
    """
    if not mixes[best]:
        return ""
    main = max(mixes[best], key=lambda option: ground.cost(option)[1]).action.id
    without = [mix_key(mix) for mix in mixes if main not in {option.action.id for option in mix}]
    worst = kinds.groupby("mix", sort=False)["regret"].max()
    others = worst[worst.index.isin(without)]
    return str(others.idxmin()) if len(others) else ""


def rule_table(fresh: Fresh, goal: Goal, best: int, allowed: Sequence[int]) -> pd.DataFrame:
    """When another mix would be better: one row a condition of the rule; empty where no rule was found."""
    others = [n for n in allowed if n != best]
    found = when_wrong(fresh.of(goal), best, others, fresh.worlds) if others else None
    columns = ["parameter", "above", "threshold", "mix", "label", "share", "coverage", "density", "lead", "low", "high"]
    if found is None:
        return pd.DataFrame(columns=columns)
    of = {
        "mix": mix_key(fresh.mixes[found.other]),
        "label": mix_label(fresh.mixes[found.other]),
        **{name: getattr(found, name) for name in ("share", "coverage", "density", "lead", "low", "high")},
    }
    return pd.DataFrame([{**vars(condition), **of} for condition in found.conditions], columns=columns)


def kinds_table(fresh: Fresh, goal: Goal, best: int, allowed: Sequence[int]) -> pd.DataFrame:
    """Regret by mix and kind of world, the kinds being those among which the regret of the recommended mix differs
    most.
    """
    chosen = list(allowed)
    told = regret(fresh.of(goal)[chosen] - fresh.of(goal)[0], fresh.worlds.to_numpy(float), fresh.clusters)
    kind, conditions = kinds_of_worlds(told[chosen.index(best)], fresh.worlds)
    rows = []
    for number, each in enumerate(conditions):
        inside = kind == number
        for place, mix in enumerate(chosen):
            rows.append(
                {
                    "kind": number,
                    "conditions": " and ".join(map(condition_key, each)) or "all worlds",
                    "share": float(inside.mean()),
                    "mix": mix_key(fresh.mixes[mix]),
                    "label": mix_label(fresh.mixes[mix]),
                    "recommended": mix == best,
                    "regret": float(told[place, inside].mean()),
                }
            )
    return pd.DataFrame(rows)


def condition_key(condition: Condition) -> str:
    """A condition for tables: figures and texts say it in words."""
    return f"{condition.parameter} {'>' if condition.above else '<='} {condition.threshold:.3g}"


def waiting_table(fresh: Fresh, goal: Goal, best: int, rules: Sequence[Mix], outcome: np.ndarray) -> pd.DataFrame:
    """Rules that wait and see: begin the recommended mix later, and only if something holds then; against beginning
    now.

    outcome : [OBSERVED x rules x worlds]. One row a rule: how often it is triggered, gain over doing nothing, and over
    beginning now, with 95 % intervals. `chosen` : the best rule on half of the worlds, whose row is of the other half.
    """
    unit = outcome[OBSERVED.index(goal.outcome)] * goal.factor
    now, half = fresh.of(goal), len(fresh.clusters) // 2
    chosen = int(unit[:, :half].mean(axis=1).argmax()) if len(rules) else -1
    rows = []
    for n, mix in enumerate(rules):
        wait, later = mix[0].wait, slice(half if n == chosen else 0, None)
        assert wait is not None
        over_nothing, over_now = (
            mean_interval((unit[n] - now[base])[later], fresh.clusters[later]) for base in (0, best)
        )
        done = float(outcome[OBSERVED.index(WAITED), n].mean())
        rows.append(
            {
                "month": mix[0].start,
                "series": wait.series,
                "services": len(wait.services),
                "below": wait.below,
                "threshold": wait.threshold,
                "done": done,
                "cost": done * fresh.ground.cost_of_mix(mix)[1],
                "chosen": n == chosen,
                "gain": over_nothing.mean,
                "low": over_nothing.low,
                "high": over_nothing.high,
                "over_now": over_now.mean,
                "over_now_low": over_now.low,
                "over_now_high": over_now.high,
            }
        )
    return pd.DataFrame(rows)


def plan_table(ground: Ground, mix: Mix) -> pd.DataFrame:
    """The mix on the month axis: a row an action, with when it starts, has an effect, and stops being paid and
    working.
    """
    rows = []
    horizon = ground.scenario.months
    for option in mix:
        action = option.action
        low, likely, high = ground.cost(option)
        effect = option.start + action.to_effect
        paid = min(option.start + action.months - 1, horizon) if action.months else horizon
        ends = action.after == "ends" and action.months
        rows.append(
            {
                "action": action.id,
                "name": action.name,
                "intensity": action.intensities[option.intensity].name,
                "place": option.place.name,
                "services": len(option.place.services),
                "start": option.start,
                "effect_from": effect,
                "paid_until": paid,
                "effect_until": min(effect + action.months - 1, horizon) if ends else horizon,
                "cost_low": low,
                "cost": likely,
                "cost_high": high,
                "grade": action.grade,
                "source": action.cost.source,
                "paid_by": action.paid_by,
            }
        )
    return pd.DataFrame(rows)
