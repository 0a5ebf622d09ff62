"""Makes the tables of this folder: people and ties drawn at random, what they do simulated by valign.

    python examples/own-data/make.py [FOLDER]

TRUTH is what `valign calibrate examples/own-data` should find. The poll comes from another run with the same
parameters, so that it says something that the histories do not; so does the pattern, whose value is printed.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from valign.calibration.abc.recovery import synthetic
from valign.calibration.data.reading import load
from valign.calibration.problem.problem import CalibrationProblem

HERE = Path(__file__).parent
TRUTH = {"base_staff": -3.0, "fit_effect": 0.4, "peer_effect": 0.3, "norm_effect": 1.0, "awareness_in_service": 0.3}
PEOPLE, DISTRICTS, QUARTERS, ASKED = 1000, 24, 16, 250
SEED = 1


def people_and_ties(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Districts differ in size and in what is valued; advice stays mostly local and with the like-minded."""
    district = np.sort(rng.choice(DISTRICTS, PEOPLE, p=rng.dirichlet(np.full(DISTRICTS, 12.0))))
    agency = np.clip(rng.normal(4.4, 0.5, DISTRICTS)[district] + rng.normal(0, 1.3, PEOPLE), 1, 7).round(1)
    safety = np.clip(90 - 8 * agency + rng.normal(0, 14, PEOPLE), 0, 100).round()
    until = np.where(np.arange(DISTRICTS) % 4 == 0, QUARTERS - 3, QUARTERS)[
        district
    ]  # every fourth left the study early
    names = np.array([f"r{n + 1:04d}" for n in range(PEOPLE)])
    ties = set()
    for ego in range(PEOPLE):
        near = np.where(district == district[ego], 1.0, 0.004) * np.exp(-0.4 * np.abs(agency - agency[ego]))
        near[ego] = 0.0
        for alter in rng.choice(PEOPLE, rng.integers(0, 6), replace=False, p=near / near.sum()):
            ties.add((names[ego], names[alter]))
    ties |= {(names[ego], f"x{n}") for n, ego in enumerate(rng.choice(PEOPLE, 40, replace=False))}  # were not asked
    people = pd.DataFrame(
        {
            "respondent": names,
            "district": [f"D{each + 1:02d}" for each in district],
            "q12": pd.Series(agency).where(rng.random(PEOPLE) > 0.03),
            "q31": pd.Series(safety).where(rng.random(PEOPLE) > 0.03).astype("Int64"),
            "last_wave": until,
        }
    )
    return people, pd.DataFrame(sorted(ties), columns=["ego", "alter"])


def main(folder: Path = HERE) -> None:
    rng = np.random.default_rng(SEED)
    people, ties = people_and_ties(rng)
    ties.to_csv(folder / "ties.csv", index=False, lineterminator="\n")
    if folder != HERE:
        shutil.copyfile(HERE / "data.toml", folder / "data.toml")

    def write(time: np.ndarray) -> None:
        adopted = pd.Series(time).astype("Int64").astype(object).where(np.isfinite(time), "never")
        table = people.assign(adopted_in=adopted)
        table.to_csv(folder / "people.csv", index=False, na_rep="NA", lineterminator="\n")

    write(np.where(np.arange(PEOPLE) % 2, 1.0, np.nan))  # so that there is something to read
    poll = pd.DataFrame({"quarter": [4, 8, 12, 16], "yes": 0, "asked": ASKED})
    poll.to_csv(folder / "poll.csv", index=False, lineterminator="\n")
    problem = CalibrationProblem.of(load(folder))
    theta = np.array([TRUTH[name] for name in problem.prior.names])
    _, others = problem.run(
        theta[None], np.array([SEED + 1]), times=True
    )  # who of other people came when: not censored
    assert others is not None
    assert problem.layout is not None
    share = [float(((others >= 1) & (others <= quarter)).mean()) for quarter in poll["quarter"]]
    poll["yes"] = rng.binomial(ASKED, np.clip(np.array(share) + 0.02 * rng.standard_normal(len(share)), 0, 1))
    poll.to_csv(folder / "poll.csv", index=False, lineterminator="\n")
    high = problem.layout.high[:, 0] == 1
    print(f"high on agency, by quarter 8: {((others[high] >= 1) & (others[high] <= 8)).mean():.2f}")
    found = synthetic(problem, theta, seed=SEED).people
    assert found is not None
    write(found["time"].to_numpy(float))


if __name__ == "__main__":
    main(*(Path(each) for each in sys.argv[1:2]))
