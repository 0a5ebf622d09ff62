"""How often the fit gate speaks: `make misfit` (minutes) writes results/reference/misfit/.

    python -m valign.calibration.study_misfit [--cases 200] [--simulations 12500] [--people 30] [--out DIR]

Data sets of stated size are simulated with the model itself, and with what the fit lacks: a trend over time,
communities that differ, influence over a network that was not recorded. A gate that says "does not fit" for more than
1 in 10 of the first, or for fewer than 9 in 10 of the others, is not good enough.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.model.reading import parse_toml
from valign.model.scenario.scenario import Scenario
from valign.results.plain_text import frame_as_cells

from .abc.fit_gate import fit_gate
from .abc.recovery import reference_table
from .abc.smc import batch_seeds
from .data.schema import Data
from .data.tables import ties_of_pairs
from .planning.people import pairs_within, planned_people
from .problem.given import society_of_data
from .problem.problem import DEFAULT_FREE, CalibrationProblem
from .problem.spread import spread_summaries

FOLDER = Path(__file__).resolve().parents[1] / "results" / "reference" / "misfit"
COMMUNITIES, PERIODS, TIES = 20, 18, 6.0  # ties of a person
PEOPLE = (30,)  # of a community: the sizes that are tried
TREND = ((7, -2.75), (13, -1.0))  # base log-odds from these months on, after -4.5
COMMUNITY_SD = 1.2  # logit
INFLUENCE = 5.0  # logit per share of the ties that were not recorded
LEVELS = (-4.0, -2.0)  # of data sets: base log-odds
LOWER = (-5.0, -3.5)  # where influence is strong, or everybody would have adopted soon
WITH = {
    "none (the model itself)": "parameters drawn from the prior",
    "time trend": f"base log-odds -4.5, then {TREND[0][1]:g} from month {TREND[0][0]} and {TREND[1][1]:g} from month "
    f"{TREND[1][0]}",
    "communities differ": f"base log-odds of communities differ with a standard deviation of {COMMUNITY_SD:g}",
    "wrong network": f"influence of {INFLUENCE:g} logit per share of ties, none of which are those recorded",
}


def histories(problem: CalibrationProblem, what: str, cases: int, seed: int) -> np.ndarray:
    """Periods of adoption [N x cases] of data sets made with `what`, in the rows of the problem."""
    rng = np.random.default_rng([seed, 2])
    theta = problem.prior.theta(rng.standard_normal((cases, len(problem.prior))))
    seeds = batch_seeds(seed, 200_000, 0, cases)
    names = problem.prior.names
    if what != next(iter(WITH)):
        theta[:, names.index("base_staff")] = rng.uniform(*LEVELS, cases)
    if what == "time trend":
        theta[:, names.index("base_staff")] = -4.5
        changes = [{"month": month, "parameter": "base_staff", "set": level} for month, level in TREND]
        return _run(_with(problem, {"changes": changes}), theta, seeds)
    if what == "wrong network":
        theta[:, names.index("base_staff")] = rng.uniform(*LOWER, cases)
        theta[:, names.index("peer_effect")] = INFLUENCE
        other = society_of_data(_rewired(problem.data, seed), problem.scenario)
        return _run(CalibrationProblem(problem.data, problem.scenario, problem.prior, other), theta, seeds)
    if what == "communities differ":
        found = [_differing(problem, theta[n], int(seeds[n]), rng) for n in range(cases)]
        return np.concatenate(found, axis=1)
    return _run(problem, theta, seeds)


def _differing(problem: CalibrationProblem, theta: np.ndarray, seed: int, rng: np.random.Generator) -> np.ndarray:
    """One data set, each community of which has a base of its own."""
    layout = problem.layout
    assert layout is not None
    base = theta[problem.prior.names.index("base_staff")] + COMMUNITY_SD * rng.standard_normal(len(layout.communities))
    group = parse_toml(problem.scenario.to_toml())["organisations"][0]
    groups = [
        {**group, "name": name, "count": 1, "parameters": {"base_staff": float(level)}}
        for name, level in zip(layout.communities, base, strict=True)
    ]
    made = _with(problem, {"organisations": groups})
    free = [k for k, name in enumerate(made.prior.names) if name != "base_staff"]
    kept = {name: (float(made.prior.low[k]), float(made.prior.high[k])) for k, name in enumerate(made.prior.names)}
    del kept["base_staff"]
    own = CalibrationProblem.of(made.data, made.scenario, kept)
    own_layout = own.layout
    assert own_layout is not None
    time = _run(own, theta[free][None], np.array([seed]))
    place = {text: row for row, text in enumerate(own_layout.ids)}
    return time[[place[text] for text in layout.ids]]


def _with(problem: CalibrationProblem, changed: dict[str, Any]) -> CalibrationProblem:
    made = Scenario.from_mapping({**parse_toml(problem.scenario.to_toml()), **changed})
    return CalibrationProblem(problem.data, made, problem.prior, problem.society)


def _rewired(data: Data, seed: int) -> Data:
    """The same people with other ties."""
    assert data.people is not None
    assert data.ties is not None
    community = np.unique(data.people["community"], return_inverse=True)[1]
    pairs = pairs_within(np.random.default_rng([seed, 3]), community, len(data.ties))
    return replace(data, ties=ties_of_pairs(data.people, pairs))


def _run(problem: CalibrationProblem, theta: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    _, times = problem.run(theta, seeds, times=True)
    assert times is not None
    return times


def misfit_study(cases: int, simulations: int, people: int, seed: int = 1) -> pd.DataFrame:
    """How often the gate says that the model does not fit: one row per way in which data were made."""
    data = planned_people(COMMUNITIES, people, PERIODS, TIES, seed=seed)
    problem = CalibrationProblem.of(data, free=DEFAULT_FREE)
    table = reference_table(problem, simulations, seed)
    summariser, layout = problem.summariser, problem.layout
    assert summariser is not None
    assert layout is not None
    assert table.gate is not None
    rows: list[dict[str, object]] = []
    for number, (what, told) in enumerate(WITH.items()):
        times = histories(problem, what, cases, seed + 1 + number)
        times = np.ascontiguousarray(times, np.int32)
        observed = np.concatenate([summariser(times), spread_summaries(layout, times)]).T
        gates = [fit_gate(table.u, table.gate, each, problem.gate_names) for each in observed]
        said = np.array([not gate.fits for gate in gates])
        missed = pd.concat([gate.summaries[gate.summaries["missed"]] for gate in gates])["summary"].value_counts()
        rows.append(
            {
                "made with": what,
                "how": told,
                "people": COMMUNITIES * people,
                "communities": COMMUNITIES,
                "periods": PERIODS,
                "cases": cases,
                "said not to fit": said.mean(),
                "error": np.sqrt(said.mean() * (1 - said.mean()) / cases),
                "adopted": float((times > 0).mean()),
                "missed most": str(missed.index[0]) if len(missed) else "",
            }
        )
    return pd.DataFrame(rows)


def main(arguments: list[str] | None = None) -> None:
    """The study as a table."""
    parser = argparse.ArgumentParser(description="How often the fit gate speaks when it should, and when not.")
    parser.add_argument("--cases", type=int, default=200, help="data sets of each kind")
    parser.add_argument("--simulations", type=int, default=12_500, help="from the prior, that they are compared with")
    parser.add_argument("--people", type=int, nargs="+", default=PEOPLE, help="of a community, each a size to try")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the table")
    wish = parser.parse_args(arguments)
    wish.out.mkdir(parents=True, exist_ok=True)
    table = pd.concat([misfit_study(wish.cases, wish.simulations, people) for people in wish.people])
    frame_as_cells(table).to_csv(wish.out / "misfit.csv", index=False, float_format="%.4g", lineterminator="\n")
    print(table.drop(columns="how").to_string(index=False))


if __name__ == "__main__":
    main()
