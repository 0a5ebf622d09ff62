"""The state of a block at month 0: allocate, fill in parameters, draw the first holders, solve the alignment level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from ..compiled.engine import settle
from ..compiled.handle import address, header_of
from ..constants import SATISFACTION_REFERENCE
from ..errors import InputError
from ..ledger.decomposition import ENTRIES, cells, flows_a_month
from ..outcomes import (
    AGENT_SERIES,
    COMMISSIONER_SERIES,
    MEAN,
    OUTCOMES,
    PATH,
    PEOPLE_SERIES,
    PLACE_SERIES,
    SERIES_ROLES,
    SERVICE_SERIES,
)
from ..parameters import INDEX
from ..scenario.settings import parsed
from ..society.generate import Society
from ..state.arrays import (
    AWARD_TERM,
    COMMISSIONED,
    COMMISSIONER_PAYS,
    NATIONAL_MONEY,
    PERSON_TERM,
    SERVICE_TERM,
    Room,
    State,
    table_of,
)
from ..state.scenario_arrays import Lowered, initial_stage
from .given import given_arrays
from .month import run_steps
from .start import START

FLOWS = 4_000_000  # at least a month's; memory that is not written to costs nothing


def _put_parameters(values: np.ndarray, lowered: Lowered, overrides: Mapping[str, np.ndarray]) -> None:
    """Parameters [rows x settings x W]: the scenario's, with the columns of `overrides` per run, groups' own last."""
    values[...] = lowered.parameters[:, :, None]
    groups = lowered.scenario.group_names
    keys = sorted(((parsed(name), name) for name in overrides), key=lambda each: each[0].section == "organisations")
    for key, name in keys:
        column = overrides[name]
        if key.section == "organisations":
            group = groups.index(key.of)
            settings = [1 + group]
            settings += [
                1 + len(groups) + n
                for n, service in enumerate(lowered.named_services)
                if lowered.scenario.group_of_service(service) == group
            ]
            values[INDEX[key.field], settings] = column
        elif name in lowered.rows:
            row = lowered.rows[name]
            values[row, ~lowered.own[row]] = column


def _put_changes(
    month: np.ndarray, value: np.ndarray, first: np.ndarray, lowered: Lowered, overrides: Mapping[str, np.ndarray]
) -> None:
    """Months and values of changes [changes x W]; of those that wait, 0, and from which month on they are looked at
    [conditions x W]."""
    month[...], value[...] = lowered.change_month[:, None], lowered.change_value[:, None]
    for name, column in overrides.items():
        key = parsed(name)
        if key.section == "changes" and len(month):  # switched off: there is none to change
            (month if key.field == "month" else value)[int(key.of)] = column
    first[...] = month[lowered.conditions.change]
    month[lowered.conditions.change] = 0


@lru_cache(maxsize=64)
def _rooms(
    W: int,
    N: int,
    O: int,
    E: int,
    K: int,
    C: int,
    teams: int,
    parameters: tuple[int, int],
    changes: int,
    conditions: int,
    months: int,
    places: int,
    person_terms: bool,
    series: bool,
    services: bool,
    agents: bool,
) -> tuple[Room, Room]:
    """Room for what changes in a block, and apart for what it records, which is kept when the rest is not.

    W runs, N people, O services, E ties, K dimensions, C commissioners; parameters: rows and settings; places: rows of
    the ledger, 0 without one.
    """
    rows = months + 1 if series else 0

    def numbers(*shape: int) -> tuple[tuple[int, ...], type]:
        return (*shape, W), np.float64

    def whole(*shape: int, dtype: type = np.int64) -> tuple[tuple[int, ...], type]:
        return (*shape, W), dtype

    state = dict(
        key_low=whole(dtype=np.uint64),
        key_high=whole(dtype=np.uint64),
        span=((7,), np.int64),
        parameters=numbers(*parameters),
        level=numbers(),
        change_value=numbers(changes),
        condition_first=whole(conditions),
        emphasis=numbers(K),
        role_weights=numbers(4, 3),
        level_shift=numbers(),
        lowest=numbers(),
        highest=numbers(),
        draw=numbers(N, 4),
        values=numbers(N, K),
        values_before=numbers(N, K),
        origin=numbers(N, K),
        reading=numbers(N, K),
        clarity=numbers(N),
        clarity_before=numbers(N),
        fit=numbers(N),
        alignment=numbers(N),
        alignment_before=numbers(N),
        talk_weight=numbers(N),
        judges=whole(N, dtype=np.uint8),
        stage=whole(N, dtype=np.int8),
        stage_before=whole(N, dtype=np.int8),
        frailty=numbers(N),
        taking_part=numbers(N),
        takes_part=whole(N, dtype=np.uint8),
        identification=numbers(N),
        practice=numbers(N),
        voice=numbers(N),
        has_read=whole(N, dtype=np.uint8),
        first_engaged=whole(N, dtype=np.int32),
        replaced=whole(N, dtype=np.uint8),
        holder=whole(N, dtype=np.int32),
        belief=numbers(N, 3),
        belief_before=numbers(N, 3),
        precision=numbers(N, 3),
        weights=numbers(C, 3),
        weights_origin=numbers(C, 3),
        service_draw=numbers(O, 4),
        culture=numbers(O, K),
        team_culture=numbers(teams, K),
        service_stage=whole(O, dtype=np.int8),
        service_stage_before=whole(O, dtype=np.int8),
        term_end=whole(O),
        payer=whole(O, dtype=np.int8),
        drift=numbers(O, K),
        version=numbers(O + C, K),
        version_before=numbers(O + C, K),
        climate=numbers(O),
        months_under=whole(O),
        result=numbers(O, 3),
        result_precision=numbers(O),
        result_mean=numbers(O, 3),
        result_count=whole(O),
        satisfaction=numbers(O),
        take_up=numbers(O),
        session_share=numbers(O),
        commissioner_attends=whole(O, dtype=np.uint8),
        session_found=numbers(O),
        session_position=numbers(O, K),
        session_judgement=numbers(O),
        workload=numbers(O),
        enacted=numbers(O, K),
        starts=whole(O),
        stops=whole(O),
        funding_ended=whole(O),
        first_commissioned=whole(O),
        in_use_24=whole(O, dtype=np.int8),
        service_terms=numbers(O, len(SERVICE_TERM)),
        award_terms=numbers(O, len(AWARD_TERM)),
        asked=whole(O, dtype=np.int8),
        ask_terms=numbers(O, len(AWARD_TERM)),
        person_terms=numbers(N if person_terms else 0, len(PERSON_TERM)),
        quality=numbers(E),
        closeness=numbers(E),
        bin=whole(N if places else 0, dtype=np.uint32),
        occupied=((3 * places,), np.uint8),
        mean_before=numbers(O + 1 if places else 0, 4, K),
        emphasis_before=numbers(K),
        projection_before=numbers(),
        ledger=numbers(3 * places, len(ENTRIES)),
        start_means=numbers(len(MEAN)),
    )
    recorded = dict(
        change_month=whole(changes),
        run_outcomes=numbers(len(OUTCOMES)),
        path=numbers(months + 1, len(PATH)),
        people_series=numbers(rows, len(SERIES_ROLES), len(PEOPLE_SERIES)),
        commissioner_series=numbers(rows, len(COMMISSIONER_SERIES)),
        service_series=numbers(rows, len(SERVICE_SERIES)),
        place_series=numbers(months + 1 if services else 0, O, len(PLACE_SERIES)),
        agent_series=numbers(months + 1 if agents else 0, N, len(AGENT_SERIES) + K),
    )
    return Room(state), Room(recorded)


def allocate(
    lowered: Lowered,
    society: Society,
    seeds: Sequence[int],
    overrides: Mapping[str, np.ndarray],
    *,
    accounting: bool,
    person_terms: bool,
    series: bool,
    services: bool,
    agents: bool,
) -> State:
    """All arrays of a block, zero where the start has not been drawn yet."""
    W, N, O, E = len(seeds), len(society.role), len(society.key), len(society.tie_a)
    K, C = len(lowered.scenario.dimensions), N - int(society.first[O])
    given = given_arrays(lowered, society)
    months = lowered.scenario.months
    groups = len(lowered.scenario.group_names)
    places, most = (len(cells(groups)), flows_a_month(groups, W)) if accounting else (0, 0)
    flows = most * max(1, min(months, FLOWS // max(1, most)))
    teams, changes, conditions = (
        len(given.arrays["team_low"]),
        len(lowered.change_month),
        len(lowered.conditions.change),
    )
    sizes = W, N, O, E, K, C, teams, lowered.parameters.shape, changes, conditions, months, places
    room, record = _rooms(*sizes, person_terms, series, services, agents)
    state, start = room.zeros()
    recorded, their_start = record.zeros()
    summed = dict(  # large, and memory that is not written to costs nothing
        flow_position=np.zeros(flows + 1, np.int64),  # one more: what is 0 is overwritten by the next
        flow_change=np.zeros(flows + 1),
        flow_count=np.zeros(1, np.int64),
    )
    kind = room, record, flows
    if kind not in given.tables:
        from_nothing = {name: header_of(name, array).from_nothing() for name, array in summed.items()}
        headers = given.headers | room.headers | record.headers | from_nothing
        given.tables[kind] = table_of(W, headers, state["parameters"].shape, K)
    begin = (
        (room.names, start),
        (record.names, their_start),
        *(((name,), address(each)) for name, each in summed.items()),
    )
    S = State(W, given.tables[kind], begin, **given.arrays, **state, **recorded, **summed)
    keys = np.array(seeds, np.uint64)
    S.key_low[:], S.key_high[:] = keys & np.uint64(0xFFFFFFFF), keys >> np.uint64(32)
    S.span[:] = 0, N, 0, O, O + 1, 0, E
    S.level[:] = overrides.get("alignment_level", lowered.level)
    _put_parameters(S.parameters, lowered, overrides)
    _put_changes(S.change_month, S.change_value, S.condition_first, lowered, overrides)
    return S


def unstarted(
    lowered: Lowered,
    society: Society,
    seeds: Sequence[int],
    overrides: Mapping[str, np.ndarray] | None = None,
    **recorded: bool,
) -> State:
    """A block before the start has been drawn: what the steps of `START` find. recorded: as for `build`."""
    default = dict.fromkeys(("accounting", "person_terms", "series", "services", "agents"), False)
    S = allocate(lowered, society, seeds, overrides or {}, **{**default, **recorded})
    stage = initial_stage(lowered, society.group)
    S.service_stage[:] = stage[:, None]
    S.starts[:] = (stage > 0)[:, None]
    S.payer[:] = NATIONAL_MONEY
    S.payer[stage == COMMISSIONED] = COMMISSIONER_PAYS
    for never in (S.funding_ended, S.first_commissioned, S.in_use_24):
        never[:] = -1
    S.satisfaction[:] = SATISFACTION_REFERENCE
    S.take_up[:] = S.satisfaction
    return S


def build(
    lowered: Lowered,
    society: Society,
    seeds: Sequence[int],
    overrides: Mapping[str, np.ndarray] | None = None,
    *,
    accounting: bool = False,
    person_terms: bool = False,
    series: bool = False,
    services: bool = False,
    agents: bool = False,
) -> State:
    """A block of runs at month 0.

    seeds: run seeds, one per run (0 … 2**63 - 1). overrides: columns of W values by dotted name, for parameters that may
    differ within a block, and `alignment_level` (NaN: natural). Raises InputError when a level cannot be reached.
    """
    S = unstarted(
        lowered,
        society,
        seeds,
        overrides,
        accounting=accounting,
        person_terms=person_terms,
        series=series,
        services=services,
        agents=agents,
    )
    settle(S)
    run_steps(S, START)
    if not np.isnan(S.level).all():
        _check_reachable(lowered, S.level, S.lowest, S.highest)
    return S


def _check_reachable(lowered: Lowered, level: np.ndarray, lowest: np.ndarray, highest: np.ndarray) -> None:
    out = (level < lowest) | (level > highest) | (~np.isnan(level) & np.isnan(highest))
    if out.any():
        r = int(np.flatnonzero(out)[0])
        raise InputError(
            [
                f"alignment_level = {level[r]:g} cannot be reached by {lowered.scenario.alignment_mode!r} in "
                f"{lowered.scenario.name!r}: reachable from {lowest.max():.3f} to {highest.min():.3f}"
                + (
                    " (mode 'contract' reaches further, but changes the spread too)"
                    if lowered.scenario.alignment_mode == "shift"
                    else ""
                )
            ]
        )
