"""Does the world move? The shape of spread, and what money, leaders and judgement do to it, at shipped defaults.

    python -m valign.experiments.study_world [--runs 400] [--out DIR]     writes world.csv, starts.csv and world.md

Every row is a statement with what would count as holding, said before it is run (docs/EVIDENCE.md has the numbers
from outside). Arms of a contrast share their seeds; the interval is of the mean over runs, each in a society of its
own (t, 95 %). Nothing is tuned here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.model.compiled.compiling import sources_hash
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario
from valign.model.state.arrays import SERVICE_STAGES
from valign.results.checkpoint import Parts, content_hash, locked, replace
from valign.results.plain_text import frame_as_cells
from valign.results.store import default_folder
from valign.results.summaries import Interval, mean_interval

from .simulate import simulate

RUNS, SEED = 400, 20261128
NATION = 200  # runs of the national scenario
AT_ONCE = 20  # runs of which every service is held in memory
OUT = Path(__file__).resolve().parents[1] / "results" / "reference"
CITY, TWO, COUNTRY = "housing-first", "two-services", "england"
ROLES_THAT_PAY = "evidence_weights.commissioner"


@dataclass(frozen=True)
class Contrast:
    """An outcome under one setting less the same under another, with the range in which the statement holds."""

    part: str
    scenario: str
    what: str
    outcome: str
    of: Mapping[str, Any]
    less: Mapping[str, Any]
    low: float = -np.inf
    high: float = np.inf


def profile(name: str, values: Mapping[str, float]) -> dict[str, float]:
    """Settings that give a profile other values."""
    return {f"profiles.{name}.{dimension}": value for dimension, value in values.items()}


def _contrasts() -> list[Contrast]:
    city, two = Scenario.load(CITY), Scenario.load(TWO)
    valued, managers = two.innovation.values, two.profiles["manager"]
    against = {name: float(np.clip(2 * managers[name] - value, 0, 1)) for name, value in valued.items()}
    narrow = dict(city.profiles["commissioner_narrow"])
    near = {name: (narrow[name] + city.innovation.values[name]) / 2 for name in narrow}
    austerity = {"changes": [{"month": 24, "parameter": "budget", "scale": 0.25}]}
    equal_weights = {f"{ROLES_THAT_PAY}.{channel}": 1 / 3 for channel in ("financial", "economic", "social")}
    spread, sustained, unbroken = "spread_final", "sustained_24", "continuous"
    money = [
        Contrast(
            "money", CITY, f"{name}, budget {of:g} against {less:g}", outcome, {"budget": of}, {"budget": less}, low
        )
        for name, outcome in (
            ("services using it at the end", spread),
            ("of those that started, used without a break", unbroken),
            ("in use 24 months after funding ended", sustained),
        )
        for of, less, low in ((0.3, 0.0, 0.0), (0.6, 0.3, 0.0), (1.0, 0.6, -0.02))
    ]
    payers = [
        ("budgets cut to a quarter in month 24", austerity, {}, -np.inf, 0.0),
        ("commissioners with values half way to the innovation", profile("commissioner_narrow", near), {}, 0.1, np.inf),
        ("commissioners who weigh the three kinds of evidence alike", equal_weights, {}, 0.1, np.inf),
        ("twelve meetings with commissioners a year against none", {"dialogue": 12.0}, {"dialogue": 0.0}, 0.1, np.inf),
    ]
    money += [
        Contrast("money", CITY, f"services using it at the end, {what}", spread, of, less, low, high)
        for what, of, less, low, high in payers
    ]
    strong, weak = {"leadership_strength": 0.8}, {"leadership_strength": 0.2}
    leaders = [
        Contrast(
            "leaders",
            TWO,
            f"{name}, strong against weak leadership, managers {who}",
            outcome,
            {**strong, **profile("manager", values)},
            {**weak, **profile("manager", values)},
            low,
            high,
        )
        for who, name, outcome, values, low, high in (
            ("who share its values", "alignment", "alignment_final", valued, 0.0, np.inf),
            ("set against it", "alignment", "alignment_final", against, -np.inf, 0.0),
            ("who share its values", "uptake", "uptake_mean", valued, 0.0, np.inf),
            ("set against it", "uptake", "uptake_mean", against, -np.inf, np.inf),
        )
    ]
    fixed = {"innovation.flexibility": 0.0, "coproduction_intensity": 0.3}
    equal, tokenistic = {**fixed, "power_sharing": 0.5}, {**fixed, "power_sharing": 0.0}
    together = [
        Contrast(
            "judgement",
            TWO,
            f"{name}, co-production with equal voice against tokenistic, nothing adapted",
            outcome,
            equal,
            tokenistic,
            0.0,
        )
        for name, outcome in (("alignment", "alignment_final"), ("uptake", "uptake_mean"))
    ]
    talk = Contrast(
        "judgement",
        TWO,
        "alignment, talk at the top of its range against none",
        "alignment_final",
        {"talk": 0.3},
        {"talk": 0.0},
    )
    return [*money, *leaders, *together, talk]


def _interval(values: np.ndarray) -> list[float]:
    found = mean_interval(values)
    return [found.mean, found.low, found.high, found.n]


def of_runs(scenario: Scenario, outcome: str, runs: int, seed: int) -> np.ndarray:
    """An outcome in each run."""
    return simulate(scenario, runs, seed, record=()).runs[outcome].to_numpy()


def first_starts(scenario: Scenario, runs: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Month in which each service that is outside at the start first starts (NaN: never) [runs, services], the
    commissioner of each [runs, services] (NaN: it was in use), and the share of all services in use [runs, months + 1].
    """
    starts, areas, used = [], [], []
    outside = SERVICE_STAGES.index("outside")
    in_use = [SERVICE_STAGES.index(each) for each in ("piloting", "commissioned", "sustained")]
    for first in range(0, runs, AT_ONCE):
        found = simulate(scenario, min(AT_ONCE, runs - first), seed + first, record=("services",))
        for _, commissioner, at in found.blocks_of_services():
            stage = at("stage")
            using = np.isin(stage, in_use)
            month = np.where(using.any(axis=0), using.argmax(axis=0), np.nan)
            new = stage[0] == outside
            starts.append(np.where(new, month, np.nan).T)
            areas.append(np.where(new, commissioner[:, None], np.nan).T)
            used.append(using.mean(axis=1).T)
    return np.concatenate(starts), np.concatenate(areas), np.concatenate(used)


def by_year(starts: np.ndarray, areas: np.ndarray, months: int) -> np.ndarray:
    """Share of the services outside at the start that first start in each year [runs, years]."""
    year = np.ceil(starts / 12)
    return np.stack([(year == y).sum(axis=1) for y in range(1, months // 12 + 1)], axis=1) / (~np.isnan(areas)).sum(
        axis=1, keepdims=True
    )


def bass(shares: np.ndarray) -> tuple[float, float]:
    """p and q a year of the Bass curve (1969) with ceiling 1 through the yearly shares of first starts [years], by
    non-linear least squares (Srinivasan & Mason 1986)."""
    from scipy.optimize import least_squares

    years = np.arange(len(shares) + 1)

    def curve(logs: np.ndarray) -> np.ndarray:
        p, q = np.exp(logs)
        decay = np.exp(-(p + q) * years)
        return np.diff((1 - decay) / (1 + q / p * decay))

    found = least_squares(lambda logs: curve(logs) - shares, np.log([0.03, 0.3]), bounds=(np.log(1e-5), np.log(5.0)))
    p, q = np.exp(found.x)
    return float(p), float(q)


def pseudo(values: np.ndarray, estimate: Callable[[np.ndarray], float], groups: int = 20) -> np.ndarray:
    """Jackknife pseudo-values of an estimate from the mean over runs [runs, …], leaving out one group at a time."""
    groups = min(groups, len(values))
    whole, part = estimate(values), np.arange(len(values)) % groups
    return np.array([groups * whole - (groups - 1) * estimate(values[part != each]) for each in range(groups)])


def explained(factors: int, levels: tuple[int, int], values: np.ndarray) -> float:
    """Share of the variance over cells and runs that the first (0) or second (1) factor explains, of values
    [runs, levels of the first, levels of the second]."""
    means = values.reshape(-1, *levels).mean(axis=(0, 2 - factors))
    return float(means.var() / values.var())


def _shape(runs: int, seed: int, kept: Parts) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    rows: list[dict[str, Any]] = []
    tables = []
    for name, count in ((CITY, runs), (COUNTRY, min(NATION, runs))):
        scenario = Scenario.load(name)
        starts, areas, used = _kept(scenario, count, seed, kept)
        shares = by_year(starts, areas, scenario.months)

        def row(what: str, values: np.ndarray, low: float, high: float = np.inf, name: str = name) -> None:
            rows.append(_row("shape", name, what, _interval(values), low, high))

        if name == CITY:
            for year in range(1, 4):
                more = shares[:, year] - shares[:, year - 1]
                row(f"first starts in year {year + 1} less year {year}, share of services", more, 0.0)
        else:
            last = shares[:, -2:].mean(axis=1) - shares[:, -4:-2].mean(axis=1)
            row("first starts a year in years 9 and 10 less years 7 and 8, share of services", last, 0.0)
            early = np.array([_areas_without(start, area, 72) for start, area in zip(starts, areas, strict=True)])
            row("areas that start nothing in six years, share", early, 1e-9, 1.0)
            growth = used[:, 36] / used[:, 0]
            row("services using it after three years, times those at the start; commissioners asked", growth, 2.7, 4.0)
        window = f"services outside at the start, {scenario.months // 12} years, ceiling 1"
        row(f"Bass p a year, {window}", pseudo(shares, lambda x: bass(x.mean(axis=0))[0]), 0.01, 0.05)
        row(f"Bass q a year, {window}", pseudo(shares, lambda x: bass(x.mean(axis=0))[1]), 0.2, 0.6)
        row(f"years until half would have started by that curve, {window}", pseudo(shares, _half), 4.9, 12.1)
        for year, each in enumerate(shares.T, 1):
            mean, low, high, n = _interval(each)
            tables.append({"scenario": name, "year": year, "share_starting": mean, "low": low, "high": high, "runs": n})
    country = Scenario.load(COUNTRY)
    paid = country.replace({"months": 36, "pilot_funds": 1.0})
    used = _kept(paid, min(NATION, runs), seed, kept)[2]
    what = "services using it after three years, times those at the start; national money for every pilot"
    rows.append(_row("shape", COUNTRY, what, _interval(used[:, 36] / used[:, 0]), 2.7, 4.0))
    return rows, pd.DataFrame(tables)


def _kept(scenario: Scenario, runs: int, seed: int, kept: Parts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `first_starts`, made once."""

    def made() -> dict[str, np.ndarray]:
        return dict(zip(names, first_starts(scenario, runs, seed), strict=True))

    names = ("starts", "areas", "used")
    found = kept.part(f"starts-{content_hash(scenario.to_toml().encode())}", made)
    return found["starts"], found["areas"], found["used"]


def _half(shares: np.ndarray) -> float:
    p, q = bass(shares.mean(axis=0))
    return float(np.log(2 + q / p) / (p + q))


def _areas_without(start: np.ndarray, area: np.ndarray, month: int) -> float:
    there = ~np.isnan(area)
    everywhere = np.unique(area[there])
    return 1 - len(np.unique(area[there & (start <= month)])) / len(everywhere)


def _shares_of_variance(runs: int, seed: int) -> list[dict[str, Any]]:
    scenario = Scenario.load(TWO)
    leadership, levels = (0.2, 0.5, 0.8), (0.6, 0.7, 0.8)  # the plausible range; one unit about the natural level

    def cell(strength: float, level: float) -> np.ndarray:
        there = scenario.replace({"leadership_strength": strength, "alignment_level": level})
        return of_runs(there, "uptake_mean", runs, seed)

    values = np.moveaxis(np.array([[cell(a, b) for b in levels] for a in leadership]), 2, 0)
    shares = [pseudo(values, lambda x, factor=factor: explained(factor, (3, 3), x)) for factor in (0, 1)]
    ratio = pseudo(values, lambda x: explained(0, (3, 3), x) / explained(1, (3, 3), x))
    what = "variance of uptake (services and chance included) explained by"
    return [
        _row("leaders", TWO, f"{what} leadership of .2, .5 and .8", _interval(shares[0]), 0.0, 1.0),
        _row("leaders", TWO, f"{what} alignment of .6, .7 and .8", _interval(shares[1]), 0.0, 1.0),
        _row("leaders", TWO, "leadership's share over alignment's", _interval(ratio), 1 / 3, 3.0),
    ]


def _row(part: str, scenario: str, what: str, found: list[float], low: float, high: float) -> dict[str, Any]:
    mean, at_least, at_most, runs = found
    return {
        "part": part,
        "scenario": scenario,
        "what": what,
        "model": mean,
        "low": at_least,
        "high": at_most,
        "runs": int(runs),
        "holds_from": low,
        "holds_to": high,
        "verdict": verdict(Interval(mean, at_least, at_most, int(runs)), low, high),
    }


def verdict(found: Interval, low: float, high: float) -> str:
    """Whether the whole interval lies where the statement holds, none of it, or some."""
    if np.isinf(low) and np.isinf(high):
        return "for information"
    if found.low > low and found.high < high:
        return "yes"
    return "**no**" if found.high < low or found.low > high else "open"


def world_tables(runs: int = RUNS, seed: int = SEED, folder: Path | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The statements, and first starts by year. folder : keeps what is finished; asked the same again, goes on."""
    kept = Parts(folder, {"study": "world", "runs": runs, "seed": seed, "code": sources_hash()})

    def arm(scenario: str, settings: Mapping[str, Any], outcome: str) -> np.ndarray:
        changed = Scenario.load(scenario).replace(dict(settings))
        part = content_hash(changed.to_toml().encode())
        names = ("spread_final", "continuous", "sustained_24", "alignment_final", "uptake_mean")

        def simulated() -> dict[str, np.ndarray]:
            table = simulate(changed, runs, seed, record=()).runs
            return {name: table[name].to_numpy() for name in names}

        return kept.part(part, simulated)[outcome]

    rows = []
    for each in _contrasts():
        change = arm(each.scenario, each.of, each.outcome) - arm(each.scenario, each.less, each.outcome)
        rows.append(_row(each.part, each.scenario, each.what, _interval(change), each.low, each.high))
    shape, starts = _shape(runs, seed, kept)
    return pd.DataFrame([*shape, *rows, *_shares_of_variance(runs, seed)]), starts


def as_markdown(table: pd.DataFrame, starts: pd.DataFrame, seed: int) -> str:
    """The tables for readers."""
    lines = [
        "# Does the world move?",
        "",
        "Written by `make facts` (`python -m valign.experiments.study_world`): shipped defaults, "
        f"seed {seed}, every run in a society of its own, arms on the same seeds. Model: mean over runs "
        "[95 % interval: chance alone]. A statement holds (yes) where the whole interval lies in the range, "
        "fails (no) where none of it does, and is open otherwise.",
        "",
        "| of | scenario | statement | model | runs | holds | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.part} | {r.scenario} | {r.what} | {r.model:z.3f} [{r.low:z.3f}, {r.high:z.3f}] | {r.runs} "
        f"| {_range(r.holds_from, r.holds_to)} | {r.verdict} |"
        for r in table.itertuples()
    ]
    lines += ["", "## First starts by year", "", "Share of the services outside at the start.", ""]
    for name, part in starts.groupby("scenario", sort=False):
        told = ", ".join(
            f"{100 * r.share_starting:.1f} [{100 * r.low:.1f}, {100 * r.high:.1f}]" for r in part.itertuples()
        )
        lines += [f"{name}, years 1 to {len(part)}, in %: {told}", ""]
    return "\n".join(lines)


def _range(low: float, high: float) -> str:
    if np.isinf(low) and np.isinf(high):
        return "–"
    if np.isinf(high):
        return f"above {low:.2g}"
    return f"below {high:.2g}" if np.isinf(low) else f"{low:.2g} to {high:.2g}"


def main(arguments: list[str] | None = None) -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser(description="The shape of spread, and what money, leaders and judgement do to it.")
    parser.add_argument("--runs", type=int, default=RUNS, help="runs of an arm, each in a society of its own")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of world.csv, starts.csv and world.md")
    wish = parser.parse_args(arguments)
    kept = default_folder("study-world", {"runs": wish.runs, "seed": wish.seed, "code": sources_hash()})
    with locked(kept):
        table, starts = world_tables(wish.runs, wish.seed, folder=kept)
    text = as_markdown(table, starts, wish.seed)
    wish.out.mkdir(parents=True, exist_ok=True)
    for name, each in (("world", table), ("starts", starts)):
        replace(wish.out / f"{name}.csv", frame_as_cells(each).to_csv(index=False, float_format="%.5g").encode())
    replace(wish.out / "world.md", text.encode())
    print(text)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
