"""What a simulation gives back: tables, built from the recorded arrays when asked for."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Sequence, Sized
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from valign.model.errors import InputError, unknown
from valign.model.ledger.decomposition import BALANCES, ENTRIES, EPISODES, decomposition_table, places
from valign.model.outcomes import (
    AGENT_SERIES,
    COMMISSIONER_SERIES,
    COMMISSIONERS,
    OUTCOMES,
    PATH,
    PATH_SERIES,
    PEOPLE,
    PEOPLE_SERIES,
    PLACE_SERIES,
    SERIES_ROLES,
    SERVICE_SERIES,
    SERVICES,
)
from valign.model.parameters import ROLES
from valign.model.run.block import Recorded
from valign.model.scenario.scenario import Scenario
from valign.model.state.arrays import SERVICE_STAGES, STAGES
from valign.model.state.scenario_arrays import Lowered
from valign.results.summaries import curve_summaries, summarise

from .observed import observed_curve

SERIES = ["run", "month", "role", "variable", "value"]  # columns of the long form


def series_pairs() -> list[tuple[str, str]]:
    """(role, variable) of all monthly series."""
    people = [(role, name) for role in SERIES_ROLES for name in PEOPLE_SERIES]
    return people + [("commissioner", n) for n in COMMISSIONER_SERIES] + [("service", n) for n in SERVICE_SERIES]


def check_series(role: str, variable: str) -> None:
    """Raise InputError where there is no such series."""
    if (role, variable) not in (pairs := series_pairs()):
        raise InputError([unknown(f"{role}.{variable}", [".".join(pair) for pair in pairs], "series")])


class FailedRunsWarning(UserWarning):
    """Some runs failed: their rows say why in `status`, and have no outcomes."""


def warn_of_failures(failures: Sequence[str]) -> None:
    """Say how many runs of a scenario failed (those with a reason), and why the first did."""
    if failed := [reason for reason in failures if reason]:
        warnings.warn(
            f"{len(failed):,} of {len(failures):,} runs failed and have no outcomes, so that means leave them out (the "
            f"column status says why); the first: {failed[0]}",
            FailedRunsWarning,
            stacklevel=3,
        )


def check_possible(runs: pd.DataFrame) -> None:
    """Raise InputError, with the reason, where all of these runs failed."""
    if (runs["status"] != "ok").all():
        raise InputError([runs["status"].iloc[0]])


Curves = Callable[[str, str], np.ndarray]  # a monthly series [months + 1, runs] by role and variable


def curve_table(curves: Curves, societies: Sequence[int], worlds: Sequence[int] | None = None) -> pd.DataFrame:
    """Mean, median and bands of every monthly series: columns of `results.summaries.curve_summaries`.

    societies : the society seed of each run. worlds : the world of each run, where there are several.
    """
    return curve_summaries({pair: curves(*pair) for pair in series_pairs()}, societies, worlds)


def series_table(curves: Curves) -> pd.DataFrame:
    """Monthly series in long form: run, month, role, variable, value (rows without a value are left out)."""
    pairs = series_pairs()
    values = np.stack([curves(*pair) for pair in pairs])  # pairs x months x runs
    _, months, runs = values.shape
    all_roles = [*SERIES_ROLES, "service"]
    codes = np.repeat([all_roles.index(role) for role, _ in pairs], months * runs)
    roles = pd.Categorical.from_codes(codes, pd.Index(all_roles))
    names = list(dict.fromkeys(name for _, name in pairs))
    variables = pd.Categorical.from_codes(np.repeat([names.index(n) for _, n in pairs], months * runs), pd.Index(names))
    table = pd.DataFrame(
        {
            "run": np.tile(np.arange(runs, dtype=np.int32), len(pairs) * months),
            "month": np.tile(np.repeat(np.arange(months, dtype=np.int32), runs), len(pairs)),
            "role": roles,
            "variable": variables,
            "value": values.ravel(),
        }
    )
    return table[~np.isnan(table["value"])].reset_index(drop=True)


class Outcomes:
    """Tables of a simulation: `runs`, `series`, `decomposition`, `events`, `services`, `agents` (pandas DataFrames).

    What each column means, with its unit: docs/ODD.md §8. Tables are made when first asked for; those that were not
    recorded (`record` of `simulate`) are empty. `scenario`: what was simulated; `failures`: by run, why it failed ("").
    """

    def __init__(
        self,
        scenario: Scenario,
        seeds: Sequence[int],
        societies: Sequence[int],
        results: Sequence[tuple[Any, Any]],
        lowered: Lowered,
    ) -> None:
        self.scenario = scenario
        self._seeds, self._societies, self._lowered = seeds, societies, lowered
        self._recorded = [(block.rows, result) for block, result in results if isinstance(result, Recorded)]
        self.failures = [""] * len(seeds)
        for block, result in results:
            if not isinstance(result, Recorded):
                self.failures[block.rows[0]] = result

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row per run: run, seed, society_seed, status ("ok" or the error), outcomes (NaN where a run failed)."""
        values = np.full((len(self._seeds), len(OUTCOMES)), np.nan)
        for rows, result in self._recorded:
            values[rows] = result.outcomes.T
        table = pd.DataFrame(
            {
                "run": np.arange(len(self._seeds)),
                "seed": np.array(self._seeds, np.int64),
                "society_seed": np.array(self._societies, np.int64),
                "status": [failure or "ok" for failure in self.failures],
            }
        )
        return pd.concat([table, pd.DataFrame(values, columns=list(OUTCOMES))], axis=1)

    @property
    def has_series(self) -> bool:
        """Whether monthly series were recorded."""
        return any(len(result.services) for _, result in self._recorded)

    @cached_property
    def members(self) -> np.ndarray:
        """Number of staff, managers and peers by run [runs] (NaN where a run failed)."""
        people = np.full(len(self._seeds), np.nan)
        for rows, result in self._recorded:
            people[rows] = (result.role != ROLES.index("commissioner")).sum()
        return people

    def curves(self, role: str, variable: str) -> np.ndarray:
        """One variable of the monthly series, from the start on [months + 1, runs].

        NaN where a run failed or nobody has the role.

        role : staff, manager, peer, commissioner, all (the first three), or service. variable : see `variables`; units
        in docs/ODD.md §8.

        Raises InputError where there is no such series, or none were recorded.
        """
        check_series(role, variable)
        months = self.scenario.months + 1
        curves = np.full((months, len(self._seeds)), np.nan)
        for rows, result in self._recorded:
            _wanted("series", result.services)
            if role == "service":
                part = result.services[:, getattr(SERVICES, variable)]
            elif variable in COMMISSIONER_SERIES:
                part = result.commissioners[:, getattr(COMMISSIONERS, variable)]
            else:
                part = result.people[:, SERIES_ROLES.index(role), getattr(PEOPLE, variable)]
            curves[:, rows] = part
        return curves

    def paths(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Runs of each block [runs] and their monthly path [months + 1, variables, runs]."""
        for rows, result in self._recorded:
            yield rows, result.path

    def path(self, variable: str) -> np.ndarray:
        """One variable of the monthly path [months + 1, runs], always recorded (NaN: a run failed).

        variable : one of `valign.model.outcomes.PATH_SERIES`. Raises InputError for another.
        """
        if variable not in PATH_SERIES:
            raise InputError([unknown(variable, PATH_SERIES, "variable of the path")])
        found = np.full((self.scenario.months + 1, len(self._seeds)), np.nan)
        for rows, path in self.paths():
            found[:, rows] = path[:, getattr(PATH, variable)]
        return found

    def booked(self) -> tuple[np.ndarray, np.ndarray]:
        """The decomposition without its table, with record="decomposition": sums over months, services and stages
        [balances, entries, episodes, roles, runs] of members' change in fit and in alignment, and how many have each
        role [roles, runs].
        NaN where a run failed. Raises InputError where it was not recorded.
        """
        shape, groups = (len(BALANCES), len(ENTRIES), len(EPISODES), len(ROLES)), len(self.scenario.group_names)
        found = np.full((*shape, len(self._seeds)), np.nan)
        people = np.full((len(ROLES), len(self._seeds)), np.nan)
        for rows, result in self._recorded:
            _wanted("decomposition", result.flows)
            runs = len(rows)
            sums = np.zeros(int(np.prod(shape)) * runs)
            for positions, changes in result.flows:
                _, balance, entry, group, episode, role, _, run = places(positions, groups, runs)
                kept = group < groups  # the last is the commissioners
                index = np.ravel_multi_index((balance, entry, episode, role, run), (*shape, runs))
                sums += np.bincount(index[kept], changes[kept], len(sums))
            found[..., rows] = sums.reshape(*shape, runs)
            people[:, rows] = np.bincount(result.role, minlength=len(ROLES))[:, None]
        return found, people

    def blocks_of_people(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, Callable[[str, int], np.ndarray]]]:
        """Runs of each block, role and service of everybody, and at(variable, month) -> people x runs, with
        record="agents": the arrays behind `agents`, without building the table.

        Raises InputError where they were not recorded.
        """
        names = [*AGENT_SERIES, *self.scenario.dimensions]
        for rows, result in self._recorded:
            _wanted("agents", result.agents)
            yield (
                rows,
                result.role,
                result.organisation,
                lambda variable, month, agents=result.agents: agents[month, :, names.index(variable)],
            )

    def blocks_of_services(self) -> Iterator[tuple[np.ndarray, np.ndarray, Callable[[str], np.ndarray]]]:
        """Runs of each block, commissioner of every service (-1: nobody) and at(variable) -> months + 1 x services x
        runs, with record="services": the arrays behind `services`, without building the table.

        Raises InputError where they were not recorded.
        """
        names = list(PLACE_SERIES)
        for rows, result in self._recorded:
            _wanted("services", result.places)
            yield rows, result.commissioner, lambda name, places=result.places: places[:, :, names.index(name)]

    def change_months(self) -> np.ndarray:
        """Month in which each scheduled change happened [changes, runs]; 0: what it waits for never held (NaN: a run
        failed).
        """
        found = np.full((len(self.scenario.changes), len(self._seeds)), np.nan)
        for rows, result in self._recorded:
            if len(result.change_month):
                found[:, rows] = result.change_month
        return found

    def variables(self) -> list[tuple[str, str]]:
        """All (role, variable) pairs that `curves` takes."""
        return series_pairs()

    def tables(self) -> dict[str, pd.DataFrame]:
        """What `valign run` keeps: `runs`, `summary` by outcome, `curves` by month, `series`, what else was recorded,
        and the `observed` curve of a scenario that is built on public data.
        """
        tables = {
            "runs": self.runs,
            "summary": summarise(self.runs, list(OUTCOMES)),
            "curves": curve_table(self.curves, self._societies),
            "series": self.series,
        }
        for name in ("decomposition", "events", "services", "agents"):
            if len(table := getattr(self, name)):
                tables[name] = table
        if "events" in tables:
            terms = [json.dumps(each, default=float) for each in tables["events"]["terms"]]
            tables["events"] = tables["events"].assign(terms=terms)
        if self.scenario.tables is not None and self.scenario.tables.data is not None:
            tables["observed"] = observed_curve(self.scenario.tables.data)
        return tables

    @cached_property
    def series(self) -> pd.DataFrame:
        """Monthly series in long form: run, month, role, variable, value (rows without a value are left out)."""
        return series_table(self.curves) if self.has_series else pd.DataFrame(columns=SERIES)

    @cached_property
    def decomposition(self) -> pd.DataFrame:
        """Change in the sum of alignment (docs/ODD.md §6), with record="decomposition".

        Columns: run, month, organisation (the group of services), episode, role, stage, mechanism, part, change (of the
        sum over people, each 0 to 1). The changes of a run add up to its final less its initial sum.
        """
        parts = [(rows, result.flows) for rows, result in self._recorded]
        return decomposition_table(parts, self.scenario.group_names)

    @cached_property
    def services(self) -> pd.DataFrame:
        """Every service month by month, with record="services".

        Columns: run, month, service (number), organisation (its group), commissioner (row of who funds it, -1: nobody),
        stage, engaged (share of members), alignment (their mean), climate, workload.
        """
        tables: list[pd.DataFrame] = []
        for rows, result in self._recorded:
            if not len(result.places):
                continue
            months, services, fields, runs = result.places.shape
            columns = np.moveaxis(result.places, 2, 0).reshape(fields, -1)
            month, service, run = (axis.ravel() for axis in np.indices((months, services, runs), np.int32))
            where = {"run": rows[run], "month": month, "service": service}
            group = pd.Categorical.from_codes(result.group[service], pd.Index(self.scenario.group_names))
            of = {"organisation": group, "commissioner": result.commissioner[service]}
            tables.append(pd.DataFrame(where | of | dict(zip(PLACE_SERIES, columns, strict=True))))
        if not tables:
            return pd.DataFrame()
        table = pd.concat(tables, ignore_index=True)
        table["stage"] = pd.Categorical.from_codes(table["stage"].astype(int), pd.Index(SERVICE_STAGES))
        return table.sort_values(["run", "month", "service"], kind="stable", ignore_index=True)

    @cached_property
    def agents(self) -> pd.DataFrame:
        """Everybody month by month, with record="agents".

        Columns: run, month, person (row), organisation (number of the service; commissioners: how many services),
        role, stage, holder (0: the first),
        alignment, fit, identification, clarity, practice, exposure (share of engaged ties) and values.
        """
        tables: list[pd.DataFrame] = []
        if not any(len(result.agents) for _, result in self._recorded):
            return pd.DataFrame()
        for rows, result in self._recorded:
            months, people, fields, runs = result.agents.shape
            columns = np.moveaxis(result.agents, 2, 0).reshape(fields, -1)
            month, person, run = (axis.ravel() for axis in np.indices((months, people, runs), np.int32))
            names = [*AGENT_SERIES, *self.scenario.dimensions]
            tables.append(
                pd.DataFrame(
                    {
                        "run": rows[run],
                        "month": month,
                        "person": person,
                        "organisation": result.organisation[person],
                        "role": pd.Categorical.from_codes(result.role[person], pd.Index(ROLES)),
                        **dict(zip(names, columns, strict=True)),
                    }
                ).astype({"stage": np.int8, "holder": np.int32})
            )
        table = pd.concat(tables, ignore_index=True)
        table["stage"] = pd.Categorical.from_codes(table["stage"], pd.Index(STAGES))
        return table.sort_values(["run", "month", "person"], kind="stable", ignore_index=True)

    @cached_property
    def events(self) -> pd.DataFrame:
        """The event log, with record="events": run, month, what, service, person (row, -1: a service), terms (dict)."""
        rows = [event._replace(run=int(rows[event.run])) for rows, result in self._recorded for event in result.events]
        return pd.DataFrame(rows, columns=["run", "month", "what", "service", "person", "terms"])


def _wanted(record: str, found: Sized) -> None:
    if not len(found):
        raise InputError([f"{record}: not recorded; simulate with record={record!r}"])
