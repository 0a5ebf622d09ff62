"""Random small scenarios, always valid: what the reference model and the compiled one are compared on."""

from __future__ import annotations

import random
from typing import Any

from valign.model.outcomes import WAITED_FOR
from valign.model.parameters import CHANNELS, PARAMETERS, Parameter
from valign.model.scenario.scenario import MECHANISMS, STAGES, Scenario
from valign.model.society.generate import build_society

FEWEST_PEOPLE, MOST_PEOPLE = 5, 40

# Terms short and steps likely enough that a dozen months see whole histories.
LIVELY = {
    "base_staff": (-2.0, 1.0), "base_manager": (-2.0, 1.0), "base_peer": (-2.0, 1.0), "adoption_base": (-2.5, 0.0),
    "lapse_base": (-3.0, -1.0), "reengage_base": (-3.0, -1.0), "restart": (-2.0, 0.0), "abandon_within": (-4.0, -2.0),
    "initial_awareness": (0.2, 0.8), "broadcast": (0.0, 0.3),
    "turnover_staff": (0.2, 0.9), "turnover_manager": (0.2, 0.9), "pilot_months": (2, 8), "contract_months": (2, 8),
    "round_months": (1, 6), "emergent_months": (1, 4), "coproduction_intensity": (0.2, 0.8),
    "design_coproduction": (0.0, 0.5), "reservation": (-1.0, 0.3), "pilot_reservation": (-1.5, 0.3),
}  # fmt: skip


def _number(rng: random.Random, low: float, high: float, parameter: Parameter) -> float:
    if parameter.integer:
        return float(rng.randint(round(low), round(high)))
    return round(rng.uniform(low, high), 4)


def random_value(rng: random.Random, name: str, extreme: bool = False) -> float:
    """A value of a parameter: in its plausible range, or, `extreme`, anywhere that is allowed, ends included."""
    parameter = PARAMETERS[name]
    if not extreme:
        return _number(rng, parameter.low, parameter.high, parameter)
    low = parameter.minimum
    high = min(parameter.maximum, 20 * max(1.0, parameter.high))
    return float(rng.choice([low, high, _number(rng, low, high, parameter)]))


def random_parameters(rng: random.Random, names: list[str], share: float, extreme: float) -> dict[str, float]:
    """Values of a share of the named parameters; a share `extreme` of these anywhere that is allowed."""
    return {name: random_value(rng, name, rng.random() < extreme) for name in names if rng.random() < share}


def _vector(rng: random.Random, dimensions: list[str], extreme: bool) -> dict[str, float]:
    return {k: rng.choice([0.0, 1.0]) if extreme and rng.random() < 0.3 else round(rng.random(), 3) for k in dimensions}


def _emphasis(rng: random.Random, dimensions: list[str]) -> dict[str, float]:
    parts = [rng.choice([0, 1, 2, 3, 5]) for _ in dimensions]
    parts[rng.randrange(len(parts))] += 1
    return {k: part / sum(parts) for k, part in zip(dimensions, parts, strict=True)}


def _innovation(rng: random.Random, dimensions: list[str], extreme: bool) -> dict[str, Any]:
    prefix = "innovation."
    names = [name for name in PARAMETERS if name.startswith(prefix)]
    given = random_parameters(rng, names, 0.7, 0.3 * extreme)
    innovation: dict[str, Any] = {"name": "something new"}
    for kind in ("published", "effects"):
        innovation[kind] = {e: given.pop(f"{prefix}{kind}.{e}") for e in CHANNELS if f"{prefix}{kind}.{e}" in given}
    innovation |= {name.removeprefix(prefix): value for name, value in given.items()}
    values = _vector(rng, dimensions, extreme)
    return innovation | {"values": values, "emphasis": _emphasis(rng, dimensions)}


def _organisations(rng: random.Random, profiles: list[str], own: list[str], extreme: bool) -> list[dict[str, Any]]:
    organisations: list[dict[str, Any]] = []
    left = rng.randint(FEWEST_PEOPLE, MOST_PEOPLE - 5)
    for number in range(rng.randint(1, 4)):
        count = rng.choice([1, 1, 2, 3])
        each = left // count
        if each < 1:
            break
        staff = rng.randint(1, min(each, 12))
        managers = min(rng.choice([0, 1, 1, 1, 2]), each - staff)
        peers = min(rng.choice([0, 1, 2, 3]), each - staff - managers)
        left -= count * (staff + managers + peers)
        organisation: dict[str, Any] = {
            "name": f"group-{'abcd'[number]}", "count": count, "staff": staff, "managers": managers, "peers": peers,
            "stage": rng.choice(STAGES),
        }  # fmt: skip
        organisation |= {f"{who}_profile": rng.choice(profiles) for who in ("staff", "manager", "peer", "client")}
        if rng.random() < 0.5:
            organisation["parameters"] = random_parameters(rng, own, 0.2, 0.3 * extreme)
        organisations.append(organisation)
    people = sum(o["count"] * (o["staff"] + o["managers"] + o["peers"]) for o in organisations)
    organisations[0]["staff"] += max(0, FEWEST_PEOPLE - people)
    return organisations


def _changes(
    rng: random.Random, months: int, organisations: list[dict[str, Any]], profiles: list[str], extreme: bool
) -> list[dict[str, Any]]:
    changeable = [name for name, parameter in PARAMETERS.items() if parameter.scope != "society"]
    places = [organisation["name"] for organisation in organisations]
    changes = []
    for _ in range(rng.randint(0, 5)):
        change: dict[str, Any] = {"month": rng.randint(1, months)}
        local = rng.random() < 0.5
        if rng.random() < 0.3:
            change |= {"event": "new_leader", "profile": rng.choice(profiles)}
        else:
            name = rng.choice([n for n in changeable if not local or PARAMETERS[n].scope == "organisation"])
            change["parameter"] = name
            if rng.random() < 0.6:
                change["set"] = random_value(rng, name, extreme and rng.random() < 0.5)
            else:
                change["scale"] = round(rng.uniform(0.2, 2.0), 3)
        if local:
            change["organisations"] = rng.sample(places, rng.randint(1, len(places)))
        changes.append(change)
    return [change | _waits(change, months, places) for change in changes]


def _waits(change: dict[str, Any], months: int, places: list[str]) -> dict[str, Any]:
    """Some changes wait for something; numbers of their own, so that all else of a scenario is as without."""
    rng = random.Random(repr(sorted(change.items())))
    if rng.random() > 0.35:
        return {}
    series = rng.choice(WAITED_FOR)
    when: dict[str, Any] = {"series": series, rng.choice(["at_least", "below"]): round(rng.uniform(0.05, 0.8), 4)}
    if rng.random() < 0.5 and not series.startswith("commissioner."):
        when["organisations"] = rng.sample(places, rng.randint(1, len(places)))
    if rng.random() < 0.5:
        when["until"] = rng.randint(change["month"], months)
    if rng.random() < 0.5:
        when["after"] = rng.randint(0, 3)
    return {"when": when}


def _reachable_level(rng: random.Random, scenario: Scenario) -> float | None:
    """A level well inside what a few seeds can reach; None if that is little."""
    from reference.model import ReferenceModel
    from reference.start import first_values, reachable_levels

    lowest, highest = 0.0, 1.0
    for seed in range(3):
        society = build_society(scenario, seed)
        model = ReferenceModel(scenario, society, seed, recording=False)
        low, high = reachable_levels(model, first_values(model, society))
        lowest, highest = max(lowest, low), min(highest, high)
    if highest - lowest < 0.15:
        return None
    return round(lowest + rng.uniform(0.4, 0.6) * (highest - lowest), 3)


def random_scenario(seed: int) -> Scenario:
    """A valid scenario of 5 to about 40 people, the same for the same seed; about a quarter have extreme values."""
    rng = random.Random(seed)
    extreme = rng.random() < 0.25
    months = rng.randint(12, 40)
    dimensions = [f"dimension_{k + 1}" for k in range(rng.randint(1, 8))]
    profiles = {f"profile_{p}": _vector(rng, dimensions, extreme) for p in "abcd"}
    names = list(profiles)
    plain = [n for n, p in PARAMETERS.items() if p.scope != "society" and not n.startswith("innovation.")]
    parameters = random_parameters(rng, plain, rng.choice([0.1, 0.5]), 0.3 * extreme)
    if rng.random() < 0.7:
        parameters |= {n: _number(rng, low, high, PARAMETERS[n]) for n, (low, high) in LIVELY.items()}
    shares = [parameters.get(n, PARAMETERS[n].default) for n in ("service_share", "team_share")]
    if sum(shares) > 1.0:
        parameters["team_share"] = 0.0
    own = [n for n, p in PARAMETERS.items() if p.scope == "organisation"]
    organisations = _organisations(rng, names, own, extreme)
    everything = rng.random() < 0.5
    ties = {n.removeprefix("ties."): random_value(rng, n) for n in PARAMETERS if n.startswith("ties.")}
    pairs = [rng.sample(dimensions, 2) for _ in range(rng.randint(0, 2))] if len(dimensions) > 1 else []
    scenario = Scenario.from_mapping(
        {
            "name": f"random-{seed}",
            "months": months,
            "dimensions": dimensions,
            "value_correlations": [[*pair, round(rng.uniform(-0.9, 0.9), 2)] for pair in pairs],
            "alignment_metric": rng.choice(["distance", "centred", "profile"]),
            "alignment_mode": rng.choice(["shift", "contract"]),
            "alignment_roles": rng.choice([["staff"], ["staff", "manager", "peer"], ["staff", "peer", "commissioner"]]),
            "relationship_rule": rng.choice(["bounded", "bounded", "hard", "constant"]),
            "everybody_aware": rng.random() < 0.2,
            "parameters": parameters,
            "mechanisms": {name: everything or rng.random() < 0.75 for name in MECHANISMS},
            "innovation": _innovation(rng, dimensions, extreme),
            "ties": ties | {"area_size": rng.randint(1, 3)},
            "profiles": profiles,
            "organisations": organisations,
            "commissioners": {"count": rng.randint(0, 3), "profile": rng.choice(names)},
            "changes": _changes(rng, months, organisations, names, extreme),
        }
    )
    level = _reachable_level(rng, scenario) if rng.random() < 0.3 else None
    return scenario if level is None else scenario.replace({"alignment_level": level})
