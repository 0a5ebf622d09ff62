"""The state of a block of runs: NumPy arrays, one row per person, service or tie, the run axis last.

A block shares society, switches and rules; values, readings, parameters and all that happens differ by run.
Names and symbols: docs/ODD.md §1. Shapes: N people, O services, C commissioners, E ties, K dimensions,
S settings (row 0 scenario-wide, then one per group of services, then services that changes name), W runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiled.handle import Begin, Handle, Header, Table, address, header_of
from ..outcome import columns
from ..parameters import TERMS
from .parameter_views import WHERE, parameter_views

if TYPE_CHECKING:
    from ..compiled.webassembly import Host

UNAWARE, AWARE, ENGAGED, LAPSED = range(4)
OUTSIDE, PILOTING, COMMISSIONED, SUSTAINED, ABANDONED = range(5)
STAGES = ("unaware", "aware", "engaged", "lapsed")
SERVICE_STAGES = ("outside", "piloting", "commissioned", "sustained", "abandoned")
STAFF, MANAGER, PEER, COMMISSIONER = range(4)

METRICS = ("distance", "centred", "profile")
METRIC_REFERENCE = np.array([0.75, 0.75, 0.55])
METRIC_UNIT = np.array([0.10, 0.10, 0.23])

RELATIONSHIP_RULES = ("bounded", "constant", "hard")
BOUNDED, CONSTANT, HARD = range(3)

# Choices a block shares: positions in `rules`.
METRIC, RELATIONSHIP_RULE, CONTRACT, SESSION_KNOWLEDGE, ASKING = range(5)

# Who pays for a funded service.
COMMISSIONER_PAYS, NATIONAL_MONEY = 0, 1
# What came of a service's request for a pilot.
ASKED_IN_VAIN, APPROVED = 1, 2

# What kernels leave of their last decisions for the event log, by name.
SERVICE_TERM = columns("ServiceTerm", (name for name in TERMS["organisations"] if name != "months_under"))
AWARD_TERM = columns("AwardTerm", TERMS["commissioning"])
PERSON_TERM = columns("PersonTerm", TERMS["engagement"])

# What the four words of a month's draw decide, of a person and of a service.
PERSON_DRAW = columns("PersonDraw", ("leave", "become_aware", "engage", "take_part"))
SERVICE_DRAW = columns("ServiceDraw", ("start", "stop", "commissioner_takes_part", "spare"))

LINE = 64  # bytes of a cache line
# Arrays of two axes that a block shares.
WITHOUT_RUNS = frozenset({"limits", "correlated", "change_setting", "change_service", "condition_service", "survey"})


class Room:
    """How arrays of some shapes and kinds lie in one piece of memory.

    Each begins where a cache line does, so that a strip of runs does not lie across two; behind each is room for the
    rest of a strip that begins in it (model/compiled/lanes.py).
    """

    def __init__(self, shapes: Mapping[str, tuple[tuple[int, ...], type]]) -> None:
        self.names, self.headers = tuple(shapes), {}  # addresses in them count from the first array
        self._laid_out, end = [], 0
        for name, (shape, dtype) in shapes.items():
            kind, words = header_of(name, np.ndarray(shape, dtype))
            self.headers[name] = Header(kind, (end, *words[1:]))
            self._laid_out.append((name, shape, dtype, end))
            end += (math.prod(shape) * np.dtype(dtype).itemsize + LINE - 1) // LINE * LINE + LINE
        self._bytes = end + LINE

    def zeros(self) -> tuple[dict[str, np.ndarray], int]:
        """The arrays, and the address of the first."""
        memory = np.empty(self._bytes, np.uint8)  # NumPy asks for large pages here, and does not for zeros
        memory.fill(0)
        start = address(memory)
        first = -start % LINE
        arrays = {name: np.ndarray(shape, dtype, memory, first + begin) for name, shape, dtype, begin in self._laid_out}
        return arrays, start + first


class State(Handle):
    """Arrays of a block, and its parameters by name (`parameter_views`); every kernel takes one.

    Width 1 has a tuple for `runs`, so loops over it vanish.
    """

    runs: Any
    key_low: np.ndarray  # W
    key_high: np.ndarray
    span: np.ndarray  # 7: of the part: rows of people from, to; services from, to, with commissioners to; ties from, to
    rules: np.ndarray  # METRIC and so on
    switches: np.ndarray  # mechanisms on or off, in the order of MECHANISMS
    parameters: np.ndarray  # rows x S x W
    limits: np.ndarray  # 3 x rows: lowest, highest, whole numbers only
    emphasis: np.ndarray  # K x W, sums to 1
    role_weights: np.ndarray  # 4 x 3 x W, weights on the evidence by role, sum 1
    level_roles: np.ndarray  # 4: which roles alignment_level moves
    level: np.ndarray  # W: alignment_level, NaN: natural
    level_shift: np.ndarray  # W: s
    lowest: np.ndarray  # W: levels within reach
    highest: np.ndarray
    correlated: np.ndarray  # pairs x 2
    correlation: np.ndarray  # pairs
    change_month: np.ndarray  # changes x W
    change_value: np.ndarray  # changes x W
    change_parameter: np.ndarray  # changes; -1 is a new leader
    change_scales: np.ndarray
    change_profile: np.ndarray
    change_setting: np.ndarray  # changes x S
    change_service: np.ndarray  # changes x O
    condition_change: np.ndarray  # conditions: number of the change that waits
    condition_kind: np.ndarray
    condition_role: np.ndarray
    condition_variable: np.ndarray
    condition_threshold: np.ndarray
    condition_below: np.ndarray
    condition_last: np.ndarray
    condition_after: np.ndarray
    condition_first: np.ndarray  # conditions x W: month from which it is looked at, 0: never
    condition_service: np.ndarray  # conditions x O
    # society
    first: np.ndarray
    organisation: np.ndarray
    role: np.ndarray
    profile: np.ndarray
    manager: np.ndarray
    line_tie: np.ndarray
    commissioning_tie: np.ndarray  # N: tie of a manager to the commissioner, -1
    post_low: np.ndarray
    post_high: np.ndarray
    team: np.ndarray  # N: row of `team_culture`, -1
    service_key: np.ndarray
    service_group: np.ndarray  # O
    setting: np.ndarray  # O
    commissioner: np.ndarray  # O
    client_profile: np.ndarray  # O
    posts: np.ndarray  # O: staff posts, at least 1
    leadership_z: np.ndarray
    slack_z: np.ndarray
    coproduction_z: np.ndarray
    portfolio_start: np.ndarray
    portfolio: np.ndarray
    neighbour_service_start: np.ndarray
    neighbour_service: np.ndarray
    tie_a: np.ndarray
    tie_b: np.ndarray
    tie_kind: np.ndarray
    tie_start: np.ndarray
    neighbour: np.ndarray
    tie_of: np.ndarray
    team_low: np.ndarray  # teams
    team_service: np.ndarray
    survey: np.ndarray  # N x K: values that were asked for (NaN: not known), or 0 x 0
    stage_given: np.ndarray  # N: stage at the start where known, else -1
    aware_given: np.ndarray  # 1: everybody knows of the innovation at the start
    # people
    perceives: np.ndarray  # N: row of `version` a person perceives
    draw: np.ndarray  # N x 4 x W
    values: np.ndarray  # N x K x W
    values_before: np.ndarray
    origin: np.ndarray
    reading: np.ndarray
    clarity: np.ndarray  # N x W from here
    clarity_before: np.ndarray
    fit: np.ndarray  # of values and the version perceived, as last computed
    alignment: np.ndarray  # judged by those who judge, else fit
    judges: np.ndarray  # 0 or 1: has a judgement of their own
    alignment_before: np.ndarray  # as sensemaking begins
    talk_weight: np.ndarray  # s in sensemaking
    stage: np.ndarray
    stage_before: np.ndarray
    frailty: np.ndarray
    taking_part: np.ndarray  # taking-part variate w
    takes_part: np.ndarray
    identification: np.ndarray
    practice: np.ndarray
    voice: np.ndarray
    has_read: np.ndarray
    first_engaged: np.ndarray
    replaced: np.ndarray
    holder: np.ndarray  # how many have held the post before
    belief: np.ndarray  # N x 3 x W
    belief_before: np.ndarray
    precision: np.ndarray
    weights: np.ndarray  # C x 3 x W
    weights_origin: np.ndarray
    # services
    service_draw: np.ndarray  # O x 4 x W
    culture: np.ndarray  # O x K x W
    team_culture: np.ndarray
    service_stage: np.ndarray  # O x W
    service_stage_before: np.ndarray
    term_end: np.ndarray
    payer: np.ndarray  # who pays while it is funded
    drift: np.ndarray  # O x K x W
    version: np.ndarray  # (O + C) x K x W
    version_before: np.ndarray
    climate: np.ndarray
    months_under: np.ndarray
    result: np.ndarray  # O x 3 x W
    result_precision: np.ndarray
    result_mean: np.ndarray
    result_count: np.ndarray
    satisfaction: np.ndarray
    take_up: np.ndarray
    session_share: np.ndarray
    commissioner_attends: np.ndarray  # 0 or 1: took part in this month's session
    session_found: np.ndarray  # 1: somebody has a voice in this month's session
    session_position: np.ndarray  # O x K x W: S_k
    session_judgement: np.ndarray  # O x W: A_S, NaN: none
    workload: np.ndarray
    enacted: np.ndarray  # O x K x W
    starts: np.ndarray  # how often a service started
    stops: np.ndarray
    funding_ended: np.ndarray  # month in which funding first ended, -1
    first_commissioned: np.ndarray  # month of the first award, -1
    in_use_24: np.ndarray  # in use 24 months after funding first ended: 0, 1, -1 not known
    service_terms: np.ndarray  # O x len(SERVICE_TERM) x W: of the last decision
    award_terms: np.ndarray  # O x len(AWARD_TERM) x W: of the last commissioning score
    asked: np.ndarray  # of this month: 0 nobody, ASKED_IN_VAIN, APPROVED
    ask_terms: np.ndarray  # O x len(AWARD_TERM) x W: of a service's last request for a pilot
    person_terms: np.ndarray  # N (or 0: not recorded) x len(PERSON_TERM) x W
    # ties
    quality: np.ndarray  # E x W
    closeness: np.ndarray  # c_ij in relationships
    # decomposition (empty when not recorded); see model/ledger
    bin: np.ndarray  # N x W: row of the ledger in which changes of somebody's fit are booked
    occupied: np.ndarray  # rows: 0 or 1: has it been anybody's bin this month?
    mean_before: np.ndarray  # (O + 1) x 4 roles x K x W: mean values as last accounted
    emphasis_before: np.ndarray  # K x W: as last accounted
    projection_before: np.ndarray  # W
    ledger: np.ndarray  # of this month: rows (3 x cells) x entries x W
    flow_position: np.ndarray  # of sums that are not 0, month by month
    flow_change: np.ndarray  # the sums
    flow_count: np.ndarray  # 1: how many there are
    # what is recorded month by month (empty when not)
    agency: np.ndarray  # 1: number of the dimension of client agency, -1
    start_means: np.ndarray  # len(MEAN) x W
    run_outcomes: np.ndarray  # len(OUTCOMES) x W
    path: np.ndarray  # (T + 1) x len(PATH) x W
    people_series: np.ndarray  # (T + 1) x roles x len(PEOPLE_SERIES) x W
    commissioner_series: np.ndarray
    service_series: np.ndarray
    place_series: np.ndarray  # (T + 1) x O x len(PLACE_SERIES) x W
    agent_series: np.ndarray  # (T + 1) x N x (len(AGENT_SERIES) + K) x W

    host: Host | None = None  # what runs the steps where it is not machine code

    def __init__(self, width: int, table: Table | None = None, begin: Begin = (), **arrays: np.ndarray) -> None:
        self.place(width, arrays, table, begin)

    def place(self, width: int, arrays: dict[str, np.ndarray], table: Table | None = None, begin: Begin = ()) -> None:
        """Keep the state in these arrays, all but `runs`; in whatever order they come, compiled code sees the same one.

        table, begin: of their headers, where these are known (`Handle.seal`).
        """
        if table is None:
            arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
            headers = {name: header_of(name, array) for name, array in arrays.items()}
            table = table_of(width, headers, arrays["parameters"].shape, len(arrays["emphasis"]))
        self.seal(arrays, table, begin)
        self.runs = (0,) if width == 1 else _runs(width)


ARRAYS = tuple(name for name in State.__annotations__ if name != "host")


@cache
def _runs(width: int) -> np.ndarray:
    return np.arange(width)


def table_of(width: int, headers: Mapping[str, Header], parameters: tuple[int, ...], dimensions: int) -> Table:
    """The headers of a state in their order. headers: of all arrays but `runs`; parameters: the shape of these."""
    views = parameter_views(parameters, dimensions=dimensions)
    known = {"runs": header_of("runs", _runs(width)), **headers}
    return Table((known[name] for name in ARRAYS), views, single=width == 1, shared=WITHOUT_RUNS)


if taken := set(WHERE) & set(State.__annotations__):
    raise TypeError(f"parameters need a symbol of their own, since the state has arrays of these names: {taken}")
