"""A calibration problem: data, a scenario and free parameters, as a simulator of summaries.

Rows of a design go through the blocks of `experiments.simulate`; a block is reduced to summaries where it ran, so
nothing but a few numbers a run (and, where asked, the periods of adoption) leaves it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.experiments.bases import imported, society_hash
from valign.experiments.design import society_seeds
from valign.experiments.design_check import check_design, varies_in_block
from valign.experiments.blocks import Block
from valign.experiments.simulate import SHARED_PEOPLE, Task, plan, run_jobs
from valign.experiments.stopping import STOP
from valign.model.compiled.compiling import sources_hash
from valign.model.errors import InputError, unknown
from valign.model.outcomes import OUTCOME, PATH
from valign.model.parameters import PARAMETERS
from valign.model.reading import parse_toml
from valign.model.run.block import Recorded, run_block
from valign.model.scenario.scenario import Scenario
from valign.model.scenario.settings import declared, parsed
from valign.model.society.generate import Society
from valign.model.state.arrays import State

from ..data.schema import Curve, Data, Differences, Pattern
from .given import scenario_for, society_of_data
from .differences import Offsets, covariates_of, offsets_of, signed, wanted, with_baseline
from .priors import MOST_FREE, Prior
from .spread import NAMES as SPREAD
from .spread import spread_summaries
from .summaries import Layout, Summariser, knots

Free = Sequence[str] | Mapping[str, tuple[float, float] | None]
# How fast anybody takes anything up differs by orders of magnitude between fields, so the level gets a wide range; the
# others have the plausible ranges of their declarations.
DEFAULT_FREE: dict[str, tuple[float, float] | None] = {
    "base_staff": (-6.0, 0.0),
    "fit_effect": None,
    "peer_effect": None,
    "norm_effect": None,
    "awareness_in_service": None,
}
GENERATED_SOCIETIES = 16
ERROR = 301  # purpose of the random stream of observation errors


def prior_of(free: Free, scenario: Scenario, offsets: Offsets | None = None) -> Prior:
    """The prior of up to eight free parameters; see `bounds_of`. offsets : terms that are free besides."""
    given = dict(free) if isinstance(free, Mapping) else dict.fromkeys(free)
    own = {} if offsets is None else {name: given.pop(name, None) or limits for name, limits in offsets.bounds.items()}
    bounds = {**bounds_of(given, scenario), **own}
    return Prior.of(bounds, [name for name in bounds if name in PARAMETERS and PARAMETERS[name].integer])


def bounds_of(free: Free, scenario: Scenario) -> dict[str, tuple[float, float]]:
    """Ranges of the free parameters: those given, else the plausible ranges of their declarations.

    Raises InputError for names that are none, that cannot vary between runs of one society, or have no declared range.
    """
    given = dict(free) if isinstance(free, Mapping) else dict.fromkeys(free)
    problems: list[str] = []
    bounds: dict[str, tuple[float, float]] = {}
    allowed = [name for name in scenario.settable() if varies_in_block(name) and parsed(name).section != "changes"]
    for name, limits in given.items():
        if name not in allowed:
            problems.append(
                f"--free {name}: shapes the society itself and cannot be fitted"
                if name in PARAMETERS
                else f"--free {unknown(name, allowed, 'parameter')}"
            )
            continue
        parameter = declared(name)
        if limits is None and parameter is None:
            problems.append(f"--free {name}: has no declared range: give one, e.g. --free {name}=0.4:0.9")
            continue
        low, high = (
            (parameter.low, parameter.high) if limits is None and parameter is not None else limits or (0.0, 0.0)
        )
        if parameter is not None and not parameter.minimum <= low <= high <= parameter.maximum:
            problems.append(
                f"--free {name}={low:g}:{high:g}: expected limits within {parameter.minimum:g} to {parameter.maximum:g}"
            )
        bounds[name] = (float(low), float(high))
    if problems:
        raise InputError(problems)
    return bounds


def terms_of(
    data: Data, asked: Differences, scenario: Scenario, society: Society | None
) -> tuple[pd.DataFrame | None, Offsets | None]:
    """Covariates of people, and the terms that a fit has besides the scenario's parameters; None where it has none."""
    covariates = covariates_of(data, asked.covariates) if asked.covariates else None
    layout = None
    if asked != Differences(signed=asked.signed) and data.people is not None and society is not None:
        layout = Layout.of(data, society, scenario, covariates)
    return covariates, offsets_of(data, asked, layout, scenario)


@dataclass(eq=False)
class BlockSummaries:
    """What is kept of a block of W runs: summaries [s x W], periods of adoption [N x W] or None."""

    summaries: np.ndarray
    times: np.ndarray | None


@dataclass(eq=False)
class SummarisingTask(Task):
    """A task whose blocks are reduced where they ran."""

    reduce: Callable[[State, Recorded, Block], BlockSummaries] | None = None
    added: Callable[[Block], np.ndarray | None] | None = None  # to people's log-odds of adopting [N x W]

    def run(self, block: Block, threads: int = 1) -> BlockSummaries:  # type: ignore[override]
        state = self.state(block)
        if self.added is not None and (more := self.added(block)) is not None:
            state.frailty[...] += more
        shared = threads if self.people >= SHARED_PEOPLE else 1
        recorded = run_block(self.lowered, state, cancelled=STOP.is_set, threads=shared)
        assert self.reduce is not None
        return self.reduce(state, recorded, block)


@dataclass(eq=False)
class CalibrationProblem:
    """Data, scenario and free parameters. `simulate(theta, seeds)` is what `smc` calls."""

    data: Data
    scenario: Scenario
    prior: Prior
    society: Society | None = None
    threads: int | None = None
    offsets: Offsets | None = None
    covariates: pd.DataFrame | None = None
    left: tuple[str, ...] = ()  # parameters free by default, had there been room for them

    @classmethod
    def of(
        cls,
        data: Data,
        scenario: Scenario | str | Path | None = None,
        free: Free | None = None,
        *,
        society: Society | None = None,
        threads: int | None = None,
        differences: Differences | Mapping[str, object] | None = None,
    ) -> CalibrationProblem:
        """Check and assemble; the scenario runs for as many months as there are periods observed.

        differences : what the fit allows for besides the scenario (`data.schema.Differences`), together with what the
        description of the data says.
        """
        made = scenario_for(data, scenario)
        given = None if free is None else dict(free) if isinstance(free, Mapping) else dict.fromkeys(free)
        asked = wanted(data, differences, given or ())
        if society is None and data.people is not None:
            society = society_of_data(data, made)
        covariates, offsets = terms_of(data, asked, made, society)
        left: tuple[str, ...] = ()
        if given is None:
            names = [name for name in DEFAULT_FREE if not (asked.each_orientation and name == "fit_effect")]
            room = max(1, MOST_FREE - (0 if offsets is None else len(offsets.bounds)))
            given, left = {name: DEFAULT_FREE[name] for name in names[:room]}, tuple(names[room:])
        if asked.each_orientation:
            if "fit_effect" in given:
                raise InputError(
                    ["--free fit_effect: an effect of the sum has no place beside one of each orientation"]
                )
            made = made.replace({"fit_effect": 0.0})
        prior = prior_of(signed(given) if asked.signed else given, made, offsets)
        if offsets is not None:
            made = with_baseline(made, offsets)
        return cls(data, made, prior, society, threads, offsets, covariates, left)

    @cached_property
    def layout(self) -> Layout | None:
        return (
            None
            if self.data.people is None or self.society is None
            else Layout.of(self.data, self.society, self.scenario, self.covariates)
        )

    @cached_property
    def summariser(self) -> Summariser | None:
        return None if self.layout is None else Summariser(self.layout)

    @cached_property
    def _series(self) -> list[tuple[Curve, np.ndarray]]:
        """Series with the rows that are summarised."""
        return [
            (each, np.unique(np.searchsorted(each.time, knots(int(each.time.max()))).clip(0, len(each.time) - 1)))
            for each in self.data.series
        ]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the summaries."""
        own = () if self.summariser is None else self.summariser.names
        return (
            *own,
            *(f"{curve.name} at {curve.time[row]:g}" for curve, rows in self._series for row in rows),
            *(pattern.name for pattern in self.data.patterns),
        )

    @cached_property
    def observed(self) -> np.ndarray:
        """The summaries of the data."""
        own = np.empty(0) if self.summariser is None else self.summariser.observed
        return np.concatenate(
            [
                own,
                *(curve.share[rows] for curve, rows in self._series),
                np.array([pattern.value for pattern in self.data.patterns]),
            ]
        )

    @property
    def work(self) -> dict[str, Any]:
        """What is calibrated: all that simulations depend on, besides their number and seed."""
        prior = self.prior
        bounds = zip(prior.names, prior.low, prior.high, strict=True)
        return {
            "data": self.data.name,
            "data_hash": self.data.digest,
            "time_unit": self.data.time_unit,
            "scenario": self.scenario.to_toml(),
            "society": society_hash(imported(self.scenario, self.society)),
            "free": {name: [float(low), float(high)] for name, low, high in bounds},
            "code": sources_hash(),
            **({} if self.offsets is None else {"differences": self.offsets.digest}),
            **prior.said,
        }

    def design(self, theta: np.ndarray, seeds: np.ndarray) -> pd.DataFrame:
        """Parameters [n x d] and seeds [n] as a design."""
        design = pd.DataFrame(theta, columns=list(self.prior.names))
        if self.offsets is not None:
            moved = self.offsets.scheduled({name: design[name].to_numpy() for name in self.prior.names}, self.scenario)
            design = design.drop(columns=list(self.offsets.bounds)).assign(**moved)
        design["seed"] = np.asarray(seeds, np.int64)
        fixed = self.society is not None
        design["society_seed"] = 0 if fixed else society_seeds(1, [int(seed) for seed in seeds], GENERATED_SOCIETIES)
        return design

    def simulate(self, theta: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        """Summaries [n x s]; NaN where a run failed."""
        return self.run(theta, seeds)[0]

    @property
    def told(self) -> Scenario:
        """The scenario as people know it: without the changes that a baseline over time is made of."""
        if self.offsets is None or not self.offsets.starts:
            return self.scenario
        raw = parse_toml(self.scenario.to_toml())
        return Scenario.from_mapping({**raw, "changes": raw["changes"][: self.offsets.changes]})

    @property
    def gate_names(self) -> tuple[str, ...]:
        """Names of what the fit gate looks at: the summaries, and how adoption spreads (`spread`)."""
        return (*self.names, *(() if self.layout is None else SPREAD))

    @property
    def gate_observed(self) -> np.ndarray:
        """What the fit gate looks at, of the data."""
        if self.layout is None:
            return self.observed
        return np.concatenate([self.observed, spread_summaries(self.layout, self.layout.time[:, None])[:, 0]])

    def run(
        self, theta: np.ndarray, seeds: np.ndarray, times: bool = False, gate: bool = False
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Summaries [n x s] and, if asked, periods of adoption [N x n] (0: not within the horizon).

        gate : with what the fit gate looks at besides, in further columns.
        """
        design = check_design(self.scenario, self.design(theta, seeds))
        planned = plan(self.scenario, design, (), society=self.society)
        layout = self.layout if gate else None
        summaries = np.full((len(design), len(self.gate_names if gate else self.names)), np.nan)
        people = 0 if self.society is None else len(self.society.role)
        kept = np.zeros((people, len(design)), np.int16) if times else None

        def reduce(state: State, recorded: Recorded, block: Block) -> BlockSummaries:
            first = np.maximum(state.first_engaged, 0).reshape(len(state.role), -1)
            found = self._summaries(first, recorded, block.seeds)
            if layout is not None:
                found = np.concatenate([found, spread_summaries(layout, first)])
            return BlockSummaries(found, first.astype(np.int16) if times else None)

        def added(rows: np.ndarray, block: Block) -> np.ndarray | None:
            assert self.offsets is not None
            mine = theta[rows[block.rows]]
            values = {name: mine[:, k] for k, name in enumerate(self.prior.names)}
            return self.offsets.of_runs(values, block.seeds)

        jobs: list[tuple[Task, Block]] = []
        rows_of: list[np.ndarray] = []
        for rows, task, blocks in planned:
            more = None if self.offsets is None else partial(added, rows)
            reducing = SummarisingTask(task.scenario, task.record, task.insertions, task.society, reduce, more)
            jobs += [(reducing, block) for block in blocks]
            rows_of += [rows] * len(blocks)
        for rows, part in zip(rows_of, run_jobs(jobs, len(design), self.threads, None), strict=True):
            for block, result in part:
                if isinstance(result, BlockSummaries):
                    summaries[rows[block.rows]] = result.summaries.T
                    if kept is not None and result.times is not None:
                        kept[:, rows[block.rows]] = result.times
        return summaries, kept

    def _summaries(self, first: np.ndarray, recorded: Recorded, seeds: Sequence[int]) -> np.ndarray:
        """Summaries [s x W] of a block; those of series and patterns with an error of observation."""
        own = [] if self.summariser is None else [self.summariser(first)]
        if not (self._series or self.data.patterns):
            return own[0]
        curves = [self._curve(curve, rows, first, recorded) for curve, rows in self._series]
        patterns = [self._pattern(pattern, first, recorded)[None] for pattern in self.data.patterns]
        spread = [
            *(np.zeros_like(part) for part in own),
            *(self._error(curve, rows, share) for (curve, rows), share in zip(self._series, curves, strict=True)),
            *(np.full((1, len(seeds)), pattern.sd) for pattern in self.data.patterns),
        ]
        noise = np.array([np.random.default_rng([ERROR, seed]).standard_normal(len(self.names)) for seed in seeds]).T
        return np.concatenate([*own, *curves, *patterns]) + np.concatenate(spread) * noise

    def _curve(self, curve: Curve, rows: np.ndarray, first: np.ndarray, recorded: Recorded) -> np.ndarray:
        """The simulated shares [rows x W] of a series."""
        times = curve.time[rows].astype(int)
        if curve.variable == "ever_engaged":
            members = recorded.organisation < len(np.unique(recorded.organisation[recorded.role != 3]))
            own = first[members]
            return np.stack([((own >= 1) & (own <= time)).mean(axis=0) for time in times])
        return recorded.path[times, getattr(PATH, curve.variable)]

    def _error(self, curve: Curve, rows: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Standard error of a share: the error stated, and sampling where fewer were observed than are simulated."""
        people = self.scenario.people() if self.society is None else len(self.society.role)
        of = np.where(np.isfinite(curve.of[rows]), curve.of[rows], people)
        sampling = np.maximum(0.0, 1.0 / of - 1.0 / people) if curve.variable != "in_use" else np.zeros(len(rows))
        return np.sqrt(curve.error**2 + share * (1 - share) * sampling[:, None])

    def _pattern(self, pattern: Pattern, first: np.ndarray, recorded: Recorded) -> np.ndarray:
        """The simulated value [W] of a pattern."""
        if pattern.kind == "outcome":
            return recorded.outcomes[getattr(OUTCOME, str(pattern.outcome))]
        end = self.scenario.months
        restricted = np.where((first >= 1) & (first <= end), first, end + 1)
        everybody = np.ones(len(first), bool)
        if pattern.orientation is not None and self.layout is not None:
            of = self.layout.high[:, self.layout.orientations.index(pattern.orientation)]
            groups = {"high": of == 1, "low": of == 0, "all": everybody}
        else:
            groups = {"all": everybody}
        if pattern.kind == "median_difference":
            return np.median(restricted[groups["high"]], axis=0) - np.median(restricted[groups["low"]], axis=0)
        mine = restricted[groups[pattern.group]]
        if pattern.kind == "median_time":
            return np.median(mine, axis=0)
        return (mine <= (pattern.at or 0)).mean(axis=0)


def left_out(problem: CalibrationProblem) -> list[str]:
    """Which parameters are not free although they are by default, as a remark."""
    if not problem.left:
        return []
    return [
        "Held at the scenario's value, since eight parameters are the most that can be fitted: "
        f"{', '.join(problem.left)} (--free chooses others)."
    ]
