"""Would this study name the right explanation? Studies are simulated as planned, and judged as they would be.

For each design, studies are simulated in the same numbers from every rival explanation (`rivals.explanations`), with
effects drawn from the plan's ranges; a study sees what its design lets it see: months known to the wave, those who
answer, ties where they are asked. A random forest learns from simulated studies which explanation made them (Pudlo et
al. 2016); the chance of naming the right one is that of studies that a tree has not seen (out of bag).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from statistics import NormalDist

import numpy as np
import pandas as pd

from valign.experiments.design import MAX_SEED, whole
from valign.model.errors import InputError
from valign.results.checkpoint import Arrays, Parts
from valign.results.reports.study import cheapest

from ..abc.posterior import sklearn_ensemble
from ..abc.reduction import Reduction
from ..abc.smc import batch_seeds, one_blas_thread, stream
from ..problem.problem import CalibrationProblem
from ..problem.summaries import Layout, Summariser, auxiliary_fit, person_periods
from ..rivals.explanations import RIVAL_MODELS, rival_problem
from .people import NAME, planned_people
from .plan import Plan, designs_of, read_plan

STUDIES, TREES = 400, 300
WIDTH = 2 * 1.645  # of a 90 % interval, in standard deviations
LEAST_STUDIES, MOST_STUDIES = 50, 20_000


@dataclass(frozen=True, eq=False)
class PlannedStudy:
    """What came of a plan.

    plan : as read. designs : one row per design: its choices, total, cost, chance (of naming the right explanation, the
    rivals pooled), low, high (95 %), width of the 90 % interval of each effect, power (of the plain regression to show
    that values matter). confusion : design, truth, and the share of studies in which each explanation is named.
    studies : of each explanation and design.
    """

    plan: Plan
    designs: pd.DataFrame
    confusion: pd.DataFrame
    studies: int

    @property
    def cheapest(self) -> pd.Series | None:
        """The cheapest design that reaches what is enough; None where none does."""
        return cheapest(self.designs, self.plan.enough)


def plan_study(
    plan: str | Path | dict[str, Any] | Plan,
    seed: int = 1,
    *,
    studies: int = STUDIES,
    folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PlannedStudy:
    """How likely a planned study is to name the right explanation, by design, and how wide each effect will be.

    Parameters
    ----------
    plan : a TOML file, or what it holds (docs/how-to/plan-a-study.md).
    seed : the same seed gives the same numbers. studies : simulated of each explanation for each design.
    folder : keeps what is finished. progress : called with (simulations done, in all).

    Raises
    ------
    InputError : everything wrong with the plan; scikit-learn missing.
    """
    made = plan if isinstance(plan, Plan) else read_plan(plan)
    seed, studies = whole("seed", seed, 0, MAX_SEED), whole("studies", studies, LEAST_STUDIES, MOST_STUDIES)
    sklearn_ensemble()
    designs = designs_of(made)
    sizes = designs[["services", "people", "months"]].drop_duplicates()
    kept = Parts(folder, {"plan": made.model_dump(mode="json"), "seed": seed, "studies": studies}, "planned study",
                 lambda text: InputError([text]))  # fmt: skip
    rows: list[dict[str, Any]] = []
    confusions: list[pd.DataFrame] = []
    for place, (services, people, months) in enumerate(sizes.to_numpy(int).tolist()):
        same = (designs[list(sizes)] == [services, people, months]).all(axis=1)
        simulated = _Simulated.of(made, (services, people, months), studies, seed, kept)
        for number, design in designs[same].iterrows():
            row, confusion = _judged(made, simulated, design, seed)
            rows.append({"design": number, **row})
            confusions.append(confusion.assign(design=int(str(number))))
        if progress is not None:
            progress((place + 1) * studies * len(RIVAL_MODELS), len(sizes) * studies * len(RIVAL_MODELS))
    table = designs.join(pd.DataFrame(rows).set_index("design")).rename_axis("design").reset_index()
    return PlannedStudy(made, table, pd.concat(confusions, ignore_index=True).sort_values("design"), studies)


@dataclass(frozen=True, eq=False)
class _Simulated:
    """Studies of one size from all explanations: periods of adoption [N x n] and parameters in probit space by name."""

    problem: CalibrationProblem
    times: dict[str, np.ndarray]
    u: np.ndarray  # of the full model [n x d]

    @classmethod
    def of(
        cls, plan: Plan, size: tuple[int, int, int], studies: int, seed: int, kept: Parts, others: int = 0
    ) -> _Simulated:
        """others : other than 0, the same people with other histories."""
        services, people, months = size
        data = planned_people(
            services, people, months, plan.ties, (plan.value_mean, plan.value_sd), plan.innovation, seed
        )
        bounds: dict[str, tuple[float, float] | None] = {name: (low, high) for name, (low, high) in plan.effects}
        problem = CalibrationProblem.of(data, free=bounds)
        parts = {
            name: kept.part(
                f"studies-{services}-{people}-{months}-{name}",
                partial(_simulate, rival_problem(problem, name), studies, seed, 100 * others + number),
            )
            for number, name in enumerate(RIVAL_MODELS)
        }
        return cls(problem, {name: part["times"] for name, part in parts.items()}, parts["full"]["u"])


def _simulate(problem: CalibrationProblem, studies: int, seed: int, number: int) -> Arrays:
    u = np.random.default_rng(stream(seed, 210_000 + number, 0, 0)).standard_normal((studies, len(problem.prior)))
    _, times = problem.run(problem.prior.theta(u), batch_seeds(seed, 210_000 + number, 0, studies), times=True)
    assert times is not None
    return {"u": u, "times": times}


def seen(layout: Layout, times: np.ndarray, design: Any, seed: int) -> tuple[Layout, np.ndarray]:
    """What a design sees: the layout in waves, and the waves of adoption [N x n] (0: not while observed)."""
    waves, months = int(design["waves"]), int(design["months"])
    wave = np.ceil(times * waves / months).astype(np.int32)
    answers = np.random.default_rng([seed, 220_000]).random(len(layout.until)) < design["answer"]
    until = np.where(answers, waves, 0).astype(np.int32)
    own = replace(layout, until=until, time=np.zeros(len(until), np.int32))
    if not design["ties"]:
        nothing = np.zeros(0, layout.neighbour.dtype)
        own = replace(own, start=np.zeros_like(layout.start), neighbour=nothing, weight=np.zeros(0))
    return own, np.where(answers[:, None], wave, 0)


@one_blas_thread()
def _judged(plan: Plan, simulated: _Simulated, design: Any, seed: int) -> tuple[dict[str, Any], pd.DataFrame]:
    """What a design is worth: its row of `PlannedStudy.designs`, and its confusion matrix."""
    layout = simulated.problem.layout
    assert layout is not None
    names = list(simulated.times)
    observed = {name: seen(layout, times, design, seed) for name, times in simulated.times.items()}
    own, full = observed["full"]
    typical = int(np.argsort((full > 0).mean(axis=0))[full.shape[1] // 2])
    reference = replace(own, time=full[:, typical].astype(np.int32))
    summariser = Summariser(reference)
    tables = [summariser(np.ascontiguousarray(waves, np.int32)).T for _, waves in observed.values()]
    truth = np.repeat(np.arange(len(names)), [len(table) for table in tables])
    guess = _named(np.concatenate(tables), truth, len(names), seed)
    right = float((guess == truth).mean())
    n = len(truth)
    half = 1.96 * np.sqrt(right * (1 - right) / n + 1e-9)
    widths = _widths(plan, simulated, tables[names.index("full")])
    power = _power(reference, full, simulated)
    confusion = pd.DataFrame(
        [[float((guess[truth == a] == b).mean()) for b in range(len(names))] for a in range(len(names))], columns=names
    )
    confusion.insert(0, "truth", names)
    row = {"chance": right, "low": max(0.0, right - half), "high": min(1.0, right + half), **widths, "power": power}
    return row, confusion


def _named(summaries: np.ndarray, truth: np.ndarray, models: int, seed: int) -> np.ndarray:
    """Which explanation a random forest names for each study, by the trees that have not seen it."""
    forest = sklearn_ensemble().RandomForestClassifier(
        TREES, min_samples_leaf=3, oob_score=True, n_jobs=1, random_state=seed % 2**32
    )
    forest.fit(summaries, truth)
    votes: np.ndarray = np.nan_to_num(forest.oob_decision_function_, nan=1.0 / models)
    return votes.argmax(axis=1)


def _widths(plan: Plan, simulated: _Simulated, summaries: np.ndarray) -> dict[str, float]:
    """Width of the 90 % interval of each effect, as a regression of the effect on the summaries leaves it open."""
    prior = simulated.problem.prior
    theta = prior.theta(simulated.u)
    left = Reduction(theta, summaries).unit * np.sqrt(len(theta) / max(1, len(theta) - 2 * summaries.shape[1] - 1))
    wide = np.minimum(WIDTH * left, 0.9 * (prior.high - prior.low))
    return {f"width_{name}": float(wide[k]) for k, name in enumerate(prior.names)}


def _power(reference: Layout, waves: np.ndarray, simulated: _Simulated) -> float:
    """Power (5 %, two-sided) of the plain regression to show that values matter, if communities do not differ."""
    shown: list[float] = []
    for column in range(0, waves.shape[1], max(1, waves.shape[1] // 5)):
        layout = replace(reference, time=waves[:, column].astype(np.int32))
        if not (layout.time > 0).any():
            shown.append(0.05)
            continue
        beta, rows = auxiliary_fit(layout), person_periods(layout)
        time, exposure, own = (rows[name].to_numpy(float) for name in ("period", "exposure", f"z_{NAME}"))
        x = np.column_stack([np.ones(len(rows)), time / layout.periods, exposure, own])
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ beta, -30, 30)))
        covariance: np.ndarray = np.linalg.pinv((x * (p * (1 - p))[:, None]).T @ x)
        error = float(np.sqrt(covariance[3, 3]))
        strength = abs(beta[3]) / max(error, 1e-9)
        shown.append(NormalDist().cdf(strength - 1.96) + NormalDist().cdf(-strength - 1.96))
    return float(np.mean(shown))


def fresh_chance(
    plan: Plan, planned: PlannedStudy, number: int, studies: int = 400, seed: int = 1
) -> tuple[float, float]:
    """The chance of a design over fresh studies of the same people, named by a forest of others, and its error."""
    design = planned.designs.iloc[number]
    size = (int(design["services"]), int(design["people"]), int(design["months"]))
    both = [_Simulated.of(plan, size, planned.studies, seed, Parts())]
    both.append(_Simulated.of(plan, size, studies, seed, Parts(), others=1))
    layout = both[0].problem.layout
    assert layout is not None
    own, full = seen(layout, both[0].times["full"], design, seed)
    typical = int(np.argsort((full > 0).mean(axis=0))[full.shape[1] // 2])
    summariser = Summariser(replace(own, time=full[:, typical].astype(np.int32)))

    def summaries(part: _Simulated) -> np.ndarray:
        waves = [seen(layout, times, design, seed)[1] for times in part.times.values()]
        return np.concatenate([summariser(np.ascontiguousarray(each, np.int32)).T for each in waves])

    x = [summaries(part) for part in both]
    models = len(RIVAL_MODELS)
    forest = sklearn_ensemble().RandomForestClassifier(TREES, min_samples_leaf=3, n_jobs=1, random_state=seed)
    forest.fit(x[0], np.repeat(np.arange(models), planned.studies))
    right = float((forest.predict(x[1]) == np.repeat(np.arange(models), studies)).mean())
    return right, float(np.sqrt(right * (1 - right) / (models * studies)))
