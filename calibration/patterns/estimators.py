"""How each pattern is estimated from simulated runs: as it was from the real data, for all runs of a block at once.

An estimator takes what was seen in each arm of its question and gives one number a run, on the scale of comparison
(log ratios for ratios), NaN where there is nothing to estimate. Arrays have runs last. Nothing here builds a table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit
from scipy.stats import rankdata

from valign.experiments.outcomes import Outcomes
from valign.model.errors import unknown
from valign.model.outcomes import OUTCOMES
from valign.model.parameters import PARAMETERS, ROLES
from valign.model.scenario.scenario import Scenario
from valign.model.state.arrays import SERVICE_STAGES, STAGES

FOLLOWED = 24  # months in which adoption is followed, as in the studies
FEWEST = 10  # adoptions, under which nothing is estimated
WEAKEST_RIDGE = 1e-3  # that makes every fit converge; far from biasing a slope
BEFORE, AFTER, LATER = 12, 36, 32  # months: of a change or a ranking, and of what follows
ENGAGED, AWARE = STAGES.index("engaged"), STAGES.index("aware")
STAFF, COMMISSIONER = (ROLES.index(role) for role in ("staff", "commissioner"))
IN_USE = [SERVICE_STAGES.index(each) for each in ("piloting", "commissioned", "sustained")]
OUTSIDE = SERVICE_STAGES.index("outside")


@dataclass(eq=False)
class Seen:
    """What was recorded of the runs of one block in one arm."""

    scenario: Scenario
    outcomes: Outcomes
    parameters: dict[str, np.ndarray]  # by name, of each run

    @cached_property
    def _people(self) -> tuple[np.ndarray, np.ndarray, Callable[..., np.ndarray]]:
        ((_, role, service, of),) = self.outcomes.blocks_of_people()
        return role, service, of

    @property
    def role(self) -> np.ndarray:
        """Role of each person."""
        return self._people[0]

    @property
    def service(self) -> np.ndarray:
        """Service of each person (of commissioners: how many services there are)."""
        return self._people[1]

    def person(self, variable: str, month: int | slice = slice(None)) -> np.ndarray:
        """[people, runs] at a month, or [months, people, runs]."""
        return self._people[2](variable, month)

    def place(self, variable: str) -> np.ndarray:
        """[months, services, runs]."""
        ((_, _, at),) = self.outcomes.blocks_of_services()
        return at(variable)

    @cached_property
    def group(self) -> np.ndarray:
        """Group of each service."""
        return np.repeat(np.arange(len(self.scenario.organisations)), [g.count for g in self.scenario.organisations])

    @cached_property
    def first(self) -> np.ndarray:
        """Whether a member's post is held by the first holder [months, people, runs]."""
        member = (self.role != COMMISSIONER)[None, :, None]
        return (self.person("holder") == 0) & member

    @cached_property
    def stage(self) -> np.ndarray:
        """Stage of each person [months, people, runs]."""
        return self.person("stage")

    @cached_property
    def adoption(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each person [people, runs]: month of adoption by the first holder (0: never), last month in the post, and
        whether they are counted (members who did not use it at the start)."""
        used = self.first & (self.stage == ENGAGED)
        month = np.where(used.any(axis=0), used.argmax(axis=0), 0)
        return month, self.first.sum(axis=0) - 1, self.first[0] & (self.stage[0] != ENGAGED)

    @cached_property
    def hazard(self) -> np.ndarray:
        """Log-odds of adopting in a month at risk for fit, exposure (per SD) and their product [3, runs], with role,
        service and log month as controls."""
        return self._logit(by_service=True)

    @cached_property
    def community(self) -> np.ndarray:
        """Log-odds for the share of one's own service and of one's own ties, together [2, runs], with fit, role and log
        month as controls."""
        return self._logit(by_service=False)

    def _logit(self, by_service: bool) -> np.ndarray:
        months = min(FOLLOWED, self.scenario.months)
        before, stage = self.stage[:months], self.stage[1 : months + 1]
        ever = np.maximum.accumulate(before == ENGAGED, axis=0)
        risk = np.moveaxis(self.first[1 : months + 1] & (before == AWARE) & ~ever, 0, 2)  # people x runs x months
        risk = np.swapaxes(risk, 0, 1)  # runs x people x months, so that rows of a run and service stand together
        run, person, t = np.nonzero(risk)
        runs = self.stage.shape[-1]
        fit = self.person("alignment", 0)
        z = fit / _masked_sd(fit, self.first[0])
        exposed = self.person("exposure", slice(0, months))[t, person, run]
        y = (stage[t, person, run] == ENGAGED).astype(float)
        roles = [
            (self.role[person] == each).astype(float) for each in range(len(ROLES)) if each not in (STAFF, COMMISSIONER)
        ]
        controls = [np.log(t + 1.0), *roles]
        of_fit = z[person, run]
        if by_service:
            x, e = (each - _mean_by(each, run, runs)[run] for each in (of_fit, exposed))
            e = e / np.maximum(np.sqrt(_mean_by(e**2, run, runs)), 1e-9)[run]
            columns, wanted = [x, e, x * e, *controls], 3
            group = run * (len(self.group) + 1) + self.service[person]
        else:
            share = self.place("engaged")[t, self.service[person], run]
            columns, wanted = [share, exposed, of_fit, *controls], 2
            group = run
        enough = np.bincount(run, y, runs) >= FEWEST
        found = grouped_logit(y, np.stack(columns, axis=1), group, run, runs)[:, :wanted].T
        return np.where(enough, found, np.nan)


def _mean_by(values: np.ndarray, run: np.ndarray, runs: int) -> np.ndarray:
    return np.bincount(run, values, runs) / np.maximum(np.bincount(run, minlength=runs), 1)


def _masked_sd(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Standard deviation over people where the mask holds [runs]."""
    n = mask.sum(axis=0)
    mean = np.where(mask, values, 0).sum(axis=0) / n
    return np.sqrt(np.where(mask, (values - mean) ** 2, 0).sum(axis=0) / (n - 1))


def grouped_logit(y: np.ndarray, x: np.ndarray, group: np.ndarray, run: np.ndarray, runs: int) -> np.ndarray:
    """Slopes [runs, k] of logistic regressions, one a run, with an intercept for every group.

    y [n] of 0 and 1, x [n, k]; group and run [n], both ascending, a group within a run. The intercepts are eliminated
    (Schur complement), so that a step of Newton's method solves k equations a run. Both are held by the weakest ridge.
    """
    if not len(y):
        return np.full((runs, x.shape[1]), np.nan)
    starts = np.flatnonzero(np.r_[True, np.diff(group) != 0])
    place = np.cumsum(np.r_[0, np.diff(group) != 0])  # of each row, the number of its group
    group_run = run[starts]
    there, first = np.unique(run, return_index=True)
    ends = np.r_[first[1:], len(run)]
    x = (
        x
        - np.add.reduceat(x, first, axis=0)[np.searchsorted(there, run)]
        / (ends - first)[np.searchsorted(there, run), None]
    )
    k = x.shape[1]
    count = np.add.reduceat(np.ones(len(y)), starts)
    a = np.log((np.add.reduceat(y, starts) + 0.05) / (count - np.add.reduceat(y, starts) + 0.95))
    b = np.zeros((runs, k))
    for _ in range(6):
        p = expit(a[place] + np.einsum("nk,nk->n", x, b[run]))
        w, r = p * (1 - p), y - p
        weight = np.add.reduceat(w, starts) + WEAKEST_RIDGE
        s = np.add.reduceat(w[:, None] * x, starts, axis=0)
        residual = np.add.reduceat(r, starts) - WEAKEST_RIDGE * a
        step = np.zeros((runs, k))
        gradient, curvature = np.zeros((runs, k)), np.tile(np.eye(k), (runs, 1, 1))
        for one, low, high in zip(there, first, ends, strict=True):
            part = x[low:high]
            curvature[one] = (part * w[low:high, None]).T @ part + WEAKEST_RIDGE * np.eye(k)
            gradient[one] = part.T @ r[low:high] - WEAKEST_RIDGE * b[one]
        np.subtract.at(curvature, group_run, s[:, :, None] * s[:, None, :] / weight[:, None, None])
        np.subtract.at(gradient, group_run, s * (residual / weight)[:, None])
        step = np.clip(np.linalg.solve(curvature, gradient[..., None])[..., 0], -2, 2)
        b += step
        a += np.clip((residual - np.einsum("gk,gk->g", s, step[group_run])) / weight, -2, 2)
    return b


def correlation(x: np.ndarray, y: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Correlation over the first axis where the mask holds [runs]; NaN for fewer than three."""
    n = mask.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        dx, dy = (np.where(mask, v - np.where(mask, v, 0).sum(axis=0) / n, 0) for v in (x, y))
        found = (dx * dy).sum(axis=0) / np.sqrt((dx**2).sum(axis=0) * (dy**2).sum(axis=0))
    return np.where(n > 2, found, np.nan)


def service_means(seen: Seen, values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean over the members of each service for whom the mask holds: [people, runs] to [services, runs]."""
    own = (seen.service[None, :] == np.arange(len(seen.group))[:, None]).astype(float)
    with np.errstate(invalid="ignore"):
        return (own @ np.where(mask, values, 0.0)) / (own @ mask.astype(float))


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
        moved.append((np.abs(end - start) / _masked_sd(own, staff)).max(axis=0))
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
        return np.where(n > 2, gained / n / _masked_sd(at[0][1][BEFORE], there), np.nan)


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
