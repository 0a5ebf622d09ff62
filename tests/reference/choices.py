"""Submodels in which people engage, services decide and commissioners fund (ODD §5.13-5.15)."""

from __future__ import annotations

from itertools import pairwise
from math import fmod
from typing import TYPE_CHECKING

from . import draws
from .agents import AWARE, COMMISSIONING, ENGAGED, LAPSED, UNAWARE, Commissioner, Person
from .perception import logistic, mean
from .services import ABANDONED, COMMISSIONED, OUTSIDE, PILOTING, SUSTAINED, Service

if TYPE_CHECKING:
    from .model import ReferenceModel

Terms = dict[str, float]


# --- 5.13 engagement ---


def disapproved(person: Person) -> bool:
    """D_i: disapproval by the manager, or by the commissioner of a service that is not funded."""
    model, manager, commissioner = person.model, person.manager, person.service.commissioner
    by_manager, by_commissioner = manager is not None and manager.disapproves, False
    if commissioner is not None and not person.service.funded:
        by_commissioner = not model.compare("commissioner approves", person, commissioner.z, 0.0, reach=True)
    return by_manager or by_commissioner


def log_odds(person: Person) -> Terms:
    """The terms of η for the step from a person's present stage."""
    parameters, service, z = person.model.parameters, person.service, person.z
    if person.stage == AWARE:
        x = person.share_of_engaged_ties()
        return {
            "base": person.setting(f"base_{person.role}"),
            "frailty": person.frailty,
            "fit": parameters["fit_effect"] * z,
            "peers": parameters["peer_effect"] * x,
            "norm": parameters["norm_effect"] * mean(float(member.engaged) for member in service.members),
            "evidence": parameters["evidence_effect"] * person.evidence(),
            "climate": parameters["climate_effect"] * service.climate,
            "identity": parameters["identity_effect"] * person.identification,
            "workload": -parameters["workload_effect"] * service.workload,
            "fit x climate": parameters["fit_climate"] * z * service.climate,
            "fit x peers": parameters["fit_peers"] * z * x,
        }
    sign = 1.0 if person.stage == ENGAGED else -1.0
    base = "lapse_base" if person.stage == ENGAGED else "reengage_base"
    climate = parameters["lapse_climate"] * service.climate if person.stage == ENGAGED else 0.0
    return {
        "base": parameters[base],
        "fit": -sign * parameters["lapse_fit"] * z,
        "climate": -climate,
        "disapproval": sign * parameters["disapproval"] * disapproved(person),
    }


def engagement(model: ReferenceModel) -> None:
    """§5.13: aware → engaged → lapsed → engaged."""
    parameters = model.parameters
    for person in model.people:
        person.look()
    steps: list[Person] = []
    for service in model.services:
        for person in service.members:
            if person.stage == UNAWARE:
                continue
            terms = log_odds(person)
            p = logistic(sum(terms.values()))
            if person.stage == AWARE:
                p *= 1.0 - parameters["climate_gate"] * (1.0 - service.climate)
            if person.stage != ENGAGED and not service.in_use:
                p *= service.settings["workaround"]
            kind = {AWARE: "engage", ENGAGED: "lapse", LAPSED: "re-engage"}[person.stage]
            if model.decide(kind, person, p, person.uniform(draws.ENGAGE), terms=terms):
                steps.append(person)
    for person in steps:
        model.move_stage("engagement", person, LAPSED if person.engaged else ENGAGED)


# --- 5.14 organisations ---


def starting_terms(service: Service) -> Terms | None:
    """The terms of η of a start; None if nobody who could ask for one is aware and there is no mandate."""
    parameters, settings = service.model.parameters, service.settings
    aware = [person for person in service.members if person.aware]
    asked = [p for p in aware if p.role == "manager"] if service.managers else aware
    mandate = service.switched_on("mandate")
    if not asked and not mandate:
        return None
    return {
        "base": settings["adoption_base"] if service.stage == OUTSIDE else parameters["restart"],
        "fit": parameters["fit_effect_organisations"] * mean(person.z for person in aware),
        "evidence": parameters["evidence_effect"] * mean(person.evidence() for person in asked),
        "peers": parameters["adoption_peers"] * service.neighbours_in_use(),
        "legitimacy": parameters["adoption_norm"] * mean(float(each.in_use) for each in service.model.services),
        "slack": parameters["slack_effect"] * service.slack(),
        "funds": parameters["funds_effect"] * service.switched_on("pilot_funds"),
        "mandate": parameters["mandate_effect"] * mandate,
    }


def next_stage(service: Service) -> int:
    """What the service decides, from the state before; counts the months under the threshold."""
    model, parameters = service.model, service.model.parameters
    if not service.in_use:
        terms = starting_terms(service)
        p = logistic(sum(terms.values())) if terms else 0.0
        starts = model.decide("start", service, p, service.uniform(draws.START), terms=terms or {})
        return PILOTING if starts else service.stage
    u = service.uniform(draws.GO_ON)
    over = model.month > service.end_of_term or not service.switched_on("funding")
    if service.funded and over and not service.switched_on("mandate"):
        return SUSTAINED
    sustained = service.stage == SUSTAINED
    h = parameters["abandon_within"]
    if sustained:
        h += parameters["burden_effect"] * max(0.0, parameters["burden"] - service.slack())
    abandons = model.decide("abandon", service, logistic(h), u)
    if sustained:
        under = service.engaged_share() < parameters["emergent_threshold"]
        service.months_under = service.months_under + 1 if under else 0
        abandons = abandons or service.months_under >= parameters["emergent_months"]
    return ABANDONED if abandons else service.stage


def asks(service: Service) -> bool:
    """Whether a pilot needs the commissioner's approval."""
    nationally = service.switched_on("pilot_funds") or service.switched_on("mandate")
    return service.commissioner is not None and service.model.commissioning and not nationally


def approved(commissioner: Commissioner, asking: list[Service]) -> list[Service]:
    """Pilots that a commissioner approves, by descending score while the money lasts."""
    model, parameters = commissioner.model, commissioner.model.parameters
    money = money_left(commissioner, [service for service in commissioner.portfolio if service.paid_by_commissioner])
    found = []
    for service, value in by_score(commissioner, asking):
        if not model.compare("worth a pilot", service, value, parameters["pilot_reservation"], reach=True):
            continue
        if model.compare("money suffices for a pilot", service, money, service.price(), reach=True):
            money -= service.price()
            found.append(service)
    return found


def organisations(model: ReferenceModel) -> None:
    """§5.14"""
    for person in model.people:
        person.look()
    decided = {service: next_stage(service) for service in model.services}
    wanting = [s for s, stage in decided.items() if stage == PILOTING and not s.in_use and asks(s)]
    for commissioner in model.commissioners:
        asking = [service for service in wanting if service.commissioner is commissioner]
        granted = approved(commissioner, asking) if asking else []
        for service in asking:
            if service not in granted:
                decided[service] = service.stage  # refused
    fresh = {}
    for service, stage in decided.items():
        if stage == PILOTING and not service.in_use:
            service.nationally_paid = service not in wanting
            service.end_of_term = model.month + service.settings["pilot_months"]
            service.months_under = 0
            service.forget_results()
            if service.stage == ABANDONED:
                fresh[service] = [0.0] * model.K
        if stage == SUSTAINED and service.funded:
            service.months_under = 0
        if stage == ABANDONED and service.in_use:
            service.climate = 0.0
            if not service.settings["workaround"] > 0:
                for person in service.members:
                    if person.engaged:
                        model.move_stage("organisations", person, LAPSED)
        service.stage = stage
    model.move_drift("organisations", fresh)


# --- 5.15 commissioning ---


def score(commissioner: Commissioner, service: Service, mean_results: list[float]) -> float:
    model, parameters = commissioner.model, commissioner.model.parameters
    estimate = list(commissioner.beliefs)
    if service.running_results is not None:
        own = [y - y_bar for y, y_bar in zip(service.running_results, mean_results, strict=True)]
        estimate = [b + parameters["own_results"] * x for b, x in zip(estimate, own, strict=True)]
    qualities = [tie.quality for other, tie in commissioner.ties if other in service.managers]
    base = model.base_quality_of_kind(COMMISSIONING)
    relationship = mean(qualities) - base if qualities else 0.0
    return (
        parameters["score_evidence"] * model.weighted_evidence(commissioner.weights, estimate)
        + parameters["score_fit"] * commissioner.z
        + parameters["score_relationship"] * relationship
    )


def by_score(commissioner: Commissioner, services: list[Service]) -> list[tuple[Service, float]]:
    """Services and their scores from the highest down, ties by number."""
    model, portfolio = commissioner.model, commissioner.portfolio
    known = [service.running_results for service in portfolio if service.running_results is not None]
    mean_results = [mean(results[e] for results in known) for e in range(3)]
    commissioner.look()
    scores = {service: score(commissioner, service, mean_results) for service in services}
    ranked = sorted(services, key=lambda service: (-scores[service], service.number))
    for higher, lower in pairwise(ranked):
        if scores[higher] != scores[lower]:
            model.compare("score above next", lower, scores[higher], scores[lower])
    return [(service, scores[service]) for service in ranked]


def money_left(commissioner: Commissioner, committed: list[Service]) -> float:
    """The budget less the prices of what is paid for already."""
    whole = sum(service.price() for service in commissioner.portfolio)
    return commissioner.model.parameters["budget"] * whole - sum(service.price() for service in committed)


def commission(commissioner: Commissioner) -> None:
    """One commissioner's round: down the list, above the reservation score, while the money lasts."""
    model, parameters, portfolio = commissioner.model, commissioner.model.parameters, commissioner.portfolio
    horizon = model.month + parameters["round_months"]
    candidates = [
        service
        for service in portfolio
        if service.in_use
        and service.switched_on("funding")
        and (service.stage == SUSTAINED or service.end_of_term < horizon)
    ]
    if not candidates:
        return
    money = money_left(commissioner, [s for s in portfolio if s.paid_by_commissioner and s not in candidates])
    for service, value in by_score(commissioner, candidates):
        if not model.compare("worth it", service, value, parameters["reservation"], reach=True):
            continue
        if model.compare("money suffices", service, money, service.price(), reach=True):
            money -= service.price()
            service.stage = COMMISSIONED
            service.nationally_paid = False
            service.end_of_term = max(model.month, service.end_of_term) + service.settings["contract_months"]


def commissioning(model: ReferenceModel) -> None:
    """§5.15"""
    if fmod(model.month, model.parameters["round_months"]) == 0:
        for commissioner in model.commissioners:
            commission(commissioner)
