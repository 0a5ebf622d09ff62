"""Surveys of people whose true values are known: for the example that ships and for the study of the method.

Nothing here is data. Values are role profiles with shares of service and person (docs/ODD.md §4); answers are true
values with an error, put on five steps; so clipped, rounded and partly missing like real ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from valign.model.scenario.scenario import DIMENSIONS, Scenario

from ..data.answers import Answers

SHARES = (0.80, 0.08, 0.12)  # staff, managers, peers
PROFILES = ("staff_generic", "manager", "peer")


@dataclass(eq=False)
class Truth:
    """Who there is and what is true of them: own, reads [N × K] in [0, 1]; judged [N]; climate of services [G]."""

    person: list[str]
    service: np.ndarray
    role: np.ndarray
    own: np.ndarray
    reads: np.ndarray
    judged: np.ndarray
    climate: np.ndarray
    intended: np.ndarray
    emphasis: np.ndarray

    def fit(self) -> np.ndarray:
        """True fit [N]."""
        return 1 - np.abs(self.own - self.reads) @ self.emphasis


def truth(
    rng: np.random.Generator,
    services: int = 20,
    people: int = 30,
    value_sd: float = 0.175,
    service_share: float = 0.07,
    clarity: float = 0.45,
    reading_sd: float = 0.2,
    profiles: tuple[str, ...] = PROFILES,
    intended: np.ndarray | None = None,
) -> Truth:
    """A population: role profiles of the scenario housing-first, values and readings drawn as the model draws them."""
    scenario = Scenario.load("housing-first")
    m = np.array([scenario.innovation.values[d] for d in DIMENSIONS]) if intended is None else intended
    emphasis = np.array([scenario.innovation.emphasis[d] for d in DIMENSIONS])
    means = np.array([[scenario.profiles[p][d] for d in DIMENSIONS] for p in profiles])
    service = np.repeat(np.arange(services), people)
    role = rng.choice(len(SHARES), services * people, p=SHARES)
    K, N = len(DIMENSIONS), services * people
    culture = rng.standard_normal((services, K))
    zeta = np.sqrt(service_share) * culture[service] + np.sqrt(1 - service_share) * rng.standard_normal((N, K))
    own = np.clip(means[role] + value_sd * zeta, 0, 1)
    reads = np.clip(m + (1 - clarity) * reading_sd * rng.standard_normal((N, K)), 0, 1)
    order = {"staff": 0, "manager": 1, "peer": 2}
    climate = np.clip(0.45 + 0.15 * rng.standard_normal(services), 0.02, 0.98)
    made = Truth(
        [f"P{n + 1:03d}" for n in range(N)], service, np.array([*order.values()])[role], own, reads,
        np.zeros(N), climate, m, emphasis,
    )  # fmt: skip
    made.judged = np.clip(made.fit() + 0.05 * rng.standard_normal(N), 0, 1)
    return made


def error_sd(reliability: float, sd: float = 0.175) -> float:
    """Of one item, so that the mean of two has this reliability where true values have the standard deviation `sd`."""
    return sd * np.sqrt(2 * (1 - reliability) / reliability)


def asked(
    made: Truth,
    rng: np.random.Generator,
    rows: np.ndarray,
    reliability: float,
    missing: float = 0.0,
    coarse: bool = True,
) -> Answers:
    """What the people in `rows` answer, with errors in each item, so that two items reach a reliability."""
    errors = error_sd(reliability), error_sd(reliability, 0.11)

    def items(true: np.ndarray, count: int, error: float = errors[1]) -> np.ndarray:
        drawn = true[..., None] + error * rng.standard_normal((*true.shape, count))
        drawn = np.clip(np.round(4 * drawn) / 4, 0, 1) if coarse else drawn
        return np.where(rng.random(drawn.shape) < missing, np.nan, drawn)

    G = len(made.climate)
    return Answers(
        "Housing First", "housing-first", DIMENSIONS, made.intended, made.emphasis,
        [made.person[row] for row in rows], made.service[rows], [f"service {g + 1}" for g in range(G)],
        made.role[rows].astype(np.int64), items(made.own[rows], 2, errors[0]), items(made.reads[rows], 2),
        items(made.judged[rows], 2), items(np.full(len(rows), 0.5), 2), items(np.full(len(rows), 0.4), 2),
        items(made.climate[made.service[rows]], 3), np.ones(len(rows), np.int64), [[] for _ in rows],
        np.bincount(made.service, minlength=G).astype(float), [""] * G,
    )  # fmt: skip


def sample(made: Truth, rng: np.random.Generator, answers: int) -> np.ndarray:
    """Rows of so many people in each service, drawn at random."""
    return np.sort(
        np.concatenate(
            [
                rng.choice(
                    np.flatnonzero(made.service == g), min(answers, int((made.service == g).sum())), replace=False
                )
                for g in range(len(made.climate))
            ]
        )
    )


@dataclass(frozen=True)
class Moves:
    """What happens between two waves: shift and scatter of values, of the version [K], clearer readings, judgement."""

    people: np.ndarray | float = 0.0
    scatter: float = 0.0
    version: np.ndarray | float = 0.0
    clearer: float = 0.0  # share of every personal reading that goes
    judgement: float = 0.0
    leaving: float = 0.0
    selective: float = 0.0  # extra log odds of leaving per 0.10 less fit


def later(made: Truth, rng: np.random.Generator, moves: Moves, fresh: Truth) -> tuple[Truth, np.ndarray]:
    """The second wave: a truth of as many people, and who of them is new (taken from `fresh`)."""
    fit = made.fit()
    odds = (
        np.log(moves.leaving / (1 - moves.leaving)) - moves.selective * (fit - fit.mean()) / 0.1
        if moves.leaving
        else -np.inf
    )
    new = rng.random(len(fit)) < 1 / (1 + np.exp(-np.asarray(odds) * np.ones(len(fit))))
    middle = made.own.mean(axis=0)
    own = made.own + moves.people + moves.scatter * (made.own - middle)
    reads = made.intended + (1 - moves.clearer) * (made.reads - made.intended) + moves.version
    own, reads = np.clip(own, 0, 1), np.clip(reads, 0, 1)
    own, reads = np.where(new[:, None], fresh.own, own), np.where(new[:, None], fresh.reads, reads)
    role = np.where(new, fresh.role, made.role)
    person = [f"N{n + 1:03d}" if new[n] else name for n, name in enumerate(made.person)]
    found = replace(made, own=own, reads=reads, role=role, person=person)
    apart = np.where(new, fresh.judged - fresh.fit(), made.judged - fit)
    found.judged = np.clip(found.fit() + apart + moves.judgement, 0, 1)
    return found, new
