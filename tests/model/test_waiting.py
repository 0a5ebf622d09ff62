"""Scheduled changes that wait for something: in blocks and in `World` alike, once, and never where it does not hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from valign.experiments.simulate import simulate
from valign.model.outcomes import WAITED_FOR
from valign.model.scenario.scenario import Scenario, ScenarioError
from valign.model.world.world import World

MONTHS = 30
BASE = Scenario.load("two-services").replace({"months": MONTHS})
STOP = {"month": 2, "parameter": "funding", "set": 0.0}


def waiting(when: dict[str, Any], **change: Any) -> Scenario:
    return BASE.replace({"changes": [{**STOP, **change, "when": when}]})


def happened(scenario: Scenario, seed: int = 5) -> tuple[int, np.ndarray]:
    """Month of the change in one run, and the share of people engaged by month."""
    design = pd.DataFrame({"seed": [seed], "society_seed": [seed]})
    found = simulate(design, base=scenario, record=("series",)).parts[0][1]
    return int(found.change_months()[0, 0]), found.curves("all", "engaged")[:, 0]


def test_it_happens_in_the_month_after_the_threshold_is_reached():
    month, engaged = happened(waiting({"series": "all.engaged", "at_least": 0.2}))
    assert month == np.flatnonzero(engaged >= 0.2)[0] + 1
    assert happened(waiting({"series": "all.engaged", "at_least": 0.2, "after": 4}))[0] == month + 4
    assert happened(waiting({"series": "all.engaged", "at_least": 0.2}, month=month + 3))[0] >= month + 3


def test_below_and_never():
    month, engaged = happened(waiting({"series": "all.engaged", "below": 0.2}))
    assert month == 2
    assert engaged[1] < 0.2
    assert happened(waiting({"series": "all.engaged", "at_least": 1.1}))[0] == 0
    assert happened(waiting({"series": "all.engaged", "at_least": 0.2, "until": 2}))[0] == 0
    assert happened(waiting({"series": "all.engaged", "at_least": 0.0}, month=0))[0] == 0


def test_what_never_holds_changes_nothing_and_what_always_does_is_the_plain_change():
    design = pd.DataFrame({"seed": [1, 2, 3]})

    def outcomes(scenario: Scenario) -> pd.DataFrame:
        return simulate(design, base=scenario).runs

    never = waiting({"series": "staff.engaged", "at_least": 2.0, "organisations": ["hostel"]})
    pd.testing.assert_frame_equal(outcomes(never), outcomes(BASE))
    always = waiting({"series": "service.in_use", "at_least": 0.0})
    pd.testing.assert_frame_equal(outcomes(always), outcomes(BASE.replace({"changes": [STOP]})))
    assert not outcomes(always).equals(outcomes(BASE))


@pytest.mark.parametrize("series", ["staff.alignment", "service.workload", "commissioner.weight_social"])
def test_world_and_blocks_agree(series):
    threshold = {"staff.alignment": 0.6, "service.workload": 0.2, "commissioner.weight_social": 0.12}[series]
    scenario = waiting({"series": series, "at_least": threshold})
    world = World(preset=scenario, rng=7)
    for _ in range(MONTHS):
        world.step()
    run = simulate(pd.DataFrame({"seed": [7, 8]}), base=scenario)
    assert world.outcomes["uptake_final"] == run.runs["uptake_final"][0]
    assert world.state.change_month[0, 0] == run.parts[0][1].change_months()[0, 0]
    assert run.parts[0][1].change_months()[0, 0] > 0


def test_it_looks_at_the_services_that_it_names():
    for name in ("hostel", "outreach"):
        scenario = waiting({"series": "all.engaged", "at_least": 0.25, "organisations": [name]})
        found = simulate(pd.DataFrame({"seed": [5]}), base=scenario, record="services")
        services = found.services
        number = BASE.service_names().index(name)
        engaged = services[services["service"] == number].set_index("month")["engaged"]
        month = int(found.parts[0][1].change_months()[0, 0])
        assert month == engaged.index[engaged >= 0.25][0] + 1


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"series": "staff.engagd", "at_least": 0.5}, "did you mean 'staff.engaged'"),
        ({"series": "staff.engaged"}, "either `at_least` or `below`"),
        ({"series": "staff.engaged", "at_least": 0.5, "below": 0.1}, "either `at_least` or `below`"),
        ({"series": "staff.engaged", "at_least": float("nan")}, "finite"),
        ({"series": "staff.engaged", "at_least": 0.5, "organisations": ["hostal"]}, "did you mean 'hostel'"),
        ({"series": "staff.engaged", "at_least": 0.5, "organisations": []}, "is empty"),
        ({"series": "commissioner.weight_social", "at_least": 0.5, "organisations": ["hostel"]}, "seen as a whole"),
        ({"series": "staff.engaged", "at_least": 0.5, "until": 1}, "expected a month from 2"),
        ({"series": "staff.engaged", "at_least": 0.5, "until": 99}, "expected a month from 2"),
    ],
)
def test_a_wrong_condition_is_told_so(when, message):
    with pytest.raises(ScenarioError) as error:
        waiting(when)
    assert message in str(error.value)
    assert "changes[0]" in str(error.value)


def test_toml_keeps_what_a_change_waits_for():
    scenario = waiting({"series": "staff.engaged", "at_least": 0.5, "organisations": ["hostel"], "after": 3})
    again = Scenario.from_toml(scenario.to_toml())
    assert again.changes == scenario.changes
    assert len(WAITED_FOR) == len(set(WAITED_FOR))
