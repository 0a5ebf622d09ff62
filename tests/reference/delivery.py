"""Submodels of what is delivered and what people come to believe about it (ODD §5.10-5.12)."""

from __future__ import annotations

from math import floor, sqrt
from typing import TYPE_CHECKING

from . import draws
from .agents import CHANNELS, SCALE, Commissioner, Person
from .perception import REFERENCE, Vector, clip, mean, mean_vector, toward
from .services import Service

if TYPE_CHECKING:
    from .model import ReferenceModel


def climate(model: ReferenceModel) -> None:
    """§5.10: climate and quality of practice, where the innovation is in use."""
    parameters, reference = model.parameters, REFERENCE[model.metric]
    for service in model.services:
        if not service.in_use:
            continue
        for manager in service.managers:
            manager.look()
        engaged = mean(float(manager.engaged) for manager in service.managers)
        for_it = mean(float(manager.aware and not manager.disapproves) for manager in service.managers)
        direct = parameters["climate_direct"]
        support = service.settings["funding_support"] if service.funded else 0.0
        goal = clip(service.leadership() * (direct * for_it + (1.0 - direct) * engaged) + support)
        rises = goal > service.climate
        service.climate += parameters["climate_rate" if rises else "climate_decay"] * (goal - service.climate)
        for person in service.members:
            if person.engaged:
                person.look()
                goal = clip(
                    parameters["practice_base"]
                    + parameters["practice_alignment"] * (person.alignment - reference)
                    + parameters["practice_identification"] * person.identification
                    + 0.15 * service.climate
                )
                person.practice += parameters["practice_rate"] * (goal - person.practice)


# --- 5.11 evidence ---


def deliver(service: Service) -> None:
    """Practice, satisfaction and take-up of a service, and its results this month."""
    model, parameters = service.model, service.model.parameters
    deliverers = service.deliverers
    practice = mean(person.practice for person in deliverers if person.engaged)
    reach = service.engaged_share()
    if not deliverers:
        enacted = list(service.version)
    else:
        enacted = mean_vector([person.values for person in deliverers])
        if service.in_use:
            enacted = toward(enacted, service.version, practice * reach)
    gap = sum(w * abs(c - e) for w, c, e in zip(model.emphasis, service.client_values, enacted, strict=True))
    rate = 0.15
    service.satisfaction += rate * (1.0 - gap - service.satisfaction)
    service.take_up += rate * (service.satisfaction - service.take_up)
    service.enacted, service.reach, service.delivered_practice = enacted, reach, practice
    clients = service.clients() * reach * service.take_up
    service.results, service.results_precision = None, 0.0
    if service.in_use and clients > 0:
        results = [true_effect(service, e) + noise(service, e, clients) for e in range(3)]
        service.note_results(results, clients / parameters["result_sd"] ** 2)


def fidelity(service: Service) -> float:
    model, flexibility = service.model, service.model.parameters["innovation.flexibility"]
    if flexibility == 0:
        return 1.0
    gaps = [abs(local - m) for local, m in zip(service.version, model.innovation_values, strict=True)]
    drift = sum(w * gap for w, gap in zip(model.emphasis, gaps, strict=True))
    return 1.0 - model.parameters["innovation.fidelity_cost"] * drift / flexibility


def true_effect(service: Service, e: int) -> float:
    parameters = service.model.parameters
    effect = parameters[f"innovation.effects.{CHANNELS[e]}"] * fidelity(service)
    practice = service.delivered_practice / parameters["practice_reference"]
    return effect * practice * service.satisfaction / 0.75


def noise(service: Service, e: int, clients: float) -> float:
    model = service.model
    z = model.draws.normal(service.ident, model.month, draws.RESULTS, e)
    return SCALE[e] * model.parameters["result_sd"] * z / sqrt(clients)


def learn(person: Person, e: int, value: float, precision: float) -> None:
    """Update belief e by an observation of this precision; beliefs get no firmer than 20."""
    if precision <= 0:
        return
    tau = person.precision[e]
    person.beliefs[e] += precision / (tau + precision) * (value - person.beliefs[e])
    person.precision[e] = min(tau + precision, 20.0)


def pooled_results(commissioner: Commissioner) -> tuple[Vector, float]:
    """Results y of a commissioner's services this month, weighted by precision, and their precision Θ."""
    reporting = [service for service in commissioner.portfolio if service.results is not None]
    total = sum(service.results_precision for service in reporting)
    if total <= 0:
        return [0.0] * 3, 0.0
    return [sum(s.results_precision * s.results[e] for s in reporting) / total for e in range(3)], total


def belief_after_sharing(person: Person) -> Vector:
    if not person.aware or not person.ties:
        return person.beliefs
    pull = [0.0] * 3
    for other, tie in person.ties:
        if other.aware:
            pull = [x + tie.quality * (b - a) for x, a, b in zip(pull, person.beliefs, other.beliefs, strict=True)]
    share = person.model.parameters["belief_sharing"] / len(person.ties)
    return [b + share * x for b, x in zip(person.beliefs, pull, strict=True)]


def evidence(model: ReferenceModel) -> None:
    """§5.11: delivery, then beliefs by the published evidence, by what is delivered, and by sharing."""
    parameters = model.parameters
    for service in model.services:
        deliver(service)
    strength = 4.0 * parameters["innovation.evidence_strength"]
    for person in model.people:
        if person.aware and not person.read_published:
            person.read_published = True
            for e, channel in enumerate(CHANNELS):
                learn(person, e, parameters[f"innovation.published.{channel}"], strength)
    for service in model.services:
        for person in service.members:
            if person.aware and service.results is not None:
                for e in range(3):
                    learn(person, e, service.results[e], service.results_precision)
    monitored = (1.0, 0.2, 0.2)
    for commissioner in model.commissioners:
        results, total = pooled_results(commissioner)
        for e in range(3):
            learn(commissioner, e, results[e], monitored[e] * total)
    after = {person: belief_after_sharing(person) for person in model.people}
    for person, beliefs in after.items():
        person.beliefs = list(beliefs)


def dialogue(model: ReferenceModel) -> None:
    """§5.12: meetings of commissioners with their services; weights drift back every month."""
    parameters, t = model.parameters, model.month
    meetings = parameters["dialogue"]
    if floor(t * meetings / 12) > floor((t - 1) * meetings / 12):
        for commissioner in model.commissioners:
            if not commissioner.portfolio:
                continue
            results, total = pooled_results(commissioner)
            if total > 0:
                for e in range(3):
                    learn(commissioner, e, results[e], total)
                commissioner.weights = toward(commissioner.weights, [1.0 / 3.0] * 3, parameters["dialogue_rate"])
    for commissioner in model.commissioners:
        commissioner.weights = toward(commissioner.weights, commissioner.initial_weights, 0.02)
