"""How each pattern is estimated from simulated runs: as it was from the real data, for all runs of a block at once.

An estimator takes what was seen in each arm of its question and gives one number a run, on the scale of comparison
(log ratios for ratios), NaN where there is nothing to estimate. Arrays have runs last. Nothing here builds a table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import rankdata

from valign.model.errors import unknown
from valign.model.outcomes import OUTCOMES
from valign.model.parameters import PARAMETERS
from valign.model.state.arrays import SERVICE_STAGES

from .seen import AWARE, COMMISSIONER, ENGAGED, FOLLOWED, STAFF, Seen, correlation, masked_sd, service_means

BEFORE, AFTER, LATER = 12, 36, 32  # months: of a change or a ranking, and of what follows
IN_USE = [SERVICE_STAGES.index(each) for each in ("piloting", "commissioned", "sustained")]
OUTSIDE = SERVICE_STAGES.index("outside")


# --- people ----------------------------------------------------------------------------------------------------------
def auc(seen: Seen) -> np.ndarray:
    """Area under the curve: alignment at the start alone for adoption within two years."""
    month, last, counted = seen.adoption
    early = counted & (month > 0) & (month <= FOLLOWED)
    known = counted & (early | (np.where(month > 0, month, last) >= FOLLOWED))
    fit, found = seen.person("alignment", 0), np.full(month.shape[1], np.nan)
    for run in range(len(found)):
        yes = early[known[:, run], run]
        if pairs := yes.sum() * (~yes).sum():
            ranks = rankdata(fit[known[:, run], run])
            found[run] = (ranks[yes].sum() - yes.sum() * (yes.sum() + 1) / 2) / pairs
    return found


def spearman(seen: Seen) -> np.ndarray:
    """Rank correlation of alignment at the start and month of adoption; who stayed without adopting comes last."""
    month, last, counted = seen.adoption
    kept = counted & ((month > 0) | (last == seen.scenario.months))
    time = np.where(month > 0, month, seen.scenario.months + 1)
    fit, found = seen.person("alignment", 0), np.full(month.shape[1], np.nan)
    for run in range(len(found)):
        here = kept[:, run]
        if here.sum() > 2:
            found[run] = np.corrcoef(rankdata(fit[here, run]), rankdata(time[here, run]))[0, 1]
    return found


def largest_shift(seen: Seen) -> np.ndarray:
    """Largest move of the mean of a value among the staff of a service, in SD a year over the whole run."""
    staff = np.broadcast_to((seen.role == STAFF)[:, None], seen.stage.shape[1:])
    moved = []
    for name in seen.scenario.dimensions:
        start, end = (service_means(seen, seen.person(name, month), staff) for month in (0, seen.scenario.months))
        own = seen.person(name, 0) - start[np.minimum(seen.service, len(start) - 1)]
        moved.append((np.abs(end - start) / masked_sd(own, staff)).max(axis=0))
    return np.max(moved, axis=0) / (seen.scenario.months / 12)


def opposed(seen: Seen) -> np.ndarray:
    """Correlation, over people who stayed, of changes in client agency and in safety and rules."""
    end = min(AFTER, seen.scenario.months)
    moved = [seen.person(name, end) - seen.person(name, 0) for name in ("client_agency", "safety_and_rules")]
    return correlation(*moved, mask=seen.first[end])


def alignment_and_use(seen: Seen) -> np.ndarray:
    """Correlation after two years of alignment and having used it, over those who know it."""
    month = min(FOLLOWED, seen.scenario.months)
    used = (seen.stage[: month + 1] == ENGAGED).any(axis=0).astype(float)
    return correlation(seen.person("alignment", month), used, seen.first[month] & (seen.stage[month] >= AWARE))


def alignment_and_identification(seen: Seen) -> np.ndarray:
    """Correlation after two years of alignment and identification, over those who know it."""
    month = min(FOLLOWED, seen.scenario.months)
    known = seen.first[month] & (seen.stage[month] >= AWARE)
    return correlation(seen.person("alignment", month), seen.person("identification", month), known)


def fit_and_leaving(seen: Seen) -> np.ndarray:
    """Correlation over staff of fit at the start and having left within two years."""
    staff = np.broadcast_to((seen.role == STAFF)[:, None], seen.stage.shape[1:])
    left = (~seen.first[min(FOLLOWED, seen.scenario.months)]).astype(float)
    return correlation(seen.person("fit", 0), left, staff)


def _of_one_kind(seen: Seen) -> np.ndarray:
    """Staff of the group with most services [people]."""
    largest = np.bincount(seen.group).argmax()
    return (seen.role == STAFF) & np.isin(seen.service, np.flatnonzero(seen.group == largest))


def spread_of_agency(seen: Seen) -> np.ndarray:
    """Standard deviation at the start of the value given to clients' agency, over staff of one kind of service."""
    return seen.person("client_agency", 0)[_of_one_kind(seen)].std(axis=0, ddof=1)


def between_services(seen: Seen) -> np.ndarray:
    """Share of the variance of values between services of one kind (one-way analysis of variance), median of values."""
    staff = _of_one_kind(seen)
    service = seen.service[staff]
    own = (service[None, :] == np.unique(service)[:, None]).astype(float)
    sizes = own.sum(axis=1)
    n, k = sizes.sum(), len(sizes)
    typical = (n - (sizes**2).sum() / n) / (k - 1)
    shares = []
    for name in seen.scenario.dimensions:
        x = seen.person(name, 0)[staff]
        means = own @ x / sizes[:, None]
        between = (sizes[:, None] * (means - x.mean(axis=0)) ** 2).sum(axis=0) / (k - 1)
        within = ((x**2).sum(axis=0) - (sizes[:, None] * means**2).sum(axis=0)) / (n - k)
        part = (between - within) / typical
        shares.append(part / (part + within))
    return np.median(shares, axis=0)


# --- services --------------------------------------------------------------------------------------------------------
def used(stage: np.ndarray) -> np.ndarray:
    """Whether services at these stages use the innovation."""
    return np.isin(stage, IN_USE)


def climate_gained(weak: Seen, changed: Seen) -> np.ndarray:
    """Climate gained in two years by services that go from weak to strong leadership, in SD between services before;
    services in use throughout, each against itself without the change."""
    at = [(seen.place("stage"), seen.place("climate")) for seen in (weak, changed)]
    there = np.logical_and.reduce([used(stage[t]) for stage, _ in at for t in (BEFORE, AFTER)])
    n = there.sum(axis=0)
    gained = np.where(there, at[1][1][AFTER] - at[0][1][AFTER], 0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(n > 2, gained / n / masked_sd(at[0][1][BEFORE], there), np.nan)


def practice_by_climate(seen: Seen) -> np.ndarray:
    """Members' practice (0 for those who do not use it) twenty months later in the third of services with the best
    climate less that in the third with the poorest, in SD between members."""
    stage, climate = seen.place("stage"), seen.place("climate")[BEFORE]
    member = seen.role != COMMISSIONER
    practised = np.where(seen.stage[LATER] == ENGAGED, seen.person("practice", LATER), 0.0)[member]
    there = used(stage[BEFORE]) & used(stage[LATER])
    found = np.full(stage.shape[-1], np.nan)
    for run in range(len(found)):
        kept = np.flatnonzero(there[:, run])
        if not (third := len(kept) // 3):
            continue
        ranked = kept[np.argsort(climate[kept, run], kind="stable")]
        poor, good = (practised[np.isin(seen.service[member], each), run] for each in (ranked[:third], ranked[-third:]))
        spread = np.sqrt((good.var(ddof=1) + poor.var(ddof=1)) / 2)
        found[run] = (good.mean() - poor.mean()) / spread if spread > 0 else np.nan
    return found


def gain_of_the_others(without: Seen, leaders: Seen) -> np.ndarray:
    """Share who use it after a year with opinion leaders less without, over those who are no opinion leaders."""
    others = (leaders.role != COMMISSIONER)[:, None] & (leaders.stage[0] != ENGAGED)
    shares = [((seen.stage[-1] == ENGAGED) & others).sum(axis=0) / others.sum(axis=0) for seen in (without, leaders)]
    return shares[1] - shares[0]


def _begun(seen: Seen) -> np.ndarray:
    """Share of the services outside at the start that have begun by each month [months, runs]."""
    stage = seen.place("stage")
    new = stage[0] == OUTSIDE
    begun = np.maximum.accumulate(used(stage), axis=0) & new
    return begun.sum(axis=1) / np.maximum(new.sum(axis=0), 1)


def later_beginnings(seen: Seen) -> np.ndarray:
    """Log of the services that begin in years 4 to 6 over those in years 1 to 3 (half a service added to both)."""
    stage = seen.place("stage")
    begun = _begun(seen) * (stage[0] == OUTSIDE).sum(axis=0)
    return np.log((begun[72] - begun[36] + 0.5) / (begun[36] + 0.5))


def growth(seen: Seen, month: int) -> np.ndarray:
    """Log of the services in use at a month (none: half a service) over those at the start."""
    count = used(seen.place("stage")).sum(axis=1)
    return np.log(np.maximum(count[month], 0.5) / count[0])


def begun(seen: Seen, month: int) -> np.ndarray:
    """Share of the services outside at the start that have begun by a month."""
    return _begun(seen)[month]


def begun_log(seen: Seen, month: int) -> np.ndarray:
    """The same as a logarithm (half a service added)."""
    new = (seen.place("stage")[0] == OUTSIDE).sum(axis=0)
    return np.log((_begun(seen)[month] * new + 0.5) / (new + 0.5))


Estimator = Callable[..., np.ndarray]
OF_AGENTS = ("agents", "services")
PLAIN: dict[str, tuple[Estimator, tuple[str, ...]]] = {
    **{each.__name__: (each, OF_AGENTS) for each in (
        auc, spearman, largest_shift, opposed, alignment_and_use, alignment_and_identification, fit_and_leaving,
        spread_of_agency, between_services, practice_by_climate, gain_of_the_others)},
    **{each.__name__: (each, ("services",)) for each in (climate_gained, later_beginnings)},
    "share_of_service": (lambda seen: seen.community[0], OF_AGENTS),
    "share_of_ties": (lambda seen: seen.community[1], OF_AGENTS),
}  # fmt: skip
ODDS = ("fit", "exposure", "both")


def _taken_apart(name: str) -> tuple[Estimator, tuple[str, ...]]:
    """The function behind an estimator's name, and what has to be recorded. Raises KeyError where there is none."""
    head, _, of = name.partition(":")
    if not of:
        return PLAIN[head]
    if head == "outcome":
        OUTCOMES[of]
        return (lambda seen: seen.outcomes.runs[of].to_numpy(float)), ()
    if head == "odds_ratio":
        row = {each: n for n, each in enumerate(ODDS)}[of]
        return (lambda seen: seen.hazard[row]), OF_AGENTS
    if head == "odds_of":  # asked of a parameter that is a log-odds ratio itself
        PARAMETERS[of]
        return (lambda seen: seen.parameters[of]), ()
    month = int(of) if of.isdigit() else -1
    timed: dict[str, Estimator] = {"growth": growth, "begun": begun, "begun_log": begun_log}
    if month < 0:
        raise KeyError(of)
    function = timed[head]
    return (lambda seen: function(seen, month)), ("services",)


def known(name: str) -> str:
    """What is wrong with the name of an estimator ("": nothing)."""
    try:
        _taken_apart(name)
    except KeyError:
        more = ["outcome:NAME", "odds_ratio:fit", "odds_of:PARAMETER", "growth:MONTH", "begun:MONTH", "begun_log:MONTH"]
        return unknown(name, [*PLAIN, *more], "estimator")
    return ""


def recorded(names: Sequence[str]) -> tuple[str, ...]:
    """What has to be recorded for these estimators."""
    return tuple(sorted({each for name in names for each in _taken_apart(name)[1]}))


def estimate(name: str, arms: Sequence[Seen]) -> np.ndarray:
    """An estimate for each run of a block; arms: what was seen in each."""
    return _taken_apart(name)[0](*arms)
