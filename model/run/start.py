"""How a run starts and ends, as lists of steps like the month: all that is computed after the arrays are allocated.

A step is a kernel(S, number), so that whatever runs the month (machine code, WebAssembly in Python or in a browser) starts
and ends a run as well.
"""

from __future__ import annotations

import math

from ..alignment import align_everybody, perceive
from ..compiled.compiling import compiled, copy, fill
from ..entry import apply_level, culture, first_holders, solve_level
from ..ledger.accounting import role_means
from ..ledger.booking import put_into_bins
from ..mechanisms.changes.kernel import normalise
from ..mechanisms.coproduction.kernel import workloads
from ..mechanisms.turnover.kernel import restart_ties
from ..state.arrays import COMMISSIONED, PILOTING
from .outcomes import mean_alignment, observe, outcomes
from .step import Step


@compiled
def scale_shares(S, t):
    """Emphasis and weights on the evidence."""
    normalise(S)


@compiled
def first_terms(S, t):
    """End of the term of services that are funded at the start."""
    for o in range(S.setting.shape[0]):
        s = S.setting[o]
        for r in range(len(S.runs)):
            if S.service_stage[o, r] == PILOTING:
                S.term_end[o, r] = int(S.pilot_months[s, r])
            elif S.service_stage[o, r] == COMMISSIONED:
                S.term_end[o, r] = int(S.contract_months[s, r])


@compiled
def first_ties(S, t):
    """All ties begin."""
    fill(S.replaced, 1)
    restart_ties(S, 0)
    fill(S.replaced, 0)


@compiled
def cultures(S, t):
    """Values of services and teams."""
    culture(S)


@compiled
def first_people(S, t):
    """Those who hold the posts at the start."""
    first_holders(S, S.survey, S.stage_given, S.aware_given[0] > 0)


@compiled
def move_to_level(S, t):
    """Values, moved to the level of alignment that is asked for; without one, as they are."""
    asked = 0
    for r in range(len(S.runs)):
        asked += not math.isnan(S.level[r])
    if asked:
        solve_level(S, S.level, S.lowest, S.highest)
    apply_level(S)


@compiled
def reach_of_levels(S, t):
    """Lowest and highest level of alignment that each run can be moved to; it is left where nothing was asked for."""
    solve_level(S, S.level, S.lowest, S.highest)


@compiled
def settled(S, t):
    """The state that the first month starts from has been accounted for."""
    copy(S.values, S.values_before)
    copy(S.clarity, S.clarity_before)
    copy(S.version, S.version_before)
    if S.ledger.shape[0]:
        copy(S.emphasis, S.emphasis_before)
        copy(S.projection, S.projection_before)
        for o in range(S.setting.shape[0] + 1):
            role_means(S, S.first[o], S.first[o + 1], S.mean_before[o])
        put_into_bins(S)


@compiled
def means_at_start(S, t):
    """Means over people at the start, which outcomes of the run are told against."""
    mean_alignment(S, S.start_means)


@compiled
def run_outcomes(S, t):
    """Outcomes of the run."""
    outcomes(S, S.start_means, S.run_outcomes)


START = tuple(
    Step("start", function, 0)
    for function in (
        scale_shares,
        first_terms,
        first_ties,
        cultures,
        perceive,
        first_people,
        move_to_level,
        align_everybody,
        workloads,
        settled,
        means_at_start,
    )
)
REACH = (Step("start", reach_of_levels, 0),)
OBSERVE_START = (Step("observe", observe, 0),)
END = (Step("observe", run_outcomes, 0),)
