"""From a scenario to the arrays that kernels read: parameters by setting, rules, switches, changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..outcomes import SEEN_OF_COMMISSIONERS, SEEN_OF_PEOPLE, SEEN_OF_SERVICES
from ..parameters import INDEX, MECHANISMS, PARAMETERS, ROLES, RUN_PARAMETERS
from .arrays import METRICS, RELATIONSHIP_RULES, SERVICE_STAGES
from .parameter_views import INNOVATION

if TYPE_CHECKING:
    from ..scenario.scenario import Scenario

OF_PEOPLE, OF_SERVICES, OF_COMMISSIONERS = range(3)  # what a condition looks at
SEEN = {OF_PEOPLE: SEEN_OF_PEOPLE, OF_SERVICES: SEEN_OF_SERVICES, OF_COMMISSIONERS: SEEN_OF_COMMISSIONERS}


@dataclass(frozen=True, eq=False)
class Conditions:
    """What changes wait for, one entry a condition. change : number of the change. kind : OF_PEOPLE and so on. role : number of
    the role, or that of commissioners for everybody. variable : number in SEEN. below : less than the threshold, else at
    least. last : month. after : months. where : services or groups by name, None for all.
    """

    change: np.ndarray
    kind: np.ndarray
    role: np.ndarray
    variable: np.ndarray
    threshold: np.ndarray
    below: np.ndarray
    last: np.ndarray
    after: np.ndarray
    where: tuple[tuple[str, ...] | None, ...]


def _conditions(scenario: Scenario) -> Conditions:
    found = [(c, change.when) for c, change in enumerate(scenario.changes) if change.when is not None]
    found = found if scenario.mechanisms["changes"] else []
    named = [when.series.split(".") for _, when in found]
    kinds = [{"service": OF_SERVICES, "commissioner": OF_COMMISSIONERS}.get(role, OF_PEOPLE) for role, _ in named]
    everybody = ROLES.index("commissioner")

    def whole(values: Iterable[int]) -> np.ndarray:
        return np.array(list(values), np.int64)

    return Conditions(
        change=whole(c for c, _ in found),
        kind=whole(kinds),
        role=whole(ROLES.index(role) if role in ROLES else everybody for role, _ in named),
        variable=whole(SEEN[kind].index(name) for kind, (_, name) in zip(kinds, named, strict=True)),
        threshold=np.array([when.threshold for _, when in found], float),
        below=whole(when.at_least is None for _, when in found),
        last=whole(when.until or scenario.months for _, when in found),
        after=whole(when.after for _, when in found),
        where=tuple(None if when.organisations is None else tuple(when.organisations) for _, when in found),
    )


@dataclass(frozen=True, eq=False)
class Lowered:
    """Arrays shared by all runs of a scenario. rows: declared parameters, then m, emphasis, profiles by dimension."""

    scenario: Scenario
    rows: dict[str, int]
    parameters: np.ndarray  # rows x settings
    own: np.ndarray  # rows x settings: set for this group itself, so a scenario-wide value does not reach it
    limits: np.ndarray
    rules: np.ndarray
    switches: np.ndarray
    level: float
    level_roles: np.ndarray
    correlated: np.ndarray
    correlation: np.ndarray
    named_services: tuple[str, ...]  # services with a setting of their own, after the groups
    change_month: np.ndarray
    change_value: np.ndarray
    change_parameter: np.ndarray
    change_scales: np.ndarray
    change_profile: np.ndarray
    change_where: tuple[tuple[str, ...] | None, ...]
    conditions: Conditions
    agency: int

    @property
    def settings(self) -> int:
        return self.parameters.shape[1]


def _row_names(scenario: Scenario) -> list[str]:
    names = [parameter.name for parameter in RUN_PARAMETERS]
    for section in ("innovation.values", "innovation.emphasis"):
        names += [f"{section}.{dimension}" for dimension in scenario.dimensions]
    for profile in scenario.profile_names:
        names += [f"profiles.{profile}.{dimension}" for dimension in scenario.dimensions]
    return names


def lower(scenario: Scenario) -> Lowered:
    """Translate a valid scenario."""
    names = _row_names(scenario)
    groups = scenario.group_names
    wheres = [where for change in scenario.changes for where in (change, change.when) if where is not None]
    named = tuple(
        dict.fromkeys(place for where in wheres for place in where.organisations or () if place not in groups)
    )
    scenario_wide = [scenario.value(p.name) for p in RUN_PARAMETERS]
    scenario_wide += [scenario.innovation.values[d] for d in scenario.dimensions]
    scenario_wide += [scenario.innovation.emphasis[d] for d in scenario.dimensions]
    scenario_wide += [scenario.profiles[p][d] for p in scenario.profile_names for d in scenario.dimensions]
    settings = 1 + len(groups) + len(named)
    parameters = np.repeat(np.array(scenario_wide, float)[:, None], settings, axis=1)
    own = np.zeros(parameters.shape, bool)
    group_of_named = [scenario.group_of_service(name) for name in named]
    for setting, group in enumerate([*range(len(groups)), *group_of_named], start=1):
        for name, value in scenario.organisations[group].parameters.items():
            parameters[INDEX[name], setting] = value
            own[INDEX[name], setting] = True
    limits = np.zeros((3, len(names)))
    limits[1] = 1.0
    limits[0, :INNOVATION] = [p.minimum for p in RUN_PARAMETERS]
    limits[1, :INNOVATION] = [p.maximum for p in RUN_PARAMETERS]
    limits[2, :INNOVATION] = [p.integer for p in RUN_PARAMETERS]
    changes = scenario.changes if scenario.mechanisms["changes"] else ()
    leaders = [change.event is not None for change in changes]
    dimension = {name: k for k, name in enumerate(scenario.dimensions)}
    return Lowered(
        scenario=scenario,
        rows={name: row for row, name in enumerate(names)},
        parameters=parameters,
        own=own,
        limits=limits,
        rules=np.array(
            [
                METRICS.index(scenario.alignment_metric),
                RELATIONSHIP_RULES.index(scenario.relationship_rule),
                int(scenario.alignment_mode == "contract"),
                int(scenario.mechanisms["session_knowledge"]),
                int(scenario.mechanisms["commissioning"]),
            ]
        ),
        switches=np.array(
            [scenario.mechanisms[name] and (name != "changes" or bool(changes)) for name in MECHANISMS], np.uint8
        ),
        level=np.nan if scenario.alignment_level is None else scenario.alignment_level,
        level_roles=np.array([role in scenario.alignment_roles for role in ROLES], np.uint8),
        correlated=np.array(
            [[dimension[a], dimension[b]] for a, b, _ in scenario.value_correlations], np.int64
        ).reshape(-1, 2),
        correlation=np.array([rho for _, _, rho in scenario.value_correlations], float),
        named_services=named,
        change_month=np.array([c.month for c in changes], np.int64),
        change_value=np.array([0.0 if new else c.value for c, new in zip(changes, leaders, strict=True)], float),
        change_parameter=np.array(
            [-1 if new else names.index(c.parameter) for c, new in zip(changes, leaders, strict=True)], np.int64
        ),
        change_scales=np.array([c.scale is not None for c in changes], np.uint8),
        change_profile=np.array(
            [scenario.profile_names.index(c.profile) if new else 0 for c, new in zip(changes, leaders, strict=True)],
            np.int64,
        ),
        change_where=tuple(None if c.organisations is None else tuple(c.organisations) for c in changes),
        conditions=_conditions(scenario),
        agency=dimension.get("client_agency", -1),
    )


def service_settings(lowered: Lowered, group: np.ndarray, names: list[str] | None) -> np.ndarray:
    """Setting of every service: its own where a change names it, else its group's."""
    setting = group.astype(np.int64) + 1
    first = 1 + len(lowered.scenario.group_names)
    for extra, service in enumerate(lowered.named_services):
        setting[names.index(service)] = first + extra
    return setting


def reach(
    lowered: Lowered, setting: np.ndarray, wheres: Sequence[tuple[str, ...] | None]
) -> tuple[np.ndarray, np.ndarray]:
    """Which settings [places x S] and which services [places x O] are meant by names of groups and services."""
    groups, count = list(lowered.scenario.group_names), len(wheres)
    by_setting = np.zeros((count, lowered.settings), np.uint8)
    first = 1 + len(groups)
    for c, where in enumerate(wheres):
        if where is None:
            by_setting[c] = 1
            continue
        for place in where:
            if place in groups:
                group = groups.index(place)
                by_setting[c, 1 + group] = 1
                for extra, service in enumerate(lowered.named_services):
                    if lowered.scenario.group_of_service(service) == group:
                        by_setting[c, first + extra] = 1
            else:
                by_setting[c, first + lowered.named_services.index(place)] = 1
    return by_setting, by_setting[:, setting] if count else np.zeros((0, len(setting)), np.uint8)


def initial_stage(lowered: Lowered, group: np.ndarray) -> np.ndarray:
    """Stage of every service at the start."""
    stages = [SERVICE_STAGES.index(g.stage) for g in lowered.scenario.organisations]
    return np.array(stages, np.int8)[group]


def is_structural(name: str) -> bool:
    """A parameter that shapes the society."""
    return name in PARAMETERS and PARAMETERS[name].scope == "society"
