"""Arms do what their claims say, and nulls shut every way that they name: seen in runs, whatever the verdicts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from valign.experiments.claims.declaration import Claim, ClaimTest, claim_ids
from valign.experiments.claims.testing import NO_ALIGNMENT
from valign.experiments.claims.worlds import arms_of
from valign.experiments.worlds import plausible_worlds
from valign.experiments.design_outcomes import DesignOutcomes
from valign.experiments.simulate import simulate
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario

pytestmark = pytest.mark.usefixtures("in_the_checkout")

WORLDS, SEEDS = 4, (11, 12)
GROUNDING_ONLY = {"talk": 0.0, "sensegiving": 0.0, "session": 0.0}
# Strengths at which each way from alignment to use shows in few runs.
STRONG = {
    "fit_effect": 0.7,
    "fit_climate": 0.2,
    "fit_peers": -0.3,
    "lapse_fit": 0.45,
    "disapproval": 0.5,
    "turnover_fit": 0.3,
    "fit_effect_organisations": 0.7,
    "score_fit": 0.6,
    "identification_growth": 0.12,
    "practice_alignment": 1.0,
    "climate_direct": 1.0,
}


def arms_in_worlds(claim: Claim, test: ClaimTest, null: bool = False) -> list[DesignOutcomes]:
    """Each arm of a test in the same few worlds with the same seeds, month by month."""
    worlds = plausible_worlds(WORLDS, 7)
    drawn = {name: np.tile(worlds[name], len(SEEDS)) for name in worlds if name not in claim.settings}
    seeds = np.repeat(SEEDS, WORLDS)
    found = []
    for arm in arms_of(test, null=null):
        of_arm = {
            key: np.tile(worlds[value], len(SEEDS)) if isinstance(value, str) else value
            for key, value in arm.settings.items()
        }
        design = pd.DataFrame({**drawn, **of_arm, "seed": seeds, "society_seed": seeds})
        found.append(simulate(design, base=claim.base(), record="series"))
    return found


def test_of(claim_id: str, name: str) -> tuple[Claim, ClaimTest]:
    claim = Claim.load(claim_id)
    return claim, next(test for test in claim.tests if test.name == name)


test_of.__test__ = False  # type: ignore[attr-defined]  # not pytest's


# --- nulls -----------------------------------------------------------------------------------------------------------
def judging(on: bool, strengths: dict[str, float]) -> pd.DataFrame:
    """Services that pilot and that are asked to, where people judge together or do not: else the same."""
    base = Scenario.load("two-services").replace(
        {
            "months": 48,
            "organisations.hostel.count": 3,
            "organisations.outreach.count": 3,
            "organisations.outreach.stage": "outside",
            "adoption_base": -3.0,
            "restart": -3.0,
            "pilot_months": 12,
            "round_months": 6,
            "initial_awareness": 0.3,
            "sensegiving": 0.6,
            "mechanisms.sensemaking": on,
        }
    )
    return simulate(base.replace({**dict.fromkeys(NO_ALIGNMENT, 0.0), **strengths}), 16, 3, record=()).runs


def test_alignment_reaches_use_in_no_way_that_nulls_leave():
    judged, unjudged = judging(True, {}), judging(False, {})
    assert (judged["alignment_final"] != unjudged["alignment_final"]).all()
    rest = [name for name in judged if not name.startswith(("alignment", "fit"))]
    pd.testing.assert_frame_equal(judged[rest], unjudged[rest])


@pytest.mark.parametrize("way", NO_ALIGNMENT)
def test_each_way_from_alignment_to_use_is_one(way):
    known = {"identity_effect": 1.5, way: STRONG[way]}
    assert (judging(True, known)["value_clients"] != judging(False, known)["value_clients"]).any()


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        ("C1", "fit"),
        ("C2", "alignment against evidence"),
        ("C13", "embodies against counters"),
        ("C18", "competing values"),
    ],
)
def test_claims_on_alignment_and_use_have_the_whole_null(claim, name):
    assert test_of(claim, name)[1].null == dict.fromkeys(NO_ALIGNMENT, 0.0)


def test_of_judged_alignment_the_null_is_grounding_only():
    """Or one in which the arms are the same world (below)."""
    rest = {(claim, test) for claim, test, _ in ALIKE}
    for claim in map(Claim.load, claim_ids()):
        for test in claim.tests:
            if test.outcome in ("alignment_final", "people_moved") and (claim.id, test.name) not in rest:
                assert GROUNDING_ONLY.items() <= test.null.items(), (claim.id, test.name)


ALIKE = [
    ("C3", "clarity", "alignment"),
    ("C5", "misaligned leaders, use", "engaged"),
    ("C8", "voice of peers", "alignment"),
    ("C9", "identification to alignment", "alignment"),
    ("C11", "prior alignment", "engaged"),
    ("C18", "scarcity", "engaged"),
]


@pytest.mark.parametrize(("claim", "name", "variable"), ALIKE)
def test_without_the_assumption_the_arms_are_alike(claim, name, variable):
    """Nothing else that the lever does reaches the outcome: to the bit, in any world."""
    one, other = arms_in_worlds(*test_of(claim, name), null=True)
    np.testing.assert_array_equal(one.curves("all", variable), other.curves("all", variable))
    np.testing.assert_array_equal(one.curves("service", "in_use"), other.curves("service", "in_use"))


# --- arms ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "months"), [("involved in development", range(1, 13)), ("involved in implementation", range(13, 25))]
)
def test_c6_services_start_in_month_12_and_sessions_are_before_or_after(name, months):
    with_sessions, none = arms_in_worlds(*test_of("C6", name))
    for arm in (with_sessions, none):
        assert (arm.curves("service", "outside")[11] == 1).all()
        assert (arm.curves("service", "piloting")[12] == 1).all()
    extra = (with_sessions.curves("service", "workload") != none.curves("service", "workload")).any(axis=1)
    assert np.flatnonzero(extra).tolist() == list(months)


def test_c11_the_same_people_are_engaged_until_funding_ends():
    high, low = arms_in_worlds(*test_of("C11", "prior alignment"))
    assert (high.curves("all", "alignment")[24] - low.curves("all", "alignment")[24] > 0.05).all()
    for who, what in (("all", "engaged"), ("service", "in_use")):
        np.testing.assert_array_equal(high.curves(who, what)[:25], low.curves(who, what)[:25])
    assert (high.curves("service", "in_use")[25] == high.curves("service", "sustained")[25]).all()
    assert (high.curves("all", "engaged")[26:] != low.curves("all", "engaged")[26:]).any()


def test_c14_engagement_does_not_depend_on_alignment():
    high, low = arms_in_worlds(*test_of("C14", "social effect"))
    np.testing.assert_array_equal(high.curves("all", "engaged")[:24], low.curves("all", "engaged")[:24])


def test_c4_alignment_is_varied_without_making_people_alike():
    near, far = arms_in_worlds(*test_of("C4", "alignment to ties"))
    assert (near.curves("all", "alignment")[0] - far.curves("all", "alignment")[0] > 0.02).all()
    for who, what in (("service", "tie_quality"), ("all", "polarisation")):
        np.testing.assert_array_equal(near.curves(who, what)[0], far.curves(who, what)[0])


@pytest.mark.parametrize("name", ["aligned leaders", "misaligned leaders"])
def test_c5_leaders_differ_in_strength_alone(name):
    strong, weak = arms_in_worlds(*test_of("C5", name))
    staff, managers = (strong.curves(who, "alignment")[0] for who in ("staff", "manager"))
    assert ((managers > staff) if name == "aligned leaders" else (managers < staff)).all()
    for who in ("staff", "manager"):
        np.testing.assert_array_equal(strong.curves(who, "alignment")[0], weak.curves(who, "alignment")[0])


def test_strengths_are_within_what_is_plausible():
    assert set(STRONG) == set(NO_ALIGNMENT)
    for name, value in STRONG.items():
        assert PARAMETERS[name].low <= value <= PARAMETERS[name].high
