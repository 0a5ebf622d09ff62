"""The world at the start: services, people and ties of a society (ODD §4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from valign.model.parameters import PARAMETERS

from .agents import BETWEEN, CLASSES, Person, Tie
from .perception import Vector, mean
from .services import Service

if TYPE_CHECKING:
    from .model import ReferenceModel

ORGANISATION_SCOPE = [name for name, parameter in PARAMETERS.items() if parameter.scope == "organisation"]


def create_services(model: ReferenceModel, scenario: Any, society: Any) -> list[Service]:
    services, names = [], society.service_names(scenario)
    for number, key in enumerate(society.key):
        group = int(society.group[number])
        organisation = scenario.organisations[group]
        service = Service(
            model,
            number,
            {names[number], organisation.name},
            int(key),
            settings={name: scenario.setting(group, name) for name in ORGANISATION_SCOPE},
            lasting_normals=(
                float(society.leadership_z[number]),
                float(society.slack_z[number]),
                float(society.coproduction_z[number]),
            ),
            client_values=model.profiles[organisation.client_profile],
            stage=organisation.stage,
        )
        services.append(service)
    return services


def create_people(model: ReferenceModel, scenario: Any, society: Any) -> list[Person]:
    """Posts, without holders yet, and the services and lines they belong to."""
    people: list[Person] = []
    for row, role in enumerate(society.role):
        number = int(society.organisation[row])
        service = model.services[number] if number < len(model.services) else None
        ident = (int(society.post_low[row]), int(society.post_high[row]))
        profile = scenario.profile_names[int(society.profile[row])]
        person = CLASSES[role](model, row, ident, service, int(society.team[row]), profile)
        if service:
            service.join(person)
            person.given_stage = -1 if society.stage is None else int(society.stage[row])
        people.append(person)
    for service in model.services:
        commissioner = int(society.commissioner[service.number])
        if commissioner >= 0:
            service.commissioner = people[commissioner]
            model.portfolios.setdefault(commissioner, []).append(service)
    return people


def create_ties(model: ReferenceModel, society: Any) -> list[Tie]:
    """Ties at base quality; the ties of a person in the order of the neighbours' rows."""
    ties = []
    for a, b, kind in zip(society.tie_a, society.tie_b, society.tie_kind, strict=True):
        tie = Tie(model.people[a], model.people[b], int(kind), 0.0)
        tie.quality = model.base_quality(tie)
        tie.a.ties.append((tie.b, tie))
        tie.b.ties.append((tie.a, tie))
        ties.append(tie)
        for here, there in ((tie.a.service, tie.b.service), (tie.b.service, tie.a.service)):
            if tie.kind == BETWEEN and here is not there and there not in here.neighbours:
                here.neighbours.append(there)
    for person in model.people:
        person.ties.sort(key=lambda pair: pair[0].row)
        if society.manager[person.row] >= 0:
            person.manager = model.people[society.manager[person.row]]
            person.line_tie = ties[society.line_tie[person.row]]
    return ties


def first_values(model: ReferenceModel, society: Any) -> list[Vector]:
    """Raw values of the first holders; those a survey gives replace what was drawn."""
    raw = []
    for person in model.people:
        values = person.raw_values(0, person.profile)
        if society.values is not None:
            surveyed = [float(x) for x in society.values[person.row]]
            values = [v if x != x else x for v, x in zip(values, surveyed, strict=True)]
        raw.append(values)
    return raw


def mean_alignment(model: ReferenceModel, raw: list[Vector], s: float) -> float:
    """Mean alignment of the people of the chosen roles under the lever's strength s."""
    return mean(
        person.fit_with(person.levelled(values, person.profile, s))
        for person, values in zip(model.people, raw, strict=True)
        if person.role in model.alignment_roles
    )


def reachable_levels(model: ReferenceModel, raw: list[Vector]) -> tuple[float, float]:
    return mean_alignment(model, raw, -4.0), mean_alignment(model, raw, 1.0)


def level_strength(model: ReferenceModel, raw: list[Vector], level: float | None) -> float:
    """The strength s at which mean alignment equals the level: 60 bisections of [-4, 1]."""
    if level is None:
        return 0.0
    lowest, highest = reachable_levels(model, raw)
    if not lowest <= level <= highest:
        raise ValueError(f"alignment_level {level} is out of reach: {lowest:.3f} to {highest:.3f} can be had")
    low, high = -4.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if mean_alignment(model, raw, middle) < level:
            low = middle
        else:
            high = middle
    return (low + high) / 2
