"""Outcomes of claims that the table of runs does not hold: each a small function of recorded runs.

`record` says what has to be recorded; `watch` makes a mechanism of one's own that only looks on. Functions take
`Outcomes` and give an array over its runs (NaN where a run failed or the number does not exist).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from valign.model.ledger.decomposition import BALANCES, ENTRIES
from valign.model.parameters import ROLES
from valign.model.run.block import Insertion, insertion
from valign.model.scenario.scenario import Scenario
from valign.model.state.arrays import STAGES, State

from ..outcomes import Outcomes

CHANGE_MONTHS = 36  # after which changes in people are read
ALIKE = 1e-12  # sum of squares under which people do not differ at all
FLOOR = 0.005  # shares under it count as it on the log-odds scale: nobody engaged is not infinitely bad
AWARD_MONTH = 36
SD_ROLES = tuple(n for n, role in enumerate(ROLES) if role != "commissioner")


@dataclass(frozen=True)
class Measure:
    """meaning: in words, with unit. compute(outcomes, watcher) -> array over runs. months: least horizon it needs."""

    name: str
    meaning: str
    compute: Callable[[Outcomes, ServiceAccounts | None], np.ndarray]
    record: tuple[str, ...] = ()
    watch: bool = False
    months: int = 1


MEASURES: dict[str, Measure] = {}


def measure(meaning: str, *record: str, watch: bool = False, months: int = 1) -> Callable:
    """Declare a measure under the function's name."""

    def declare(function: Callable) -> Callable:
        compute = function if watch else lambda outcomes, _: function(outcomes)
        MEASURES[function.__name__] = Measure(function.__name__, meaning, compute, record, watch, months)
        return function

    return declare


def too_short(scenario: Scenario, outcome: str) -> list[str]:
    """The problem that a scenario ends before the month at which an outcome is read, if it does."""
    if outcome not in MEASURES or scenario.months >= MEASURES[outcome].months:
        return []
    return [f"{outcome} is read at month {MEASURES[outcome].months}; {scenario.name!r} ends after {scenario.months}"]


# --- from what is always recorded ------------------------------------------------------------------------------------
@measure("people engaged, over all months, on the log-odds scale")
def uptake_log_odds(outcomes: Outcomes) -> np.ndarray:
    share = np.clip(outcomes.runs["uptake_mean"].to_numpy(), FLOOR, 1 - FLOOR)
    return np.log(share / (1 - share))


@measure("services using it, over all months (share)")
def spread_mean(outcomes: Outcomes) -> np.ndarray:
    return outcomes.path("in_use")[1:].mean(axis=0)


@measure(f"whether a commissioner commissions it by month {AWARD_MONTH} (0 or 1)", months=AWARD_MONTH)
def recommissioned_by_36(outcomes: Outcomes) -> np.ndarray:
    runs = outcomes.runs
    by_then = (runs["first_recommissioned"] <= AWARD_MONTH).to_numpy(float)
    return np.where(runs["status"] == "ok", by_then, np.nan)


@measure("whether some group gains, net of its costs, and none loses (0 or 1)")
def nobody_loses(outcomes: Outcomes) -> np.ndarray:
    net = outcomes.runs[["value_commissioners", "value_clients", "value_providers"]].to_numpy()
    good = ((net >= 0).all(axis=1) & (net > 0).any(axis=1)).astype(float)
    return np.where(np.isnan(net).any(axis=1), np.nan, good)


# --- from monthly series ---------------------------------------------------------------------------------------------
@measure("quality of ties at the end (0-1)", "series")
def tie_quality_final(outcomes: Outcomes) -> np.ndarray:
    return outcomes.curves("service", "tie_quality")[-1]


@measure("breadth of commissioners' weights on the kinds of evidence at the end (0-1, normalised entropy)", "series")
def breadth_final(outcomes: Outcomes) -> np.ndarray:
    return outcomes.curves("commissioner", "breadth")[-1]


# --- from the decomposition ------------------------------------------------------------------------------------------
@measure("change in mean fit because the mean values of groups moved (centre part of all mechanisms)", "decomposition")
def centre_moved(outcomes: Outcomes) -> np.ndarray:
    entries = [n for n, (_, part) in enumerate(ENTRIES) if part == "centre"]
    return outcomes.booked()[0][BALANCES.index("fit"), entries].sum(axis=(0, 1, 2)) / outcomes.members


@measure(
    "alignment gained because the mean values of groups moved (centre part), or as people judge above their fit",
    "decomposition",
)
def people_moved(outcomes: Outcomes) -> np.ndarray:
    """Centre part of the change in fit, and judged alignment less fit at the end (both are equal at the start)."""
    return centre_moved(outcomes) + (outcomes.runs["alignment_final"] - outcomes.runs["fit_final"]).to_numpy()


# --- from everybody's state month by month ---------------------------------------------------------------------------
def _people(outcomes: Outcomes) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, Callable]]:
    """Blocks: rows, role and service of members, and `at(variable, month)` -> members x runs."""
    for rows, role, service, at in outcomes.blocks_of_people():
        members = np.isin(role, SD_ROLES)
        yield rows, role[members], service[members], lambda name, month, m=members, a=at: a(name, month)[m]


def _stayers(at: Callable) -> tuple[np.ndarray, int]:
    """Who is still the first holder at the later month, and that month."""
    month = CHANGE_MONTHS
    return at("holder", month) == 0, month


@measure("mean priority that staff give to client agency at the end (0-1)", "agents")
def staff_agency_final(outcomes: Outcomes) -> np.ndarray:
    found = np.full(len(outcomes.runs), np.nan)
    for rows, role, _, at in _people(outcomes):
        found[rows] = at("client_agency", -1)[role == ROLES.index("staff")].mean(axis=0)
    return found


@measure(
    f"SD, within service and role, of the change in alignment over {CHANGE_MONTHS} months of people who stay, less "
    "what alignment at the start explains of it",
    "agents",
    months=CHANGE_MONTHS,
)
def spread_of_change(outcomes: Outcomes) -> np.ndarray:
    """SD of the residual of the change on alignment at the start, one slope within all groups: people whose judgements
    come closer to each other change by as much as they differed, all in the same way."""
    found = np.full(len(outcomes.runs), np.nan)
    for rows, role, service, at in _people(outcomes):
        stays, month = _stayers(at)
        start = np.where(stays, at("alignment", 0), np.nan)
        change = at("alignment", month) - start
        squares, products, starts, freedom = (np.zeros(len(rows)) for _ in range(4))
        for group in np.unique(service * len(ROLES) + role):
            members = service * len(ROLES) + role == group
            before, moved = _from_mean(start[members]), _from_mean(change[members])
            squares += (moved**2).sum(axis=0)
            products += (moved * before).sum(axis=0)
            starts += (before**2).sum(axis=0)
            freedom += np.maximum(stays[members].sum(axis=0) - 1, 0)
        differed = starts > ALIKE
        left = squares - np.where(differed, products**2 / np.where(differed, starts, 1), 0)
        freedom -= differed
        found[rows] = np.where(freedom > 0, np.sqrt(np.maximum(left, 0) / np.maximum(freedom, 1)), np.nan)
    return found


def _from_mean(values: np.ndarray) -> np.ndarray:
    """Deviations from the mean over people [people, runs]; 0 for the missing."""
    there = ~np.isnan(values)
    mean = np.where(there, values, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return np.where(there, values - mean, 0)


def _after_taking_part(outcomes: Outcomes, variable: str) -> np.ndarray:
    """Mean change of stayers who engage by the later month, less that of stayers who do not."""
    found = np.full(len(outcomes.runs), np.nan)
    engaged = STAGES.index("engaged")
    for rows, _, _, at in _people(outcomes):
        stays, month = _stayers(at)
        took_part = np.zeros_like(stays)
        for t in range(month):
            took_part |= at("stage", t) == engaged
        change = at(variable, month) - at(variable, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = [
                np.where(who, change, 0).sum(axis=0) / who.sum(axis=0)
                for who in (stays & took_part, stays & ~took_part)
            ]
        found[rows] = means[0] - means[1]
    return found


@measure(
    f"change in fit over {CHANGE_MONTHS} months of those who take part less that of the others",
    "agents",
    months=CHANGE_MONTHS,
)
def fit_by_taking_part(outcomes: Outcomes) -> np.ndarray:
    return _after_taking_part(outcomes, "fit")


@measure(
    f"identification gained over {CHANGE_MONTHS} months by those who take part less that of the others",
    "agents",
    months=CHANGE_MONTHS,
)
def identification_by_taking_part(outcomes: Outcomes) -> np.ndarray:
    return _after_taking_part(outcomes, "identification")


# --- accounts of single services -------------------------------------------------------------------------------------
@dataclass(eq=False)
class ServiceAccounts:
    """Looks on, month by month: what each service brings by each account, in odd and in even months.

    sums[id of a block's path] = [2 halves, 4 accounts, services, runs]: cashable return, wider economic return less
    the cost of workload (both £1,000), well-being of clients (SD x client years), money (£1,000).
    """

    sums: dict[int, np.ndarray] = field(default_factory=dict)

    def __call__(self, S: State, t: int) -> None:
        services, runs = len(S.setting), len(S.runs)
        if t == 1:
            self.sums[id(S.path)] = np.zeros((2, 4, services, runs))
        stage = S.service_stage
        works = (stage >= 1) & (stage <= 3) & (S.result_precision > 0)
        cost = S.innovation_cost * np.asarray(S.posts)[:, None] / 12
        clients = S.result_precision * S.result_sd**2
        time = S.coproduction_time[S.setting] * S.session_share * np.asarray(S.posts)[:, None]
        account = self.sums[id(S.path)][t % 2]
        account[0] += np.where(works, cost * S.result[:, 0], 0)
        account[1] += np.where(works, cost * S.result[:, 1] - S.workload_cost * time / 12, 0)
        account[2] += np.where(works, clients * S.result[:, 2] / 12, 0)
        account[3] += np.where(works, cost, 0)

    def insertion(self) -> Insertion:
        return insertion(self, after="tie_quality")


def _discordant(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Share of pairs of services that two accounts (services x runs) put in different order; NaN: no pair."""
    worse, pairs = np.zeros(first.shape[1]), np.zeros(first.shape[1])
    for a in range(len(first)):
        for b in range(a):
            product = (first[a] - first[b]) * (second[a] - second[b])
            known = ~np.isnan(product)
            worse += np.where(known, product < 0, False)
            pairs += known
    return np.where(pairs > 0, worse / np.maximum(pairs, 1), np.nan)


def _per_pound(account: np.ndarray) -> np.ndarray:
    """Three accounts per pound [3, services, runs]; NaN for services that cost nothing (never used it)."""
    return np.where(account[3] > 0, account[:3] / np.where(account[3] > 0, account[3], 1), np.nan)


@measure(
    "share of pairs of services that the cashable account and the account of all groups rank differently", watch=True
)
def rank_changes(outcomes: Outcomes, accounts: ServiceAccounts) -> np.ndarray:
    """The account of all groups is the mean of the three, each in units of its spread over services (equal weights)."""
    found = np.full(len(outcomes.runs), np.nan)
    for rows, path in outcomes.paths():
        each = _per_pound(accounts.sums[id(path)].sum(axis=0))
        services = np.maximum((~np.isnan(each)).sum(axis=1, keepdims=True), 1)
        mean = np.nansum(each, axis=1, keepdims=True) / services
        sd = np.sqrt(np.nansum((each - mean) ** 2, axis=1, keepdims=True) / services)
        found[rows] = _discordant(each[0], (each / np.where(sd > 0, sd, 1)).mean(axis=0))
    return found


@measure(
    "share of pairs of services that the cashable account ranks differently in odd and in even months (noise)",
    watch=True,
)
def rank_changes_by_noise(outcomes: Outcomes, accounts: ServiceAccounts) -> np.ndarray:
    found = np.full(len(outcomes.runs), np.nan)
    for rows, path in outcomes.paths():
        odd, even = (_per_pound(half)[0] for half in accounts.sums[id(path)])
        found[rows] = _discordant(odd, even)
    return found
