"""The social prescribing case as its study tells it: who declines, who recommissions, and which arms must fail.

At a cashable return of about £0.50 per £1 observed, commissioners with a narrow view of value decline without dialogue
and, with monthly discussion of all kinds of evidence, recommission 24 to 36 months after the pilot began. It must not
work where there is no social effect to discuss, nor where the weights on the evidence are frozen; a narrow commissioner
must recommission at £1.50.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from valign.model.scenario.scenario import Scenario
from valign.results.summaries import mean_interval

from ..design import product, replicate
from ..simulate import simulate

SCENARIO, MONTHS, ENOUGH = "social-prescribing", 36, 0.8
HALF, ONE_AND_A_HALF = 0.8, 2.35  # true cashable return at full practice: about .50 and 1.50 as observed
LEVERS = ("dialogue", "innovation.effects.financial", "innovation.effects.social", "dialogue_rate")
# arm: levers in that order (None: the scenario's own), whether it should recommission
ARMS: dict[str, tuple[tuple[float | None, ...], bool]] = {
    "£0.50, no dialogue": ((0.0, HALF, None, None), False),
    "£0.50, monthly dialogue": ((12.0, HALF, None, None), True),
    "£0.50, monthly dialogue, no social effect": ((12.0, HALF, 0.0, None), False),
    "£0.50, monthly dialogue, weights frozen": ((12.0, HALF, None, 0.0), False),
    "£1.50, no dialogue": ((0.0, ONE_AND_A_HALF, None, None), True),
}
REGION = {"reservation": (-0.3, -0.1, 0.1, 0.3, 0.5), "dialogue_rate": (0.025, 0.05, 0.1, 0.15, 0.2)}


def case(runs: int = 200, seed: int = 1) -> pd.DataFrame:
    """One row per arm: cashable return as observed (£ per £1), share of runs that recommission, and what is expected.

    A run recommissions when some service is commissioned by month 36 (pilots end in month 24, and the round before has
    none to renew); `services` is the share of the services that were ever in use. Intervals: 95 %, each run a society
    of its own.
    """
    base = Scenario.load(SCENARIO).replace({"months": MONTHS})
    design = pd.DataFrame(
        [
            [base.value(lever) if value is None else value for lever, value in zip(LEVERS, levers, strict=True)]
            for levers, _ in ARMS.values()
        ],
        columns=list(LEVERS),
    )
    found = simulate(replicate(design, runs, seed), base=base).runs
    rows = []
    for (arm, (_, should)), part in zip(ARMS.items(), np.split(np.arange(len(found)), len(ARMS)), strict=True):
        part = found.iloc[part]
        share = mean_interval((part["first_recommissioned"] <= MONTHS).to_numpy(float))
        met = (share.mean if should else 1 - share.mean) >= ENOUGH - 1e-9
        rows.append(
            {
                "arm": arm,
                "runs": len(part),
                "observed_return": part["value_per_pound_financial"].mean(),
                "recommission": share.mean,
                "low": max(0.0, share.low),
                "high": min(1.0, share.high),
                "services": part["recommissioned"].mean(),
                "expected": "≥ 80 %" if should else "≤ 20 %",
                "as_expected": met,
            }
        )
    return pd.DataFrame(rows)


def region(runs: int = 40, seed: int = 1) -> pd.DataFrame:
    """Where events go as in the study: share of runs that recommission without and with monthly dialogue at £0.50, over
    the reservation score of commissioners and the rate at which discussion moves their weights."""
    base = Scenario.load(SCENARIO).replace({"months": MONTHS, "innovation.effects.financial": HALF})
    grid = pd.MultiIndex.from_product(REGION.values(), names=list(REGION)).to_frame(index=False)
    design = product(grid, pd.DataFrame({"dialogue": [0.0, 12.0]}))
    found = simulate(replicate(design, runs, seed), base=base).runs
    found["recommission"] = (found["first_recommissioned"] <= MONTHS).astype(float)
    table = found.pivot_table(index=list(REGION), columns="dialogue", values="recommission").reset_index()
    table.columns = [*REGION, "without_dialogue", "with_dialogue"]
    met = (1 - table["without_dialogue"] >= ENOUGH - 1e-9) & (table["with_dialogue"] >= ENOUGH - 1e-9)
    return table.assign(runs=runs, as_in_the_study=met)
