"""What was recorded of the runs of a block, and what several estimators take from it: arrays, runs last; no tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit

from valign.experiments.outcomes import Outcomes
from valign.model.parameters import ROLES
from valign.model.scenario.scenario import Scenario
from valign.model.state.arrays import STAGES

FOLLOWED = 24  # months in which adoption is followed, as in the studies
FEWEST = 10  # adoptions, under which nothing is estimated
WEAKEST_RIDGE = 1e-3  # that makes every fit converge; far from biasing a slope
ENGAGED, AWARE = STAGES.index("engaged"), STAGES.index("aware")
STAFF, COMMISSIONER = (ROLES.index(role) for role in ("staff", "commissioner"))


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
        z = fit / masked_sd(fit, self.first[0])
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


def masked_sd(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
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
