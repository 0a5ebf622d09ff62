"""What the model says follows: if nothing is done, with each of the levers, and by where a pilot starts.

One design, paired by common random numbers: each lever is the survey's scenario with some of its parameters changed.
All of them run in the same worlds: settings of everything about the model that is not known and was not measured here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from valign.experiments.compare import MOST_SCENARIOS, compare
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society
from valign.results.summaries import curve_summary, paired_differences, summarise_by

NOTHING, START = "nothing is done", "pilot in the most ready services"
MONTHS, CANDIDATES, FIRST = 60, 8, 3
RUNS, WORLDS = 2, 24  # in each world, of each thing that could be done
OUTCOME = "uptake_final"
OUTCOMES = (OUTCOME, "spread_final", "alignment_final")


def levers(scenario: Scenario) -> dict[str, dict[str, Any]]:
    """What can be done, in words, and the parameters that it changes: to the far end of their plausible ranges."""

    def raised(*names: str) -> dict[str, Any]:
        own = [name for name in names if PARAMETERS[name].scope == "organisation"]
        groups = {
            f"organisations.{g.name}.{name}" for g in scenario.organisations for name in own if name in g.parameters
        }
        return {name: PARAMETERS[name].high for name in names} | {
            key: PARAMETERS[key.rsplit(".", 1)[1]].high for key in sorted(groups)
        }

    return {
        "say plainly what it is for": raised("innovation.clarity"),
        "managers expect and support it": raised("leadership_strength"),
        "co-production, peers with half the voice": raised("coproduction_intensity", "power_sharing"),
        "protected time": raised("slack"),
        "commissioner and services meet monthly": raised("dialogue"),
        "national money for pilots": raised("pilot_funds"),
    }


def follow(
    scenario: Scenario,
    society: Society,
    ready: list[str],
    runs: int = RUNS,
    seed: int = 1,
    worlds: int | None = WORLDS,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, pd.DataFrame]:
    """Tables of what follows: `follows` (each lever against what it is added to), `pilots` (one service at a time
    against nothing), `follow_levels` and `follow_curves`.

    runs : of each, in each world. worlds : how many (`experiments.worlds.alike`); None: the model's defaults alone.
    society : the people and ties of the scenario. ready : names of services, the most ready first. Where no service
    uses the innovation yet, levers are added to a pilot in the first three: without any start there is little to move.
    """
    months = min(scenario.months, MONTHS)
    base = scenario.replace({"months": months})
    outside = {group.name for group in base.organisations if group.stage == "outside"}
    starts = [name for name in ready if name in outside]
    using = [name for name in ready if name not in outside]
    begun = START if len(outside) == len(base.organisations) else NOTHING
    scenarios = {NOTHING: base}
    if starts:
        scenarios[START] = _piloting(base, starts[:FIRST])
    changed = levers(base)
    scenarios |= {name: scenarios[begun].replace(changes) for name, changes in changed.items()}
    tried = starts[: min(CANDIDATES, MOST_SCENARIOS - len(scenarios))]
    scenarios |= {f"pilot in {name}": _piloting(base, [name]) for name in tried}
    found = compare(scenarios, runs, seed, record=("series",), worlds=worlds, society=society, progress=progress)
    good = found.runs

    def gains(base: str, names: list[str]) -> pd.DataFrame:
        part = good[good["scenario"].isin((base, *names))]
        return _sorted(paired_differences(part, list(OUTCOMES), "scenario", base))

    summary = summarise_by(good[good["scenario"].isin((NOTHING, START))], [*OUTCOMES, "alignment_start"], "scenario")
    curves = [
        curve_summary(of.curves("all", "engaged"), worlds=of.worlds).assign(scenario=name)
        for name, of in ((name, found.outcomes[name]) for name in dict.fromkeys((NOTHING, begun)))
    ]
    first = pd.concat([gains(NOTHING, [START] if starts else []), gains(begun, list(changed))], ignore_index=True)
    return {
        "follows": first.assign(runs=runs * (worlds or 1), months=months),
        "follow_levels": summary.assign(starts=", ".join(starts[:FIRST]), using=", ".join(using)),
        "follow_curves": pd.concat(curves, ignore_index=True),
        "pilots": gains(NOTHING, [f"pilot in {name}" for name in tried]).assign(
            service=lambda table: table["scenario"].str.removeprefix("pilot in ")
        ),
    }


def _piloting(scenario: Scenario, services: list[str]) -> Scenario:
    return scenario.replace({f"organisations.{name}.stage": "piloting" for name in services})


def _sorted(gains: pd.DataFrame) -> pd.DataFrame:
    """Those that move use most first."""
    of_use = gains[gains["outcome"] == OUTCOME].set_index("scenario")["difference"]
    order = -gains["scenario"].map(of_use).astype(float).fillna(0.0)
    return (
        gains.assign(order=order)
        .sort_values(["order", "scenario"], kind="stable")
        .drop(columns="order")
        .reset_index(drop=True)
    )
