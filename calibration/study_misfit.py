"""How often the fit gate speaks: `make misfit` (minutes) writes results/reference/misfit/.

    python -m valign.calibration.study_misfit [--cases 200] [--simulations 6000] [--size C P T]... [--out DIR]

Data sets of stated size are simulated with the model itself, and with what the fit lacks: a trend over time,
communities that differ, influence over a network that was not recorded. A gate that says "does not fit" for more than
1 in 10 of the first, or for fewer than 9 in 10 of the others, is not good enough. How often it speaks is told apart for
data sets in which few have adopted: those say little of what moved anybody. A stopped one goes on from its batches.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.model.reading import parse_toml
from valign.model.scenario.scenario import Scenario
from valign.results.checkpoint import Parts
from valign.results.plain_text import frame_as_cells
from valign.results.store import default_folder

from .abc.fit_gate import Compared, fit_gate
from .abc.recovery import reference_table
from .abc.smc import batch_seeds
from .data.schema import Data
from .data.tables import ties_of_pairs
from .planning.people import pairs_within, planned_people
from .problem.differences import COMMUNITY_SD
from .problem.given import society_of_data
from .problem.problem import DEFAULT_FREE, CalibrationProblem
from .problem.spread import spread_summaries

FOLDER = Path(__file__).resolve().parents[1] / "results" / "reference" / "misfit"
SIZES = ((20, 30, 18), (40, 30, 24))  # communities, people of each, periods
TIES = 6.0  # of a person
FEW = 0.3  # share adopted, under which a data set is one of few adopters
TREND = ((7, -2.75), (13, -1.0))  # base log-odds from these months on, after -4.5
COMMUNITY_APART = 1.2  # standard deviation, logit
INFLUENCE = 5.0  # logit per share of the ties that were not recorded
LEVELS = (-4.0, -2.0)  # of data sets: base log-odds
LOWER = (-5.0, -3.5)  # where influence is strong, or everybody would have adopted soon
WITH = {
    "none (the model itself)": "parameters drawn from the prior",
    "time trend": f"base log-odds -4.5, then {TREND[0][1]:g} from month {TREND[0][0]} and {TREND[1][1]:g} from month "
    f"{TREND[1][0]}",
    "communities differ": f"base log-odds of communities differ with a standard deviation of {COMMUNITY_APART:g}",
    "wrong network": f"influence of {INFLUENCE:g} logit per share of ties drawn anew, instead of those recorded",
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
        free = dict(zip(names, zip(problem.prior.low.tolist(), problem.prior.high.tolist(), strict=True), strict=True))
        apart = CalibrationProblem.of(
            problem.data, problem.scenario, free, society=problem.society, differences={COMMUNITY_SD: True}
        )
        return _run(apart, np.column_stack([theta, np.full(cases, COMMUNITY_APART)]), seeds)
    return _run(problem, theta, seeds)


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


def misfit_study(cases: int, simulations: int, size: tuple[int, int, int], seed: int = 1) -> pd.DataFrame:
    """How often the gate says that the model does not fit: one row per way in which data were made.

    size : communities, people of each, periods.
    """
    communities, people, periods = size
    data = planned_people(communities, people, periods, TIES, seed=seed)
    problem = CalibrationProblem.of(data, free=DEFAULT_FREE)
    work = {**problem.work, "simulations": simulations, "seed": seed, "gate": list(problem.gate_names)}
    kept = Parts(default_folder("misfit", work), work, "study", lambda text: InputError([text]))
    table = reference_table(problem, simulations, seed, kept=kept)
    summariser, layout = problem.summariser, problem.layout
    assert summariser is not None
    assert layout is not None
    assert table.gate is not None
    compared = Compared(table.u, table.gate)
    rows: list[dict[str, object]] = []
    for number, (what, told) in enumerate(WITH.items()):
        times = histories(problem, what, cases, seed + 1 + number)
        times = np.ascontiguousarray(times, np.int32)
        observed = np.concatenate([summariser(times), spread_summaries(layout, times)]).T
        gates = [fit_gate(compared, each, problem.gate_names) for each in observed]
        said = np.array([not gate.fits for gate in gates])
        few = (times > 0).mean(axis=0) < FEW
        missed = pd.concat([gate.summaries[gate.summaries["missed"]] for gate in gates])["summary"].value_counts()
        rows.append(
            {
                "made with": what,
                "how": told,
                "people": communities * people,
                "communities": communities,
                "periods": periods,
                "cases": cases,
                "said not to fit": said.mean(),
                "error": np.sqrt(said.mean() * (1 - said.mean()) / cases),
                "adopted": float((times > 0).mean()),
                "cases of few": int(few.sum()),
                "said of few": float(said[few].mean()) if few.any() else float("nan"),
                "said of others": float(said[~few].mean()) if (~few).any() else float("nan"),
                "missed most": str(missed.index[0]) if len(missed) else "",
            }
        )
    return pd.DataFrame(rows)


def main(arguments: list[str] | None = None) -> None:
    """The study as a table."""
    parser = argparse.ArgumentParser(description="How often the fit gate speaks when it should, and when not.")
    parser.add_argument("--cases", type=int, default=200, help="data sets of each kind")
    parser.add_argument(
        "--simulations",
        type=int,
        default=6000,
        help="from the prior, that they are compared with: the fewest of any calibration",
    )
    parser.add_argument(
        "--size", type=int, nargs=3, action="append", metavar=("COMMUNITIES", "PEOPLE", "PERIODS"), help="to try"
    )
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the table")
    wish = parser.parse_args(arguments)
    wish.out.mkdir(parents=True, exist_ok=True)
    sizes = SIZES if wish.size is None else [tuple(size) for size in wish.size]
    table = pd.concat([misfit_study(wish.cases, wish.simulations, size) for size in sizes])
    frame_as_cells(table).to_csv(wish.out / "misfit.csv", index=False, float_format="%.4g", lineterminator="\n")
    print(table.drop(columns="how").to_string(index=False))


if __name__ == "__main__":
    main()
