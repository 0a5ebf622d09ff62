"""From answers to a diagnosis: one table for each question that its report answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.experiments.worlds import shipped
from valign.model.errors import InputError
from valign.model.parameters import ROLES as MODEL_ROLES
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society

from ..data.answers import NOT_SAID, Answers
from ..data.questionnaire import ROLE_WORDS, VALUE_WORDS
from ..data.survey import read_survey
from .change import Change
from .connectors import connectors
from .follow import RUNS, WORLDS, follow
from .measurement import Measured, mean_of, reliabilities
from .misfit import if_read_as_meant, mean_and_half, misfit
from .pooling import GOAL, WIDEST, Pooled, pool
from .society import ENGAGED, network, persons, safe_name, scenario_for, society_for, stage_of, write_society

LEAST = 5  # answers of a group that is shown one by one: nobody is to be recognised
EVERYBODY = "everybody"
SCALES = {"judged": "fits", "clear": "clear", "identification": "identify", "climate": "climate"}


@dataclass(eq=False)
class Diagnosis:
    """What a questionnaire says (`va.diagnose`).

    Parameters
    ----------
    answers : of the latest wave. before : of the wave before, or None.
    runs : of the model for each thing that could be done, in each world; 0 for none. seed : of these runs, 0 to
        2^63 - 1. worlds : in how many settings of what is not known; None: at the model's defaults.
    progress : called with (runs done, runs in all).

    Attributes
    ----------
    tables : DataFrames by name, as `valign diagnose` saves them.
    scenario, society : for every other function, from the answers.

    Raises
    ------
    InputError : fewer than five people answered.
    """

    answers: Answers
    before: Answers | None = None
    runs: int = RUNS
    seed: int = 1
    progress: Callable[[int, int], None] | None = None
    worlds: int | None = WORLDS

    def __post_init__(self) -> None:
        both = (self.answers,) if self.before is None else (self.before, self.answers)
        _same_services(both)
        for each in both:
            if (each.service >= 0).sum() < LEAST:
                raise InputError(
                    [f"{each.name}: {len(each)} people answered: at least {LEAST} are needed to say anything"]
                )

    @cached_property
    def measured(self) -> Measured:
        """The answers of those who work in services."""
        return Measured(self._members)

    @cached_property
    def _members(self) -> Answers:
        rows = np.flatnonzero(self.answers.service >= 0)
        found = self.answers.of(rows)
        place = {int(row): n for n, row in enumerate(rows)}
        found.contacts = [[place[c] for c in self.answers.contacts[row] if c in place] for row in rows]
        return found

    @cached_property
    def change(self) -> Change | None:
        """What moved from the wave before, where there is one.

        Raises InputError where fewer than five people answered both times.
        """
        if self.before is None:
            return None
        found = Change(self.before.of(self.before.service >= 0), self._members)
        if len(found.pairs) < LEAST:
            raise InputError(
                [
                    f"{len(found.pairs)} people answered both times by number or name: what moved cannot be told "
                    f"apart from "
                    "who answered; use the same numbers in both files"
                ]
            )
        return found

    # --- estimates -------------------------------------------------------------------------------------------------
    @cached_property
    def by_service(self) -> Pooled:
        """Fit of services."""
        return self._pooled(self.measured.fit, self._members.service, self.measured.lasting)

    @cached_property
    def climate(self) -> Pooled | None:
        """Climate of services, where it was asked."""
        climate = mean_of(self._members.climate, axis=1)
        if not np.isfinite(climate).any():
            return None
        return self._pooled(climate, self._members.service, 0.5, 0.25)

    def _pooled(self, values: np.ndarray, group: np.ndarray, lasting: float, widest: float = WIDEST) -> Pooled:
        return pool(values, group, len(self._members.services), self._members.people, lasting, widest)

    @cached_property
    def whole(self) -> np.ndarray:
        """Draws of the mean fit of all who work in the services."""
        counts = np.bincount(self._members.service, minlength=len(self._members.services))
        people = np.where(np.isfinite(self._members.people), self._members.people, np.maximum(counts, 1))
        return self.by_service.draws @ (people / people.sum())

    # --- tables ----------------------------------------------------------------------------------------------------
    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Everything that is saved, by name."""
        made = {
            "overview": self.overview,
            "by_service": self.services,
            "by_role": self.roles,
            "values": self.values,
            "connectors": connectors(self._members),
            "answers": self.used,
            **self._follows,
        }
        if self.change is not None:
            made |= {"change": self.change.table, "change_beside": self.change.beside}
            made |= {"change_services": self.change_services, "lowest": self.lowest}
        return made

    @cached_property
    def overview(self) -> pd.DataFrame:
        """One row for each measure of the whole: estimate, 95 % interval, people behind it."""
        m = self.measured
        low, high = np.quantile(self.whole, (0.025, 0.975))
        rows: list[tuple[str, float, float, float, int]] = [
            ("fit", float(self.whole.mean()), float(low), float(high), int(np.isfinite(m.fit).sum()))
        ]
        for name, scale in SCALES.items():
            values = mean_of(getattr(self._members, scale), axis=1)
            mean, half = mean_and_half(values, self._members.service)
            rows.append((name, mean, mean - half, mean + half, int(np.isfinite(values).sum())))
        known = self._members.use != NOT_SAID
        use, half = mean_and_half((self._members.use[known] == ENGAGED).astype(float), self._members.service[known])
        rows.append(("use", use, max(0.0, use - half), min(1.0, use + half), int(known.sum())))
        gain, half = if_read_as_meant(m)
        rows.append(("read_as_meant", gain, gain - half, gain + half, rows[0][4]))
        needed = self.by_service.answers_needed()
        everybody = self.by_service.agreements_at(10**6)
        low, high = np.quantile(everybody, (0.025, 0.975))
        rows.append(("agreement_all", float(everybody.mean()), float(low), float(high), rows[0][4]))
        single = {
            "reliability": m.reliability,
            "lasting": m.lasting,
            "reliability_values": float(np.nanmean(reliabilities(self._members.own))),
            "reliability_readings": float(np.nanmean(reliabilities(self._members.reads))),
            "uncorrected": m.naive_fit,
            "agreement": self.by_service.agreement(),
            "answers_needed": float("nan") if needed is None else float(needed),
            "out_of_reach": float(self.by_service.out_of_reach()),
            "goal": GOAL,
        }
        rows += [(name, value, np.nan, np.nan, rows[0][4]) for name, value in single.items()]
        return pd.DataFrame(rows, columns=["measure", "estimate", "low", "high", "people"])

    @cached_property
    def services(self) -> pd.DataFrame:
        """One row a service, the most ready first: answers, people, fit and climate with intervals, verdict."""
        fit, climate, a = self.by_service, self.climate, self._members
        counts = np.bincount(a.service[np.isfinite(self.measured.fit)], minlength=len(a.services))
        table = pd.DataFrame(
            {
                "service": a.services,
                "answers": counts,
                "people": a.people,
                "fit": fit.mean,
                "fit_low": fit.low,
                "fit_high": fit.high,
                "stands": [stands(fit.draws[:, g], self.whole) for g in range(len(a.services))],
            }
        )
        for name in ("", "_low", "_high"):
            table["climate" + name] = np.nan if climate is None else getattr(climate, name[1:] or "mean")
        scenario = Scenario.load(a.scenario)
        pull = scenario.value("fit_effect") / 0.1, scenario.value("climate_effect")
        table["readiness"] = pull[0] * (table["fit"] - 0.75) + pull[1] * table["climate"].fillna(0.0)
        return table.sort_values("readiness", ascending=False, kind="stable").reset_index(drop=True)

    @cached_property
    def roles(self) -> pd.DataFrame:
        """One row a role, likewise."""
        a = self._members
        names = [r for r in range(len(MODEL_ROLES)) if (a.role == r).any()]
        group = np.array([names.index(r) if r in names else -1 for r in a.role])
        found = pool(self.measured.fit, group, len(names), np.full(len(names), np.inf), self.measured.lasting)
        return pd.DataFrame(
            {
                "role": [ROLE_WORDS[MODEL_ROLES[r]] for r in names],
                "answers": [int((np.isfinite(self.measured.fit) & (group == n)).sum()) for n in range(len(names))],
                "fit": found.mean,
                "fit_low": found.low,
                "fit_high": found.high,
                "stands": [stands(found.draws[:, n], self.whole) for n in range(len(names))],
            }
        )

    @cached_property
    def values(self) -> pd.DataFrame:
        """By group (everybody, roles, services) and value: `misfit`."""
        a = self._members
        groups = {EVERYBODY: np.ones(len(a), bool)}
        groups |= {ROLE_WORDS[name]: a.role == r for r, name in enumerate(MODEL_ROLES)}
        groups |= {name: a.service == g for g, name in enumerate(a.services)}
        table = misfit(self.measured, {name: of for name, of in groups.items() if of.sum() >= LEAST})
        table.insert(2, "words", table["value"].map(VALUE_WORDS))
        return table

    @cached_property
    def used(self) -> pd.DataFrame:
        """Answers given and used in each file, and those not used, by reason."""
        rows: list[dict[str, Any]] = []
        for each in [each for each in (self.before, self.answers) if each is not None]:
            rows.append({"file": each.name, "answers": each.used, "where": f"{len(each)} people", "why": "used"})
            rows += [{"file": each.name, "answers": u.answers, "where": u.where, "why": u.why} for u in each.unused]
            rows += [{"file": each.name, "answers": 0, "where": "", "why": remark} for remark in each.remarks]
        return pd.DataFrame(rows)

    # --- two waves -------------------------------------------------------------------------------------------------
    @cached_property
    def _moved(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Fit before and after of those who answered twice, and their service before."""
        assert self.change is not None
        first = Measured(self.change.before)
        pairs = self.change.pairs
        return first.fit[pairs[:, 0]], self.measured.fit[pairs[:, 1]], self.change.before.service[pairs[:, 0]]

    @cached_property
    def change_services(self) -> pd.DataFrame:
        """Change in fit of those who answered twice, by service, pulled toward the whole."""
        assert self.before is not None
        first, second, service = self._moved
        a = self._members
        found = pool(second - first, service, len(a.services), np.full(len(a.services), np.inf), 0.0)
        counts = np.bincount(service[np.isfinite(second - first)], minlength=len(a.services))
        used, uses = ([stage_of(of, g) != "outside" for g in range(len(a.services))] for of in (self.before, a))
        table = pd.DataFrame(
            {
                "service": a.services,
                "pairs": counts,
                "change": found.mean,
                "low": found.low,
                "high": found.high,
                "began": [int(now) - int(then) for now, then in zip(uses, used, strict=True)],
            }
        )
        return table[table["pairs"] > 0].reset_index(drop=True)

    @cached_property
    def lowest(self) -> pd.DataFrame:
        """Those who fitted least at first: how far they rose, and how far errors alone would raise them."""
        assert self.change is not None
        first, second, service = self._moved
        there = np.isfinite(first) & np.isfinite(second)
        first, second, service = first[there], second[there], service[there]
        third = first <= np.quantile(first, 1 / 3)
        error = Measured(self.change.before).simulated[1]
        share = float(np.clip(error / max(first.var(), 1e-9), 0, 1))
        by_chance = share * (first.mean() - first[third].mean())
        rose, half = mean_and_half((second - first)[third], service[third])
        return pd.DataFrame(
            [
                {
                    "people": int(third.sum()),
                    "rose": rose,
                    "half": half,
                    "by_chance": by_chance,
                    "beyond": rose - by_chance,
                }
            ]
        )

    # --- the model -------------------------------------------------------------------------------------------------
    @cached_property
    def _people(self) -> pd.DataFrame:
        return persons(Measured(self.answers))

    @cached_property
    def _ties(self) -> pd.DataFrame:
        return network(self.answers, self._people)

    def _scenario(self, tables: bool) -> Scenario:
        climate = np.full(len(self.answers.services), np.nan) if self.climate is None else self.climate.mean
        return scenario_for(Measured(self.answers), self._people, climate, tables)

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario that the answers describe; simulate it with `society=`."""
        return self._scenario(False)

    @cached_property
    def society(self) -> Society:
        """Everybody who works there, with their ties."""
        return society_for(self._people, self._ties, self.scenario)

    def write_society(self, folder: str | Path) -> Path:
        """Write scenario and society into a folder, as files that every command reads; the path of the scenario.

        Beside them: who stands where, as the diagnosis says it.

        Raises InputError where `folder` cannot be written.
        """
        stands = {"by_service": self.services, "by_role": self.roles}
        return write_society(self._people, self._ties, self._scenario(True), stands, Path(folder))

    @cached_property
    def _follows(self) -> dict[str, pd.DataFrame]:
        if not self.runs:
            return {}
        ready = self.services["service"].tolist()
        made = follow(self.scenario, self.society, ready, self.runs, self.seed, self.worlds, self.progress)
        answered = self._people["answered"]
        society = pd.DataFrame(
            [
                {
                    "people": len(answered),
                    "answered": int(answered.sum()),
                    "services": len(self.answers.services),
                    "ties": len(self._ties),
                    "named": sum(map(len, self.answers.contacts)),
                    "worlds": self.worlds or 0,
                    "agreeing": self.worlds is not None and shipped(),
                }
            ]
        )
        return {**made, "follow_society": society}


def stands(draws: np.ndarray, whole: np.ndarray) -> str:
    """Whether a group stands above or below the whole, or cannot be told apart from it (95 %)."""
    low, high = np.quantile(draws - whole, (0.025, 0.975))
    return "above" if low > 0 else "below" if high < 0 else "unknown"


def _same_services(waves: tuple[Answers, ...]) -> None:
    """Give all waves the same list of services, with names that a scenario allows."""
    names: dict[str, str] = {}
    for wave in reversed(waves):
        for g, name in enumerate(wave.services):
            names.setdefault(_key(name), safe_name(name, g))
    order = list(names)
    for wave in waves:
        place = [order.index(_key(name)) for name in wave.services]
        people, stage = np.full(len(order), np.inf), [""] * len(order)
        for g, at in enumerate(place):
            people[at], stage[at] = wave.people[g], wave.stage[g]
        wave.service = np.array([place[g] if g >= 0 else NOT_SAID for g in wave.service], np.int64)
        wave.services, wave.people, wave.stage = [names[key] for key in order], people, stage


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def diagnose(
    before: str | Path | Answers,
    after: str | Path | Answers | None = None,
    *,
    innovation: str | None = None,
    runs: int = RUNS,
    seed: int = 1,
    worlds: int | None = WORLDS,
    progress: Callable[[int, int], None] | None = None,
) -> Diagnosis:
    """Where we stand, from one questionnaire; and what moved, from two.

    Parameters
    ----------
    before, after : files of `valign survey new`, filled in (.xlsx or .csv). With one file, it says where we stand.
    innovation : what the files are about, where they do not say: a shipped scenario or a TOML file.
    runs : of the model, for each thing that could be done, in each world (0: no simulation).
    seed : of these runs, 0 to 2^63 - 1.
    worlds : in how many settings of what is not known; None: at the model's defaults.
    progress : called with (runs done, runs in all).

    Returns
    -------
    Diagnosis: `.tables` by name; `.scenario` and `.society` for every other function.

    Raises
    ------
    InputError : a file cannot be read, holds too little, or nobody answered both times.
    """
    waves = [
        each if isinstance(each, Answers) else read_survey(each, innovation)
        for each in (before, *(() if after is None else (after,)))
    ]
    if len(waves) == 2 and not (
        np.allclose(waves[0].intended, waves[1].intended) and np.allclose(waves[0].emphasis, waves[1].emphasis)
    ):
        raise InputError(["the two files are about different innovations, or say that it stands for different things"])
    return Diagnosis(waves[-1], waves[0] if len(waves) == 2 else None, runs, seed, progress, worlds)
