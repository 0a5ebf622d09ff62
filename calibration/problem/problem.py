"""A calibration problem: data, a scenario and free parameters, as a simulator of summaries.

Rows of a design go through the blocks of `experiments.simulate`; a block is reduced to summaries where it ran, so
nothing but a few numbers a run (and, where asked, the periods of adoption) leaves it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.experiments.bases import imported, society_hash
from valign.experiments.design import check_design, society_seeds, varies_in_block
from valign.experiments.simulate import Block, Task, plan, run_jobs
from valign.experiments.stopping import STOP
from valign.model.compiled.compiling import sources_hash
from valign.model.errors import InputError, unknown
from valign.model.outcomes import OUTCOME, PATH
from valign.model.parameters import PARAMETERS
from valign.model.run.block import Recorded, run_block
from valign.model.scenario.scenario import Scenario
from valign.model.scenario.settings import declared, parsed
from valign.model.society.generate import Society
from valign.model.society.tables import DATA_SETS, society_from_tables
from valign.model.state.arrays import State

from ..data.schema import Curve, Data, Pattern
from .priors import Prior
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
OFF = (
    "turnover",
    "leadership",
    "coproduction",
    "session_knowledge",
    "sensemaking",  # what people are asked is their own orientation, not what they come to think together
    "dialogue",
    "organisations",
    "commissioning",
)
ERROR = 301  # purpose of the random stream of observation errors


def scenario_of(data: Data) -> Scenario:
    """A plain scenario for a data set: everybody chooses alone, and what needs an organisation is switched off."""
    if data.people is None:
        raise InputError([f"{data.name}: has no people to make a scenario from: name a scenario (--scenario)"])
    if data.name in DATA_SETS:
        return Scenario.load(data.name)
    dimensions = list(data.orientation)
    if not dimensions:
        raise InputError(
            [f"{data.name}: has no [orientation]: name a scenario (--scenario) or describe a column of values"]
        )
    weight = sum(of.emphasis for of in data.orientation.values())
    profile = {name: round(float(np.nanmean(data.people[name])), 6) for name in dimensions}
    return Scenario.from_mapping(
        {
            "name": "".join(c if c.isalnum() else "-" for c in data.name.lower()).strip("-") or "data",
            "title": data.title,
            "description": f"Made from the description of {data.name}.",
            "months": data.periods,
            "dimensions": dimensions,
            "alignment_roles": ["staff"],
            "mechanisms": dict.fromkeys(OFF, False),
            "parameters": {"climate_gate": 0.0},  # nobody has a manager
            "innovation": {
                "name": data.name,
                "values": {name: of.innovation for name, of in data.orientation.items()},
                "emphasis": {name: of.emphasis / weight for name, of in data.orientation.items()},
            },
            "profiles": {"person": profile},
            "organisations": [
                {
                    "name": "community",
                    "count": int(data.people["community"].nunique()),
                    "staff": max(1, round(len(data.people) / data.people["community"].nunique())),
                    "managers": 0,
                    "peers": 0,
                    "stage": "commissioned",
                    "staff_profile": "person",
                    "client_profile": "person",
                }
            ],
        }
    )


def society_of_data(data: Data, scenario: Scenario, fill: bool = False) -> Society:
    """The people and ties of a data set as a society.

    fill : give those whose orientation is not known the mean, instead of drawing it in each run.
    """
    assert data.people is not None
    if lacking := [name for name in data.orientation if name not in scenario.dimensions]:
        raise InputError(
            [
                f"orientation {unknown(name, scenario.dimensions, 'dimension of ' + repr(scenario.name))}"
                for name in lacking
            ]
        )
    nodes = data.people.rename(columns={"community": "organisation"})
    nodes = nodes[["id", "organisation", *(["role"] if "role" in nodes else []), *data.orientation]]
    if fill:
        nodes = nodes.fillna({name: nodes[name].mean() for name in data.orientation})
    ties = pd.DataFrame({"from": [], "to": []}, dtype=object) if data.ties is None else data.ties
    book = {"values": {name: name for name in data.orientation}} if data.orientation else None
    groups = (
        {}
        if len(scenario.organisations) > 1
        else {"groups": {str(name): scenario.group_names[0] for name in nodes["organisation"].unique()}}
    )
    society = society_from_tables(nodes.astype(object), ties[["from", "to"]], {**(book or {}), **groups}, scenario)
    return society if data.direction == "both" else directed(society, ties, data.direction)


def directed(society: Society, ties: pd.DataFrame, direction: str) -> Society:
    """The same society in which people look only to those whom they name ("out"), or who name them ("in")."""
    assert society.ids is not None
    row = {text: n for n, text in enumerate(society.ids)}
    ends = [np.array([row[text] for text in ties[name]], np.int64) for name in ("from", "to")]
    who, whom = ends if direction == "out" else ends[::-1]
    people = len(society.ids)
    looks = np.unique(who * people + whom)
    ego = np.repeat(np.arange(people), np.diff(society.tie_start))
    kept = np.isin(ego * people + society.neighbour, looks)
    one_way = copy(society)
    start = np.concatenate([[0], np.cumsum(np.bincount(ego[kept], minlength=people))]).astype(np.int64)
    for name, array in (("tie_start", start), ("neighbour", society.neighbour[kept]), ("tie_of", society.tie_of[kept])):
        object.__setattr__(one_way, name, np.ascontiguousarray(array))
    return one_way


def scenario_for(data: Data, scenario: Scenario | str | Path | None) -> Scenario:
    """The scenario asked for, or a plain one of the description; it runs for as many months as periods observed."""
    made = scenario_of(data) if scenario is None else Scenario.load(scenario)
    return made.replace({"months": max(data.periods, 1)})


def prior_of(free: Free, scenario: Scenario) -> Prior:
    """The prior of up to eight free parameters; see `bounds_of`."""
    bounds = bounds_of(free, scenario)
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


@dataclass(eq=False)
class BlockSummaries:
    """What is kept of a block of W runs: summaries [s x W], periods of adoption [N x W] or None."""

    summaries: np.ndarray
    times: np.ndarray | None


@dataclass(eq=False)
class SummarisingTask(Task):
    """A task whose blocks are reduced where they ran."""

    reduce: Callable[[State, Recorded, Block], BlockSummaries] | None = None

    def run(self, block: Block) -> BlockSummaries:  # type: ignore[override]
        state = self.state(block)
        recorded = run_block(self.lowered, state, cancelled=STOP.is_set)
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

    @classmethod
    def of(
        cls,
        data: Data,
        scenario: Scenario | str | Path | None = None,
        free: Free | None = None,
        *,
        society: Society | None = None,
        threads: int | None = None,
    ) -> CalibrationProblem:
        """Check and assemble; the scenario runs for as many months as there are periods observed."""
        made = scenario_for(data, scenario)
        prior = prior_of(DEFAULT_FREE if free is None else free, made)
        if society is None and data.people is not None:
            society = society_of_data(data, made)
        return cls(data, made, prior, society, threads)

    @cached_property
    def layout(self) -> Layout | None:
        return (
            None
            if self.data.people is None or self.society is None
            else Layout.of(self.data, self.society, self.scenario)
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
            **prior.said,
        }

    def design(self, theta: np.ndarray, seeds: np.ndarray) -> pd.DataFrame:
        """Parameters [n x d] and seeds [n] as a design."""
        design = pd.DataFrame(theta, columns=list(self.prior.names))
        design["seed"] = np.asarray(seeds, np.int64)
        fixed = self.society is not None
        design["society_seed"] = 0 if fixed else society_seeds(1, [int(seed) for seed in seeds], GENERATED_SOCIETIES)
        return design

    def simulate(self, theta: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        """Summaries [n x s]; NaN where a run failed."""
        return self.run(theta, seeds)[0]

    def run(self, theta: np.ndarray, seeds: np.ndarray, times: bool = False) -> tuple[np.ndarray, np.ndarray | None]:
        """Summaries [n x s] and, if asked, periods of adoption [N x n] (0: not within the horizon)."""
        design = check_design(self.scenario, self.design(theta, seeds))
        planned = plan(self.scenario, design, (), society=self.society)
        summaries = np.full((len(design), len(self.names)), np.nan)
        people = 0 if self.society is None else len(self.society.role)
        kept = np.zeros((people, len(design)), np.int16) if times else None

        def reduce(state: State, recorded: Recorded, block: Block) -> BlockSummaries:
            first = np.maximum(state.first_engaged, 0).reshape(len(state.role), -1)
            return BlockSummaries(
                self._summaries(first, recorded, block.seeds), first.astype(np.int16) if times else None
            )

        jobs: list[tuple[Task, Block]] = []
        rows_of: list[np.ndarray] = []
        for rows, task, blocks in planned:
            reducing = SummarisingTask(task.scenario, task.record, task.insertions, task.society, reduce)
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
