"""Is the diagnosis right? Surveys of made-up people whose true values are known, hundreds of times: `make diagnosis`.

Three questions: do intervals hold the truth, and are ranks of services as sure as the report says; are misreading and
disagreement told apart; do the entries of two waves hold the truth, and is nothing claimed where nothing moved.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from valign.results.plain_text import frame_as_cells
from valign.model.scenario.scenario import DIMENSIONS, Scenario

from .change import ENTRIES, MOVES, Change, shapley
from .made_up import Moves, Truth, asked, later, sample, truth
from .measurement import Measured
from .misfit import DISAGREED, MISREAD, NEITHER, misfit
from .pooling import GOAL, pool

OUT = Path(__file__).resolve().parents[2] / "results" / "reference" / "diagnosis"
RELIABILITY, MISSING = 0.7, 0.2
SETTINGS = {  # answers and people in each of 20 services, share of the variance of values between services
    "8 of 30 answer": (8, 30, 0.07),
    "all 30 answer": (30, 30, 0.07),
    "8 of 30 answer, services differ more": (8, 30, 0.21),
    "8 of 120 answer, services differ more": (8, 120, 0.21),
}
GAP = 0.2
MOVED = Moves(
    people=np.array([0.06, 0, 0.03, -0.06, 0, 0, 0]),
    scatter=-0.2,
    version=np.array([-0.05, 0, 0, 0.05, 0, 0, 0]),
    clearer=0.3,
    judgement=0.04,
    leaving=0.25,
    selective=0.6,
)
WAVES = {"nothing but noise": Moves(), "everything moved": MOVED}
ANSWERS = 15


def estimates(name: str, rng: np.random.Generator) -> dict[str, Any]:
    """One survey: errors of means, whether intervals hold, ranks."""
    answers, people, share = SETTINGS[name]
    made = truth(rng, people=people, service_share=share)
    fit = made.fit()
    services = np.bincount(made.service, fit) / np.bincount(made.service)

    def survey(count: int) -> tuple[Measured, Any]:
        measured = Measured(asked(made, rng, sample(made, rng, count), RELIABILITY, MISSING))
        a = measured.answers
        return measured, pool(measured.fit, a.service, len(services), a.people, measured.lasting)

    measured, pooled = survey(answers)
    whole = pooled.draws.mean(axis=1)
    low, high = np.quantile(whole, (0.025, 0.975))
    needed, never = pooled.answers_needed(), pooled.out_of_reach()
    _, again = survey(people if needed is None else needed)
    rows = np.argsort(fit)[-len(fit) // 3 :]
    top = np.isin(measured.answers.person, np.array(made.person)[rows])
    top_true = fit[[made.person.index(each) for each in np.array(measured.answers.person)[top]]].mean()
    raw = 1 - np.nan_to_num(np.abs(measured.own - measured.reads), nan=0.25) @ measured.weights
    return {
        "holds_service": float(((services >= pooled.low) & (services <= pooled.high)).mean()),
        "holds_whole": float(low <= fit.mean() <= high),
        "bias": float(whole.mean() - fit.mean()),
        "bias_uncorrected": measured.naive_fit - float(fit.mean()),
        "bias_top": float(np.nanmean(measured.fit[top]) - top_true),
        "bias_top_uncorrected": float(raw[top].mean() - top_true),
        "reliability": measured.reliability,
        "tau": float(kendalltau(pooled.mean, services)[0]),
        "tau_predicted": pooled.agreement(),
        "needed": np.nan if needed is None else float(needed),
        "cannot": float(needed is None and never),
        "tau_then": float(kendalltau(again.mean, services)[0]),
    }


def planted(rng: np.random.Generator) -> list[dict[str, Any]]:
    """One survey of people who hold what the innovation stands for, but for two values: misread, or disagreed with."""
    scenario = Scenario.load("housing-first")
    made = truth(rng)
    m = np.array([scenario.innovation.values[d] for d in DIMENSIONS])
    own = np.clip(m + 0.175 * rng.standard_normal(made.own.shape), 0, 1)
    chosen = rng.choice(len(m), 2, replace=False)
    kinds = rng.choice([MISREAD, DISAGREED], 2)
    for k, kind in zip(chosen, kinds, strict=True):
        toward = GAP if m[k] < 0.5 else -GAP
        target = own if kind == DISAGREED else made.reads
        target[:, k] = np.clip(target[:, k] + toward, 0, 1)
    made = Truth(made.person, made.service, made.role, own, made.reads, made.judged, made.climate, m, made.emphasis)
    measured = Measured(asked(made, rng, sample(made, rng, 8), RELIABILITY, MISSING))
    found = misfit(measured, {"everybody": np.ones(len(measured.answers), bool)})["kind"].tolist()
    of = dict(zip(chosen.tolist(), kinds.tolist(), strict=True))
    return [{"planted": of.get(k, NEITHER), "found": kind} for k, kind in enumerate(found)]


def true_entries(one: Truth, two: Truth, new: np.ndarray) -> np.ndarray:
    """The balance of two waves from what is true of everybody [7]."""
    stayed = ~new
    own, reads = (one.own[stayed], two.own[stayed]), (one.reads[stayed], two.reads[stayed])

    def fit(at: tuple[int, ...]) -> np.ndarray:
        v = own[at[1]] - own[at[1]].mean(axis=0) + own[at[0]].mean(axis=0)
        p = reads[at[3]] - reads[at[3]].mean(axis=0) + reads[at[2]].mean(axis=0)
        return np.asarray(1 - (np.abs(v - p) @ one.emphasis).mean())

    moves = [float(each) for each in shapley({at: fit(at) for at in product((0, 1), repeat=4)})]
    before, after = one.judged, two.judged
    judgement = after[stayed].mean() - before[stayed].mean() - sum(moves)
    return np.array([*moves, judgement, before[stayed].mean() - before.mean(), after.mean() - after[stayed].mean()])


def waves(name: str, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Two waves: for each entry truth, estimate, whether the interval holds the truth, whether a change is claimed."""
    one, fresh = truth(rng), truth(rng)
    two, new = later(one, rng, WAVES[name], fresh)
    rows = sample(one, rng, ANSWERS)
    table = Change(*(asked(wave, rng, rows, RELIABILITY, MISSING) for wave in (one, two))).measures.set_index("entry")
    true = dict(zip(ENTRIES, true_entries(one, two, new), strict=True))
    away = [np.abs(each.reads[~new].mean(axis=0) - each.intended) @ each.emphasis for each in (one, two)]
    true |= {"sum": sum(true.values()), "fit": sum(true[each] for each in MOVES), "nearer": away[0] - away[1]}
    return [
        {
            "entry": entry,
            "true": true[str(entry)],
            "estimate": row["change"],
            "half": (row["high"] - row["low"]) / 2,
            "holds": float(row["low"] <= true[str(entry)] <= row["high"]),
            "claimed": float(row["low"] > 0 or row["high"] < 0),
        }
        for entry, row in table.iterrows()
        if name != "nothing but noise" or entry not in ("left", "came")  # nobody left
    ]


def repeated(what: Callable[[np.random.Generator], Any], repetitions: int, key: int) -> pd.DataFrame:
    """The rows of so many repetitions, each with numbers of its own."""
    rows: list[dict[str, Any]] = []
    for n in range(repetitions):
        found = what(np.random.default_rng([key, n]))
        rows += [{"repetition": n, **each} for each in (found if isinstance(found, list) else [found])]
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Does the diagnosis find what is true of made-up people?")
    parser.add_argument("parts", nargs="*", metavar="|".join(PARTS), help="which of the tables (default: all)")
    parser.add_argument("--repetitions", type=int, default=500)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    if wrong := [each for each in options.parts if each not in PARTS]:
        parser.error(f"{wrong[0]}: expected one of {', '.join(PARTS)}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.parts or PARTS:
        PARTS[name](options.repetitions, options.out / f"{name}.csv")


def estimates_of_all(repetitions: int, path: Path) -> None:
    """A row for each setting: means over surveys, and how often what is said of the answers needed is right."""
    rows = []
    for place, name in enumerate(SETTINGS):
        found = repeated(lambda rng, name=name: estimates(name, rng), repetitions, place)
        reached, cannot = found["needed"].notna(), found["cannot"] > 0
        rows.append(
            {"setting": name, "repetitions": len(found), **found.drop(columns="repetition").mean().to_dict(),
             "reached": reached.mean(), "tau_then_reached": found.loc[reached, "tau_then"].mean(),
             "tau_then_cannot": found.loc[cannot, "tau_then"].mean(),
             "right_cannot": (found.loc[cannot, "tau_then"] < GOAL + 0.05).mean()}
        )  # fmt: skip
        _write(pd.DataFrame(rows), path)


def kinds_of_all(repetitions: int, path: Path) -> None:
    """How often each kind of misfit is found where each was planted."""
    kinds = repeated(planted, repetitions, 10)
    counts = kinds.groupby(["planted", "found"]).size().rename("values").reset_index()
    counts["share"] = counts["values"] / counts.groupby("planted")["values"].transform("sum")
    _write(counts, path)


def waves_of_all(repetitions: int, path: Path) -> None:
    """A row for each entry of the balance, where nothing but noise and where everything moved."""
    rows = []
    for place, name in enumerate(WAVES):
        found = repeated(lambda rng, name=name: waves(name, rng), repetitions, 20 + place)
        means = found.drop(columns="repetition").groupby("entry", sort=False).mean()
        means.insert(0, "waves", name)
        rows.append(means.reset_index().assign(repetitions=repetitions))
        _write(pd.concat(rows, ignore_index=True), path)


PARTS: dict[str, Callable[[int, Path], None]] = {
    "waves": waves_of_all,
    "estimates": estimates_of_all,
    "kinds": kinds_of_all,
}


def _write(table: pd.DataFrame, path: Path) -> None:
    frame_as_cells(table).to_csv(path, index=False, float_format="%.4g", lineterminator="\n")
    print(table.to_string(), flush=True)


if __name__ == "__main__":
    main()
