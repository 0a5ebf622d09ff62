"""What is kept of decisions, for the event log and the outcomes, agrees with the decisions of the reference model."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from agreement import CLOSE, compare
from reference.model import Decision, ReferenceModel
from strategies import random_scenario

from valign.experiments.simulate import simulate
from valign.model.parameters import MECHANISMS
from valign.model.run.initial import build
from valign.model.run.month import month_steps, run_months
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import build_society
from valign.model.state.arrays import (
    ABANDONED,
    AWARD_TERM,
    COMMISSIONED,
    OUTSIDE,
    PERSON_TERM,
    PILOTING,
    SERVICE_TERM,
    State,
)
from valign.model.state.scenario_arrays import lower

SEEDS, MONTHS = 30, 16
PEOPLE = ("engage", "lapse", "re-engage")
TERMS = {  # term of the reference model: the parameters that multiply what is kept, by column
    "engage": {"fit": ("fit_effect", PERSON_TERM.z), "peers": ("peer_effect", PERSON_TERM.engaged_ties),
               "norm": ("norm_effect", PERSON_TERM.norm), "evidence": ("evidence_effect", PERSON_TERM.evidence),
               "climate": ("climate_effect", PERSON_TERM.climate),
               "identity": ("identity_effect", PERSON_TERM.identification),
               "workload": ("workload_effect", PERSON_TERM.workload)},
    "lapse": {"disapproval": ("disapproval", PERSON_TERM.disapproval),
              "climate": ("lapse_climate", PERSON_TERM.climate)},
    "re-engage": {"disapproval": ("disapproval", PERSON_TERM.disapproval)},
}  # fmt: skip
NEGATIVE = (("engage", "workload"), ("lapse", "climate"), ("re-engage", "disapproval"))
START = ("base", "fit", "evidence", "peers", "legitimacy", "slack", "funds", "mandate")
DECIDE = MECHANISMS.index("organisations")
Check = Callable[[State, ReferenceModel, Decision], list[tuple[str, float, float]]]


def of_person(S: State, model: ReferenceModel, decision: Decision) -> list[tuple[str, float, float]]:
    kept = S.person_terms[decision.row, :, 0]
    found = [("eta", sum(decision.terms.values()), kept[PERSON_TERM.eta]),
             ("probability", decision.probability, kept[PERSON_TERM.probability]),
             ("draw", decision.uniform, kept[PERSON_TERM.draw])]  # fmt: skip
    for term, (parameter, column) in TERMS[decision.kind].items():
        sign = -1.0 if (decision.kind, term) in NEGATIVE else 1.0
        found.append((term, decision.terms[term], sign * model.parameters[parameter] * kept[column]))
    return found


def of_service(S: State, model: ReferenceModel, decision: Decision) -> list[tuple[str, float, float]]:
    kept = S.service_terms[decision.service, :, 0]
    if decision.kind.startswith(("worth", "money")):
        awards = (S.ask_terms if "pilot" in decision.kind else S.award_terms)[decision.service, :, 0]
        if decision.kind.startswith("money"):
            money, price = awards[AWARD_TERM.money], awards[AWARD_TERM.price]
            return [("money", decision.probability, money), ("price", decision.uniform, price)]
        score, parts = awards[AWARD_TERM.score], awards[: AWARD_TERM.score].sum()
        whole = [("reservation", decision.uniform, awards[AWARD_TERM.reservation])]
        return [
            ("score", decision.probability, score),
            ("parts of the score", decision.probability, parts),
            *(whole if decision.outcome else []),
        ]
    found = [
        ("probability", decision.probability, kept[SERVICE_TERM.probability]),
        ("draw", decision.uniform, kept[SERVICE_TERM.draw]),
    ]
    if decision.kind == "start" and decision.terms:
        found += [(term, decision.terms[term], kept[getattr(SERVICE_TERM, term)]) for term in START]
    return found


CHECKS: dict[str, Check] = {
    **dict.fromkeys(PEOPLE, of_person),
    **dict.fromkeys(("start", "abandon", "worth it", "money suffices"), of_service),
    **dict.fromkeys(("worth a pilot", "money suffices for a pilot"), of_service),
}


def months_side_by_side(seed: int) -> Iterator[tuple[int, State, ReferenceModel, dict[str, np.ndarray]]]:
    """Month, state, reference model and the reference's state a month before; stops at a decision too close to call."""
    scenario = random_scenario(seed)
    society = build_society(scenario, seed)
    reference = ReferenceModel(scenario, society, seed)
    S = build(lower(scenario), society, [seed], person_terms=True)
    for month in range(1, min(MONTHS, scenario.months) + 1):
        before = reference.state()
        reference.step()
        run_months(S, month, month + 1, month_steps(S.switches, False))
        if any(decision.margin < CLOSE for decision in reference.decisions if decision.month == month):
            return
        yield month, S, reference, before


def test_terms_of_decisions():
    seen: dict[str, int] = dict.fromkeys(CHECKS, 0)
    for seed in range(SEEDS):
        for month, S, reference, _ in months_side_by_side(seed):
            for decision in reference.decisions:
                if decision.month != month or decision.kind not in CHECKS:
                    continue
                for name, expected, kept in CHECKS[decision.kind](S, reference, decision):
                    assert kept == pytest.approx(expected, rel=1e-10, abs=1e-11), (seed, decision, name)
                seen[decision.kind] += 1
    assert min(seen.values()) > 20, seen


def test_what_services_went_through():
    """Starts, stops, the first contract and the end of funding, counted from the decisions of the reference model."""
    happened = np.zeros(4)
    for seed in range(SEEDS):
        expected: dict[str, np.ndarray] = {}
        for month, S, reference, before in months_side_by_side(seed):
            stage = before["service_stage"]
            if not expected:
                expected = {
                    "starts": (stage > 0).astype(int),
                    "stops": np.zeros(len(stage), int),
                    "first_commissioned": np.full(len(stage), -1),
                    "funding_ended": np.full(len(stage), -1),
                }
            now = [decision for decision in reference.decisions if decision.month == month and decision.outcome]
            for decision in now:
                if decision.kind == "money suffices" and expected["first_commissioned"][decision.service] < 0:
                    expected["first_commissioned"][decision.service] = month
            idle = (stage == OUTSIDE) | (stage == ABANDONED)
            expected["starts"] += idle & (reference.state()["service_stage"] == PILOTING)
            expected["stops"] += (stage != ABANDONED) & (reference.state()["service_stage"] == ABANDONED)
            for o, service in enumerate(reference.services):
                over = month > before["end_of_term"][o] or not service.switched_on("funding")
                paid = stage[o] in (PILOTING, COMMISSIONED)
                if (
                    S.switches[DECIDE]
                    and paid
                    and over
                    and not service.switched_on("mandate")
                    and expected["funding_ended"][o] < 0
                ):
                    expected["funding_ended"][o] = month
            for name, numbers in expected.items():
                np.testing.assert_array_equal(getattr(S, name)[:, 0], numbers, err_msg=f"{seed} {month} {name}")
            ended = expected["funding_ended"] == month  # going on without funding is certain, until too few are engaged
            assert (S.service_terms[ended, SERVICE_TERM.probability, 0] == 1.0).all()
        happened += [
            (expected[name] > limit).sum()
            for name, limit in (("starts", 1), ("stops", 0), ("first_commissioned", 0), ("funding_ended", 0))
        ]
    assert (happened > 3).all(), happened


def test_the_log_gives_terms_only_where_they_decided():
    """The terms of a start make its probability; stopping is a plain risk, raised by what slack does not cover."""
    scenario = Scenario.load("two-services").replace({"abandon_within": -3.5, "restart": -4.0, "pilot_funds": 1.0})
    events = simulate(scenario, 24, record="events").events.query("person == -1")
    for what, terms in zip(events["what"], events["terms"], strict=True):
        assert ("base" in terms) == what.startswith("started")
        if "base" in terms:
            eta = sum(terms[name] for name in START)
            assert terms["probability"] == pytest.approx(1 / (1 + np.exp(-eta)), rel=1e-9)
    assert {"started again", "abandoned"} <= set(events["what"])


def test_people_without_ties_among_others_with_ties():
    """Steps over ties pass by those who have none and go on with the next."""
    base = Scenario.load("two-services").replace(
        {
            "months": 8,
            "organisations.hostel.managers": 0,
            "organisations.outreach.peers": 0,
            "ties.team_density": 0.15,
            "ties.cross_team": 0.0,
            "ties.peer": 1.0,
            "ties.between": 0.5,
            "innovation.evidence_strength": 1.0,
        }
    )
    alone = 0
    for seed in range(3):
        society = build_society(base, seed)
        ties = np.bincount(np.concatenate([society.tie_a, society.tie_b]), minlength=len(society.role))
        alone += (np.flatnonzero(ties == 0) < np.flatnonzero(ties)[-1]).sum()
        assert compare(base, seed, width=1).differences == ()
    assert alone > 3


def test_free_innovations_and_services_that_may_not_be_funded():
    """A price of 0 counts for nothing in the score; what may not be funded is not, however good its score."""
    base = Scenario.load("two-services").replace(
        {
            "months": 9,
            "round_months": 3,
            "pilot_months": 2,
            "reservation": -5.0,
            "budget": 1.0,
            "organisations.hostel.stage": "piloting",
            "organisations.outreach.stage": "piloting",
        }
    )
    for settings, funded in (
        ({}, [1, 1]),
        ({"innovation.cost": 0.0}, [1, 1]),
        ({"organisations.hostel.funding": 0.2}, [0, 1]),
    ):
        scenario = base.replace(settings)
        assert compare(scenario, 1, width=2).differences == ()
        S = build(lower(scenario), build_society(scenario, 1), [1])
        run_months(S, 1, 10, month_steps(S.switches, False))
        assert (S.first_commissioned[:, 0] > 0).tolist() == funded, settings
        parts = S.award_terms[:, : AWARD_TERM.score, 0].sum(axis=1)
        assert S.award_terms[:, AWARD_TERM.score, 0] == pytest.approx(parts)
