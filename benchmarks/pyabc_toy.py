"""Our sequential ABC beside pyABC's, on a toy with a known posterior: same prior, distance, population and budget.

pyABC is no dependency. Run it in an environment of its own (`pip install pyabc`), then ours where valign is installed:

    python benchmarks/pyabc_toy.py pyabc results/reference/calibration/pyabc.csv
    python benchmarks/pyabc_toy.py valign results/reference/calibration/pyabc.csv

Each writes its rows (mean, sd, 5 and 95 % of each parameter, seconds) into the file, beside those of the other.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

LOW, HIGH, OBSERVED, SD = -4.0, 4.0, np.array([1.2, -0.5]), np.array([0.5, 1.0])
PARTICLES, SIMULATIONS, QUANTILE = 1000, 30_000, 0.5


def quantile(x: np.ndarray, weight: np.ndarray, share: float) -> float:
    order = np.argsort(x)
    return float(np.interp(share, np.cumsum(weight[order]) - 0.5 * weight[order], x[order]))


def rows(method: str, theta: np.ndarray, weight: np.ndarray, simulations: int, seconds: float) -> list[dict]:
    weight = weight / weight.sum()
    found = []
    for k, name in enumerate("ab"):
        mean = float(weight @ theta[:, k])
        found.append({"method": method, "parameter": name, "mean": mean,
                      "sd": float(np.sqrt(weight @ (theta[:, k] - mean) ** 2)),
                      "q05": quantile(theta[:, k], weight, 0.05), "q95": quantile(theta[:, k], weight, 0.95),
                      "ess": float(1 / (weight**2).sum()), "simulations": simulations, "seconds": seconds})  # fmt: skip
    return found


def exact() -> list[dict]:
    from scipy.stats import truncnorm

    found = []
    for k, name in enumerate("ab"):
        d = truncnorm((LOW - OBSERVED[k]) / SD[k], (HIGH - OBSERVED[k]) / SD[k], OBSERVED[k], SD[k])
        found.append({"method": "exact", "parameter": name, "mean": d.mean(), "sd": d.std(), "q05": d.ppf(0.05),
                      "q95": d.ppf(0.95)})  # fmt: skip
    return found


def pyabc_rows() -> list[dict]:
    import pyabc

    np.random.seed(1)

    def model(p: dict) -> dict:
        s = np.array([p["a"], p["b"]]) + SD * np.random.standard_normal(2)
        return {"a": s[0], "b": s[1]}

    prior = pyabc.Distribution(a=pyabc.RV("uniform", LOW, HIGH - LOW), b=pyabc.RV("uniform", LOW, HIGH - LOW))
    abc = pyabc.ABCSMC(
        model, prior, pyabc.AdaptivePNormDistance(p=2, scale_function=pyabc.distance.mad), population_size=PARTICLES,
        eps=pyabc.QuantileEpsilon(alpha=QUANTILE), transitions=pyabc.LocalTransition(),
        sampler=pyabc.sampler.SingleCoreSampler(),
    )  # fmt: skip
    abc.new("sqlite://", {"a": OBSERVED[0], "b": OBSERVED[1]})
    start = time.perf_counter()
    history = abc.run(max_total_nr_simulations=SIMULATIONS)
    theta, weight = history.get_distribution()
    return rows("pyabc", theta[["a", "b"]].to_numpy(), np.asarray(weight), history.total_nr_simulations,
                time.perf_counter() - start)  # fmt: skip


def valign_rows() -> list[dict]:
    from valign.calibration.abc.posterior import estimate
    from valign.calibration.abc.smc import smc
    from valign.calibration.problem.priors import Prior

    def simulate(theta: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        noise = np.array([np.random.default_rng(int(seed)).standard_normal(2) for seed in seeds])
        return theta + SD * noise

    prior = Prior.of({"a": (LOW, HIGH), "b": (LOW, HIGH)})
    start = time.perf_counter()
    result = smc(simulate, prior, OBSERVED, particles=PARTICLES, simulations=SIMULATIONS, quantile=QUANTILE,
                 first=2 * PARTICLES)  # fmt: skip
    spent = time.perf_counter() - start
    found = []
    for method, posterior in estimate(result, ("smc", "regression")).items():
        found += rows(f"valign, {method}", posterior.theta, posterior.weight, SIMULATIONS, spent)
    return found


def main(which: str, file: Path) -> None:
    kept = pd.read_csv(file) if file.exists() else pd.DataFrame(exact())
    fresh = pd.DataFrame(pyabc_rows() if which == "pyabc" else valign_rows())
    kept = kept[~kept["method"].str.startswith(which)]
    pd.concat([kept, fresh], ignore_index=True).to_csv(file, index=False, float_format="%.5g", lineterminator="\n")
    print(pd.read_csv(file).to_string())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
