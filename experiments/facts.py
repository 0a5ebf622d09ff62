"""The model at its defaults held against the facts of docs/EVIDENCE.md, with every coefficient of fit at 0 beside.

    python -m valign.experiments.facts [--runs 100] [--out DIR]      writes facts.csv and facts.md (minutes)

Each fact is estimated run by run, every run in a society of its own; the interval is of the mean over runs (t, 95 %).
A fact that the model reproduces without these too says nothing about alignment: that is what the second
column is for. Nothing is tuned here. The committed table stands in results/reference.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from valign.model.compiled.compiling import sources_hash
from valign.model.errors import InputError
from valign.model.parameters import ROLES
from valign.model.scenario.scenario import Scenario
from valign.model.state.arrays import SERVICE_STAGES, STAGES
from valign.results.checkpoint import NOTHING_KEPT, Parts, content_hash, locked, replace
from valign.results.plain_text import frame_as_cells
from valign.results.store import default_folder
from valign.results.summaries import Interval, mean_interval

from .simulate import simulate

RUNS, SEED = 100, 20261124
SCENARIOS = ("two-services", "housing-first")
WITHIN = 24  # months of the follow-up that AUC looks at
NO_FIT = dict.fromkeys(
    (
        "fit_effect",
        "fit_climate",
        "fit_peers",
        "lapse_fit",
        "disapproval",
        "turnover_fit",
        "fit_effect_organisations",
        "score_fit",
    ),
    0.0,
)
OUT = Path(__file__).resolve().parents[1] / "results" / "reference"


Estimator = Callable[[pd.DataFrame, pd.Series, Scenario], float]  # from persons by month, outcomes of the run


@dataclass(frozen=True)
class Fact:
    """A fact and how it is estimated from the person-month table of one run, or taken from the run's outcomes."""

    name: str
    low: float
    high: float
    source: str
    estimate: Estimator
    ratio: bool = False  # averaged over runs on the log scale
    together: bool = False  # as in the studies: all services have started when the six years begin


def first_holders(agents: pd.DataFrame) -> pd.DataFrame:
    """Rows of members while the first holder is in the post."""
    return agents[(agents["role"] != "commissioner") & (agents["holder"] == 0)]


def adoption(agents: pd.DataFrame) -> pd.DataFrame:
    """One row per first holder not engaged at the start: fit at month 0, month of adoption or of leaving, adopted."""
    there = first_holders(agents)
    engaged = there[there["stage"] == "engaged"].groupby("person")["month"].min()
    table = there[there["month"] == 0].set_index("person")[["alignment", "stage", "role", "organisation"]]
    table["month"] = there.groupby("person")["month"].max()
    table["adopted"] = table.index.isin(engaged.index)
    table.loc[engaged.index, "month"] = engaged
    return table[table["stage"] != "engaged"]


def hazard_odds_ratio(predictor: str) -> Estimator:
    """Odds ratio per SD of `predictor` ("fit" at month 0, or "exposure" last month) of adoption in a month at risk.

    Pooled logistic regression (discrete-time hazard) with fit, exposure, role, service and log month as controls, like
    the survey studies, which asked once about values.
    """

    def estimate(agents: pd.DataFrame, run: pd.Series, scenario: Scenario) -> float:
        from sklearn.linear_model import LogisticRegression

        there = first_holders(agents).sort_values(["person", "month"])
        fit = there[there["month"] == 0].set_index("person")["alignment"]
        by_person = there.groupby("person", sort=False)
        rows = there.assign(
            fit=there["person"].map(fit),
            before=by_person["stage"].shift(),
            exposed=by_person["exposure"].shift(),
            ever=by_person["stage"].transform(lambda s: (s.eq("engaged")).cumsum().shift(fill_value=0)),
        )
        rows = rows[(rows["month"] > 0) & (rows["before"] == "aware") & (rows["ever"] == 0)]
        engaged = (rows["stage"] == "engaged").to_numpy()
        if engaged.sum() < 10 or engaged.all():
            return float("nan")
        spread = {"fit": fit.std(), "exposure": rows["exposed"].std()}
        x = pd.DataFrame(
            {
                "fit": rows["fit"] / spread["fit"],
                "exposure": rows["exposed"] / max(spread["exposure"], 1e-9),
                "month": np.log(rows["month"]),
            }
        )
        x = pd.concat(
            [
                x,
                pd.get_dummies(rows["role"].astype(str), drop_first=True, dtype=float),
                pd.get_dummies(rows["organisation"], drop_first=True, dtype=float),
            ],
            axis=1,
        )
        x.columns = x.columns.astype(str)
        # The weakest ridge that converges: one scale parameter, far from biasing the two slopes.
        model = LogisticRegression(C=1e3, max_iter=2000).fit(x - x.mean(), engaged)
        return float(np.exp(model.coef_[0][list(x.columns).index(predictor)]))

    return estimate


def auc(agents: pd.DataFrame, run: pd.Series, scenario: Scenario) -> float:
    """Area under the curve: alignment at month 0 alone for adoption within two years."""
    table = adoption(agents)
    early = (table["adopted"] & (table["month"] <= WITHIN)).to_numpy()
    known = early | (table["month"] >= WITHIN).to_numpy()
    rank = table["alignment"][known].rank()
    yes = early[known]
    pairs = yes.sum() * (~yes).sum()
    return float((rank[yes].sum() - yes.sum() * (yes.sum() + 1) / 2) / pairs) if pairs else float("nan")


def spearman(agents: pd.DataFrame, run: pd.Series, scenario: Scenario) -> float:
    """Rank correlation of alignment at month 0 and month of adoption; who stayed without adopting comes last."""
    table = adoption(agents)
    table = table[table["adopted"] | (table["month"] == scenario.months)]
    time = table["month"].where(table["adopted"], scenario.months + 1)
    return float(table["alignment"].corr(time, method="spearman"))


def largest_shift(agents: pd.DataFrame, run: pd.Series, scenario: Scenario) -> float:
    """Largest move of the mean of a value among the staff of a service, in SD a year over the whole run."""
    staff = agents[agents["role"] == "staff"]
    names = scenario.dimensions
    means = staff.groupby(["month", "organisation"])[names].mean()
    start, end = means.loc[0], means.loc[scenario.months]
    within = staff[staff["month"] == 0].groupby("organisation")[names].std().mean()
    return float(((end - start).abs() / within).to_numpy().max() / (scenario.months / 12))


def opposed(agents: pd.DataFrame, run: pd.Series, scenario: Scenario) -> float:
    """Correlation, over people who stayed, of changes in client agency and in safety and rules."""
    there = first_holders(agents).set_index(["month", "person"])
    end = there.loc[min(36, scenario.months)]
    change = end[scenario.dimensions] - there.loc[0].loc[end.index, scenario.dimensions]
    return float(change["client_agency"].corr(change["safety_and_rules"]))


def outcome(name: str) -> Estimator:
    return lambda agents, run, scenario: float(run[name])


FACTS = (
    Fact("hazard odds ratio per SD of fit", 1.2, 1.6, "three diffusion data sets", hazard_odds_ratio("fit"), True),
    Fact(
        "hazard odds ratio per SD of exposure",
        1.0,
        1.23,
        "three diffusion data sets",
        hazard_odds_ratio("exposure"),
        True,
    ),
    Fact("AUC of alignment alone, uptake in 24 months", 0.60, 0.73, "three diffusion data sets", auc),
    Fact("Spearman of fit and time of adoption", -0.35, -0.20, "three diffusion data sets", spearman),
    Fact("largest shift of a mean, SD a year", 0.0, 0.3, "Bardi and others 2009", largest_shift),
    Fact("changes of agency and safety, correlation", -1.0, 0.0, "Bardi and others 2009", opposed),
    Fact(
        "services using it without a break",
        0.40,
        0.55,
        "49 sites, Bond and others 2014",
        outcome("continuous"),
        together=True,
    ),
    Fact(
        "services stopped and started again",
        0.10,
        0.20,
        "49 sites, Bond and others 2014",
        outcome("restarted"),
        together=True,
    ),
    Fact("staff leaving in a year", 0.22, 0.32, "workforce statistics, parameter .27", outcome("staff_turnover")),
)


# --- facts about services: all have started, each is followed month by month ---------------------------------------
BEFORE, AFTER, LATER = 12, 36, 32  # months: of the change or the ranking, and of what follows
# Weak and strong leadership: means of the lower and the upper half of services (.8 SD from the mean): what counted as
# low and high in the study is not stated more closely.
WEAK, STRONG = 0.38, 0.62


@dataclass(frozen=True)
class ServiceFact:
    """A fact about many services and how it is estimated in each run of a scenario in which all have started."""

    name: str
    low: float
    high: float
    source: str
    estimate: Callable[[Scenario, int, int], list[float]]


def used(stage: np.ndarray) -> np.ndarray:
    """Whether services at these stages use the innovation."""
    return np.isin(stage, [SERVICE_STAGES.index(each) for each in ("piloting", "commissioned", "sustained")])


def leadership_to_climate(started: Scenario, runs: int, seed: int) -> list[float]:
    """Climate gained in two years by services that go from weak to strong leadership, in SD between services before,
    in each run; services in use throughout, each against itself without the change (the same seeds)."""
    weak = started.replace({"leadership_strength": WEAK, "months": AFTER})
    change = {"month": BEFORE, "parameter": "leadership_strength", "set": STRONG}
    arms = [simulate(each, runs, seed, record=("services",)) for each in (weak, weak.replace({"changes": [change]}))]
    found = np.full(runs, np.nan)
    for (rows, _, before), (_, _, after) in zip(*(arm.blocks_of_services() for arm in arms), strict=True):
        there = np.logical_and.reduce([used(at("stage")[t]) for at in (before, after) for t in (BEFORE, AFTER)])
        gained = np.where(there, after("climate")[AFTER] - before("climate")[AFTER], np.nan)
        at_first = np.where(there, before("climate")[BEFORE], np.nan)
        enough = there.sum(axis=0) > 2
        found[rows[enough]] = np.nanmean(gained[:, enough], axis=0) / np.nanstd(at_first[:, enough], axis=0, ddof=1)
    return found.tolist()


def climate_to_use(started: Scenario, runs: int, seed: int) -> list[float]:
    """Members' practice (0 for those who do not use it) twenty months later in the third of services with the best
    climate less that in the third with the poorest, in SD between members, in each run."""
    out = simulate(started.replace({"months": LATER}), runs, seed, record=("services", "agents"))
    found = np.full(runs, np.nan)
    for (rows, _, at), (_, role, service, of) in zip(out.blocks_of_services(), out.blocks_of_people(), strict=True):
        member = role != ROLES.index("commissioner")
        practised = np.where(of("stage", LATER) == STAGES.index("engaged"), of("practice", LATER), 0.0)[member]
        there = used(at("stage")[BEFORE]) & used(at("stage")[LATER])
        for n, run in enumerate(rows):
            kept = np.flatnonzero(there[:, n])
            third = len(kept) // 3
            if not third:
                continue
            ranked = kept[np.argsort(at("climate")[BEFORE, kept, n], kind="stable")]
            poor, good = (practised[np.isin(service[member], each), n] for each in (ranked[:third], ranked[-third:]))
            found[run] = (good.mean() - poor.mean()) / np.sqrt((good.var(ddof=1) + poor.var(ddof=1)) / 2)
    return found.tolist()


SERVICE_FACTS = (
    ServiceFact(
        "climate gained where leadership goes from weak to strong, SD of services",
        0.17,
        1.67,
        "30 clinics, Williams and others 2020 (.92, p = .017)",
        leadership_to_climate,
    ),
    ServiceFact(
        "practice after 20 months, best against poorest third by climate, SD of members",
        0.63,
        1.24,
        "10 agencies, Williams and others 2022",
        climate_to_use,
    ),
)
MANY = 10  # services, from which on facts about services can be told


def estimate(
    scenario: Scenario, runs: int = RUNS, seed: int = SEED, chunk: int = 10, kept: Parts = NOTHING_KEPT
) -> dict[str, Interval]:
    """All facts of a scenario: mean over runs with its interval. Few runs are held in memory at a time."""
    apart = [fact for fact in FACTS if not fact.together]
    values: dict[str, list[float]] = {fact.name: [] for fact in FACTS}
    for first in range(0, runs, chunk):

        def estimated(first: int = first) -> dict[str, list[list[float]]]:
            out = simulate(scenario, runs=min(chunk, runs - first), seed=seed + first, record=("agents",))
            tables = [(table, out.runs.loc[number]) for number, table in out.agents.groupby("run")]
            return {"facts": [[fact.estimate(table, run, scenario) for table, run in tables] for fact in apart]}

        part = kept.part(f"{content_hash(scenario.to_toml().encode())}-{first:05d}", estimated)
        for fact, found in zip(apart, part["facts"], strict=True):
            values[fact.name].extend(map(float, found))
    # The sites of the studies were few among the services of their country: what all others do gives no legitimacy.
    started = scenario.replace(
        {f"organisations.{name}.stage": "piloting" for name in scenario.group_names} | {"adoption_norm": 0.0}
    )
    for _, run in simulate(started, runs=runs, seed=seed, record=()).runs.iterrows():
        for fact in FACTS:
            if fact.together:
                values[fact.name].append(fact.estimate(pd.DataFrame(), run, scenario))
    found = {fact.name: _interval(fact, values[fact.name]) for fact in FACTS}
    if sum(group.count for group in scenario.organisations) >= MANY:
        found |= {fact.name: mean_interval(fact.estimate(started, runs, seed)) for fact in SERVICE_FACTS}
    return found


def _interval(fact: Fact, values: list[float]) -> Interval:
    if not fact.ratio:
        return mean_interval(values)
    found = mean_interval(np.log(values))
    return Interval(float(np.exp(found.mean)), float(np.exp(found.low)), float(np.exp(found.high)), found.n)


def verdict(fact: Fact | ServiceFact, found: Interval) -> str:
    """Whether the mean lies in the range of the evidence, its interval only touches it, or neither."""
    if fact.low <= found.mean <= fact.high:
        return "yes"
    return "within error" if found.low <= fact.high and found.high >= fact.low else "**no**"


def facts_table(
    runs: int = RUNS, seed: int = SEED, scenarios: tuple[str, ...] = SCENARIOS, folder: Path | None = None
) -> pd.DataFrame:
    """Facts by scenario: range in the evidence, the model's mean with its interval, the same without fit, verdict.

    folder : keeps what is finished; asked the same again, goes on from there.
    """
    kept = Parts(
        folder,
        {"facts": [fact.name for fact in (*FACTS, *SERVICE_FACTS)], "runs": runs, "seed": seed, "code": sources_hash()},
    )
    rows = []
    for name in scenarios:
        scenario = Scenario.load(name)
        if name != "two-services":
            scenario = scenario.replace({"months": 72})
        found, blind = (estimate(each, runs, seed, kept=kept) for each in (scenario, scenario.replace(NO_FIT)))
        for fact in (*FACTS, *SERVICE_FACTS):
            if fact.name not in found:
                continue
            here, there = found[fact.name], blind[fact.name]
            rows.append(
                {
                    "scenario": name,
                    "fact": fact.name,
                    "evidence_low": fact.low,
                    "evidence_high": fact.high,
                    "model": here.mean,
                    "low": here.low,
                    "high": here.high,
                    "runs": here.n,
                    "no_fit": there.mean,
                    "no_fit_low": there.low,
                    "no_fit_high": there.high,
                    "source": fact.source,
                    "verdict": verdict(fact, here),
                }
            )
    return pd.DataFrame(rows)


def as_markdown(table: pd.DataFrame, runs: int, seed: int) -> str:
    """The table for readers."""
    lines = [
        "# Facts",
        "",
        "Written by `make facts` (`python -m valign.experiments.facts`): "
        f"{runs} runs a scenario, each in a society of its own, seed {seed}, 72 months, shipped defaults.",
        "Model: mean over runs [95 % interval]. No fit: the same with every coefficient of fit at 0 "
        f"({', '.join(NO_FIT)}).",
        "Facts about services that had started: all start together, and legitimacy is off, since the sites of the "
        "studies were few among the services of their country.",
        "",
        "| scenario | fact | evidence | model | no fit | in range |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.scenario} | {r.fact} | {r.evidence_low:g} to {r.evidence_high:g} "
        f"| {r.model:.2f} [{r.low:.2f}, {r.high:.2f}] | {r.no_fit:.2f} [{r.no_fit_low:.2f}, {r.no_fit_high:.2f}] "
        f"| {r.verdict} |"
        for r in table.itertuples()
    ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description="Hold the model at its defaults against the facts.")
    parser.add_argument("--runs", type=int, default=RUNS, help="runs a scenario, each in a society of its own")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of facts.csv and facts.md")
    wish = parser.parse_args(arguments)
    kept = default_folder("study-facts", {"runs": wish.runs, "seed": wish.seed, "code": sources_hash()})
    with locked(kept):
        table = facts_table(wish.runs, wish.seed, folder=kept)
    text = as_markdown(table, wish.runs, wish.seed)
    wish.out.mkdir(parents=True, exist_ok=True)
    replace(wish.out / "facts.csv", frame_as_cells(table).to_csv(index=False, float_format="%.5g").encode())
    replace(wish.out / "facts.md", text.encode())
    print(text)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
