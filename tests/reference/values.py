"""Submodels that change who is there, what people know and what they value (ODD §5.1-5.8, §5.16)."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING

from . import draws
from .agents import AWARE, ENGAGED, LAPSED, UNAWARE, Person
from .perception import Vector, clip, distance, mean, mean_vector, toward
from .services import Service

if TYPE_CHECKING:
    from valign.model.scenario.scenario import Change

    from .model import ReferenceModel


def changes(model: ReferenceModel) -> None:
    """§5.1: scheduled changes of parameters, and new leaders; booked once, after all entries (§6)."""
    for number, change in enumerate(model.changes):
        if change.when is not None and number not in model.found_to_hold and holds(model, change):
            model.found_to_hold[number] = model.month + change.when.after
    due = [
        change
        for number, change in enumerate(model.changes)
        if model.month == (change.month if change.when is None else model.found_to_hold.get(number))
    ]
    former_stages: dict[Person, int] = {}
    for change in due:
        services = model.named_services(change.organisations)
        if change.event == "new_leader":
            for manager in (manager for service in services for manager in service.managers):
                former_stages.setdefault(manager, manager.stage)
                values = manager.raw_values(model.month, change.profile, brought_in=True)
                model.replace_holder(manager, values, brought_in=True)
        else:
            model.change_parameter(change.parameter, services, change.organisations is None, change.set, change.scale)
    for manager, stage in former_stages.items():
        model.account.replaced("changes", manager, stage)
    if due:
        model.account.moved("changes", "parameters")


def holds(model: ReferenceModel, change: Change) -> bool:
    """§5.1: whether what a change waits for holds, as the last month left everybody."""
    when = change.when
    assert when is not None
    if change.month == 0 or not change.month <= model.month <= (when.until or model.months):
        return False
    kind, variable = when.series.split(".")
    services = model.named_services(when.organisations)
    found: list[float] = []
    if kind == "commissioner":
        channel = ("weight_financial", "weight_economic", "weight_social").index(variable)
        found = [commissioner.weights[channel] for commissioner in model.commissioners]
    elif kind == "service":
        for service in services:
            if variable == "in_use":
                found.append(float(service.in_use))
            elif variable in ("climate", "satisfaction", "workload"):
                found.append(getattr(service, variable))
            else:
                stages = ("outside", "piloting", "commissioned", "sustained", "abandoned")
                found.append(float(service.stage == stages.index(variable)))
    else:
        for person in model.people:
            if person.service in services and kind in ("all", person.role):
                person.look()
                stage = {
                    "aware": person.stage >= AWARE,
                    "engaged": person.stage == ENGAGED,
                    "lapsed": person.stage == LAPSED,
                }
                found.append(float(stage[variable] if variable in stage else getattr(person, variable)))
    if not found:
        return False
    value = 0.0
    for each in found:
        value += each
    value /= len(found)
    return value < when.below if when.at_least is None else value >= when.at_least


def turnover(model: ReferenceModel) -> None:
    """§5.2: who leaves is decided, and the mean values taken, before anybody goes."""
    for person in model.people:
        person.look()
    leaving = [
        person
        for person in model.people
        if model.decide("leave", person, person.chance_of_leaving(), person.uniform(draws.LEAVE))
    ]
    left = {person.service for person in leaving if person.service}
    culture = {service: mean_vector([person.values for person in service.members]) for service in left}
    former_stages = {person: person.stage for person in leaving}
    for person in leaving:
        raw = person.raw_values(model.month, person.profile)
        values = person.levelled(raw, person.profile, model.level_strength)
        if person.service:
            values = toward(values, culture[person.service], person.setting("values_based_recruitment"))
        model.replace_holder(person, values)
    for person, stage in former_stages.items():
        model.account.replaced("turnover", person, stage)


def awareness(model: ReferenceModel) -> None:
    """§5.3"""
    hearing = [
        person
        for person in model.people
        if person.stage == UNAWARE
        and model.decide("aware", person, person.chance_of_awareness(), person.uniform(draws.BECOME_AWARE))
    ]
    for person in hearing:
        model.move_stage("awareness", person, AWARE)


def relationships(model: ReferenceModel) -> None:
    """§5.4"""
    model.move_values("relationships", {person: person.drawn_by_ties() for person in model.people})


def anchoring(model: ReferenceModel) -> None:
    """§5.5"""
    model.move_values("anchoring", {person: person.anchored() for person in model.people})


def leadership(model: ReferenceModel) -> None:
    """§5.6: followers move toward their manager's values; an engaged, aligned manager makes things clearer."""
    rate, articulation = model.parameters["leadership_rate"], model.parameters["articulation"]
    values: dict[Person, Vector] = {}
    clarity: dict[Person, float] = {}
    for service in model.services:
        strength = service.leadership()
        for manager in service.managers:
            manager.look()
        for person in service.members:
            leader = person.manager
            if leader is None:
                continue
            reach = strength * person.line_tie.quality
            values[person] = toward(person.values, leader.values, rate * reach)
            if leader.engaged and model.compare("leader articulates", person, leader.z, 0.0):
                clarity[person] = person.clarity + articulation * reach * (1.0 - person.clarity)
    model.move_values("leadership", values)
    model.move_clarity("leadership", clarity)


# --- 5.7 co-production ---


def gather(service: Service) -> list[Person]:
    """Everybody who sits in this month's session, the commissioner last; nobody if fewer than two would."""
    model, intensity = service.model, service.intensity()
    asked = [(person, person.uniform(draws.TAKE_PART)) for person in service.members]
    if service.commissioner:
        asked.append((service.commissioner, service.uniform(draws.COMMISSIONER_TAKES_PART)))
    present = []
    for person, u in asked:
        propensity = 1.0 - exp(-person.taking_part * intensity / (1.0 - intensity))
        if model.decide("take part", person, propensity, u, service=service.number):
            present.append(person)
    return present if len(present) >= 2 else []


def session_position(present: list[Person], power_sharing: float) -> Vector | None:
    """The session's position S; None if nobody present has a voice."""
    sides = []  # the two means and the voice behind each
    for side in ([p for p in present if p.role == "peer"], [p for p in present if p.role != "peer"]):
        voice = sum(person.voice for person in side)
        weighted = [sum(person.voice * person.values[k] for person in side) for k in range(len(present[0].values))]
        sides.append([x / voice for x in weighted] if voice > 0 else None)
    peers, others = sides
    if peers is None or others is None:
        return peers or others
    return [(1.0 - power_sharing) * n + power_sharing * p for n, p in zip(others, peers, strict=True)]


def adapted_drift(service: Service, position: Vector) -> Vector:
    """The drift δ after the local version moved toward the position."""
    model, flexibility = service.model, service.model.parameters["innovation.flexibility"]
    rate = model.parameters["adaptation_rate"]
    drift = []
    for m, d, local, s in zip(model.innovation_values, service.drift, service.version, position, strict=True):
        d = min(max(d + rate * (s - local), -flexibility), flexibility)
        drift.append(min(max(d, -m), 1.0 - m))
    return drift


def coproduction(model: ReferenceModel) -> None:
    """§5.7: sessions, computed for all services from the state before."""
    parameters = model.parameters
    values: dict[Person, Vector] = {}
    pulls: dict[Person, list[Vector]] = {}
    drift: dict[Service, Vector] = {}
    for person in model.people:
        person.took_part = False
    for service in model.services:
        service.present = present = gather(service)
        service.participants = [person for person in present if person.service is service]
        for person in present:
            person.took_part = True
        position = session_position(present, service.settings["power_sharing"]) if present else None
        if position is None:
            continue
        drift[service] = adapted_drift(service, position)
        for person in present:
            if person.service is service:
                values[person] = toward(person.values, position, parameters["coproduction_rate"])
            else:
                pulls.setdefault(person, []).append(position)
    for commissioner, positions in pulls.items():
        values[commissioner] = toward(commissioner.values, mean_vector(positions), parameters["coproduction_rate"])
    model.move_values("coproduction", values)
    model.move_drift("coproduction", drift)
    present = [person for person in model.people if person.took_part]
    gain = parameters["clarity_gain"]
    model.move_clarity("coproduction", {p: p.clarity + gain * (1.0 - p.clarity) for p in present})
    for tie in model.ties:
        if tie.a.took_part and tie.b.took_part and tie.a.service is tie.b.service is not None:
            tie.quality += 0.02 * (1.0 - tie.quality)
    for person in present:
        if person.role == "peer":
            person.voice += 0.01 * (1.0 - person.voice)


def workload(model: ReferenceModel) -> None:
    """§5.7, last line: everyday workload less slack, and the time that sessions cost; also without sessions."""
    for service in model.services:
        share = len(service.participants) / len(service.members) if service.members else 0.0
        everyday = service.settings["workload"] * (1.0 - service.slack())
        service.workload = clip(everyday + service.settings["coproduction_time"] * share)


def session_knowledge(model: ReferenceModel) -> None:
    """§5.7, last paragraph: members taking part hear of the innovation and share beliefs."""
    for service in model.services:
        if not service.participants:
            continue
        shared = mean_vector([person.beliefs for person in service.participants])
        for person in service.participants:
            person.beliefs = toward(person.beliefs, shared, model.parameters["session_sharing"])
            if person.stage == UNAWARE:
                model.move_stage("session_knowledge", person, AWARE)


def identification(model: ReferenceModel) -> None:
    """§5.8: those involved come to identify; those who identify take the perceived values in."""
    parameters = model.parameters
    values: dict[Person, Vector] = {}
    for service in model.services:
        for person in service.members:
            person.look()
            g = person.identification
            if person.engaged or person.took_part:
                g += parameters["identification_growth"] * person.alignment * (1.0 - g)
            person.identification = g - parameters["identification_decay"] * person.identification
            share = parameters["internalisation"] * person.identification
            values[person] = toward(person.values, person.perceived(), share)
    model.move_values("identification", values)


# --- 5.9 sensemaking ---


def session_judgement(model: ReferenceModel, service: Service) -> float | None:
    """Mean alignment of the aware who take part, peers holding the share power_sharing; None where nobody is heard."""
    means = []
    for peers in (True, False):
        side = [p for p in service.present if p.aware and (p.role == "peer") is peers]
        voice = sum(person.voice for person in side)
        means.append(sum(person.voice * person.alignment for person in side) / voice if voice > 0 else None)
    peers, others = means
    if peers is None or others is None:
        return others if peers is None else peers
    share = service.settings["power_sharing"]
    return (1.0 - share) * others + share * peers


def weight_in_talk(person: Person) -> float:
    """s_j: those with experience speak louder; the unaware do not speak."""
    if person.stage in (ENGAGED, LAPSED):
        return 1.0
    return person.model.parameters["aware_voice"] if person.aware else 0.0


def pulls_of(person: Person, heard: dict[Service, float | None]) -> dict[str, tuple[float, float]]:
    """What moves the judgement of somebody aware: weight and distance by source."""
    parameters = person.model.parameters
    pulls = {"grounding": (parameters["grounding"], person.fit - person.alignment)}
    voices = sum(other.voice for other, _ in person.ties)
    weight = distance = 0.0
    for other, tie in person.ties if voices > 0 else ():
        a = parameters["talk"] * tie.quality * other.voice * weight_in_talk(other) / voices
        weight += a
        distance += a * (other.alignment - person.alignment)
    pulls["talk"] = (weight, distance / weight if weight > 0 else 0.0)
    manager = person.manager
    if manager is not None and manager.aware:
        a = parameters["sensegiving"] * person.service.leadership() * person.line_tie.quality
        pulls["sensegiving"] = (a, manager.alignment - person.alignment)
    attended = [service for service in heard if person in service.present and heard[service] is not None]
    if attended:
        pulls["session"] = (parameters["session"], mean(heard[s] for s in attended) - person.alignment)
    return pulls


def sensemaking(model: ReferenceModel) -> None:
    """§5.9: the aware judge together, from the judgements before."""
    for person in model.people:
        person.look()
    heard = {service: session_judgement(model, service) for service in model.services}
    judged = {}
    for person in model.people:
        if not person.aware:
            person.judgement = None
            continue
        pulls = pulls_of(person, heard)
        limit = max(1.0, sum(weight for weight, _ in pulls.values()))
        judged[person] = {name: weight * distance / limit for name, (weight, distance) in pulls.items()}
    for person, parts in judged.items():
        model.account.judged(person, parts)
        person.judgement = person.alignment + sum(parts.values())


def tie_quality(model: ReferenceModel) -> None:
    """§5.16"""
    parameters = model.parameters
    for tie in model.ties:
        similarity = 1.0 - distance(tie.a.values, tie.b.values)
        shared = min(tie.a.identification, tie.b.identification)
        share = parameters["tie_similarity"]
        goal = share * similarity + (1.0 - share) * shared
        tie.quality += parameters["tie_rate"] * (goal - tie.quality)
