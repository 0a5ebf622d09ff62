"""Calibration from end to end: recovery, sequential ABC, estimates side by side, posterior predictive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.experiments.design import (
    MAX_SEED,
    check_design,
    checked_ensemble,
    read_design,
    run_seeds,
    society_seeds,
    varies_in_block,
    whole,
)
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario
from valign.results.checkpoint import Parts
from valign.results.reports.calibration import REPORTED

from .abc.posterior import ESTIMATORS, Posterior, estimate, sklearn_ensemble
from .abc.recovery import Recovery, recover, reference_table
from .abc.screening import Screened, screened_problem
from .abc.smc import Result, batch_seeds, smc
from .data.schema import Data
from .problem.problem import CalibrationProblem, Free
from .rivals.compare import Choice, choose
from .rivals.explanations import chosen_rivals

PREDICTIVE, POSTERIOR_ROWS = 500, 4000
BANDS = (("low", 0.05), ("lower", 0.25), ("median", 0.5), ("upper", 0.75), ("high", 0.95))


@dataclass(eq=False)
class Calibration:
    """What came of a calibration.

    problem : data, scenario and free parameters. seed : as given. screened : what a screening chose, if there was one.
    posteriors : by method ("regression" is the one reported). recovery : what the same data would give back of known
    truths. result : generations of the sequential ABC and the reference table.
    """

    problem: CalibrationProblem
    result: Result
    posteriors: dict[str, Posterior]
    recovery: Recovery
    seed: int
    screened: Screened | None = None

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Posterior by method and parameter (`posterior.Posterior.summary`), with whether recovery identifies it."""
        table = pd.concat([posterior.summary() for posterior in self.posteriors.values()], ignore_index=True)
        found = self.recovery.parameters.set_index("parameter")
        return table.assign(identified=found["identified"].reindex(table["parameter"]).to_numpy())

    @cached_property
    def draws(self) -> pd.DataFrame:
        """4,000 draws of the parameters from the reported posterior: what `--parameters` takes."""
        return self.posteriors[REPORTED].draws(POSTERIOR_ROWS, self.seed)

    @cached_property
    def _simulated(self) -> tuple[np.ndarray, np.ndarray | None]:
        theta = self.draws.to_numpy()[:PREDICTIVE]
        return self.problem.run(
            theta, batch_seeds(self.seed, 100_000, 0, len(theta)), times=self.problem.society is not None
        )

    @cached_property
    def predictive(self) -> pd.DataFrame:
        """Posterior-predictive curves over the observed: group, period, observed, low, lower, median, upper, high.

        Shares who had adopted by the end of a period; groups: everybody, and high and low in each orientation. Empty
        without people.
        """
        _, times = self._simulated
        layout = self.problem.layout
        if times is None or layout is None:
            return pd.DataFrame(columns=["group", "period", "observed", *(name for name, _ in BANDS)])
        groups = {"everybody": np.ones(len(layout.ids), bool)}
        for k, name in enumerate(layout.orientations):
            groups |= {f"high {name}": layout.high[:, k] == 1, f"low {name}": layout.high[:, k] == 0}
        rows: list[dict[str, Any]] = []
        for group, members in groups.items():
            for period in range(layout.periods + 1):
                share = ((times[members] >= 1) & (times[members] <= period)).mean(axis=0)
                seen = ((layout.time[members] >= 1) & (layout.time[members] <= period)).mean()
                rows.append(
                    {
                        "group": group,
                        "people": int(members.sum()),
                        "period": period,
                        "observed": float(seen),
                        **{name: float(np.quantile(share, q)) for name, q in BANDS},
                    }
                )
        return pd.DataFrame(rows)

    @cached_property
    def checks(self) -> pd.DataFrame:
        """Posterior-predictive check of every summary: observed, median, 5 to 95 %, inside, share of runs below."""
        found = self._simulated[0]
        found = found[np.isfinite(found).all(axis=1)]
        low, middle, high = np.quantile(found, (0.05, 0.5, 0.95), axis=0)
        observed = self.problem.observed
        return pd.DataFrame(
            {
                "summary": self.problem.names,
                "observed": observed,
                "low": low,
                "median": middle,
                "high": high,
                "inside": (observed >= low) & (observed <= high),
                "below": (found < observed).mean(axis=0) + 0.5 * (found == observed).mean(axis=0),
            }
        )

    @cached_property
    def reference(self) -> pd.DataFrame:
        """Every simulation: generation, parameters, summaries."""
        tables = [
            pd.DataFrame(
                np.column_stack([self.result.prior.theta(each.u), each.summaries]),
                columns=[*self.result.prior.names, *self.problem.names],
            ).assign(generation=each.number)
            for each in self.result.generations
        ]
        table = pd.concat(tables, ignore_index=True)
        return table[["generation", *(name for name in table if name != "generation")]]

    def remarks(self) -> list[str]:
        """What a reader has to know to read the numbers rightly."""
        out = [*self.problem.data.remarks, *([] if self.screened is None else [self.screened.remark()])]
        poor = self.recovery.parameters.loc[~self.recovery.parameters["identified"], "parameter"].tolist()
        if poor:
            out.append(f"These data cannot inform {', '.join(poor)}: what is reported of them is close to the prior.")
        if bad := self.recovery.parameters.loc[~self.recovery.parameters["calibrated"], "parameter"].tolist():
            out.append(f"Simulation-based calibration fails for {', '.join(bad)}: do not trust their intervals.")
        apart = self.disagreement()
        if len(far := apart[apart["apart"].abs() > 0.5]):
            out.append(
                "Methods differ by more than half a posterior SD for "
                + ", ".join(f"{row.parameter} ({row.method})" for row in far.itertuples())
                + "."
            )
        outside = self.checks.loc[~self.checks["inside"], "summary"].tolist()
        if outside:
            out.append(f"Outside the 5 to 95 % of what the fitted model gives: {'; '.join(outside)}.")
        return out

    def disagreement(self) -> pd.DataFrame:
        """Means of the other methods less that of the reported one, in its posterior SDs: method, parameter, apart."""
        base = self.summary[self.summary["method"] == REPORTED].set_index("parameter")
        others = self.summary[self.summary["method"] != REPORTED]
        apart = (others["mean"].to_numpy() - base["mean"].reindex(others["parameter"]).to_numpy()) / base["sd"].reindex(
            others["parameter"]
        ).to_numpy()
        return others[["method", "parameter"]].assign(apart=apart).reset_index(drop=True)


def calibrate(
    data: Data | str | Path,
    scenario: Scenario | str | Path | None = None,
    free: Free | None = None,
    seed: int = 1,
    *,
    simulations: int = 50_000,
    particles: int = 500,
    methods: Sequence[str] = ESTIMATORS,
    folder: Path | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Fit a scenario to data, and say how certain the fit is.

    Sequential approximate Bayesian computation (Toni et al. 2009; Filippi et al. 2013), adjusted by regression
    (Beaumont, Zhang & Balding 2002; Fearnhead & Prangle 2012); recovery of simulated truths first (Talts et al. 2018).

    Parameters
    ----------
    data : what `calibration.data.reading.load` gives, a folder with data.toml, or "medical-innovation".
    scenario : the scenario whose parameters are fitted (default: a plain one made from the description, in which people
        choose alone). Its months become the periods observed.
    free : names of parameters, or a mapping from names to ranges (None: the plausible range declared). Of more than
        eight, or of all that are uncertain ("screen" in the place of a name), `screening.screen_free` chooses eight.
        Default: base_staff (-6 to 0), fit_effect, peer_effect, norm_effect, awareness_in_service.
    seed : the same seed gives the same numbers.
    simulations : budget of the sequential ABC; a fourth as many more, from the prior, are for the recovery.
    particles : how many make a generation.
    methods : of "regression" (reported), "forest", "smc".
    folder : keeps what is finished (batches, generations); called again with the same arguments, it goes on from there.
    threads : blocks at once; results do not depend on them.
    progress : called with (simulations done, in all).

    Returns
    -------
    Calibration: posteriors by method, how well recovery finds each parameter again, predictions, and all simulations.

    Raises
    ------
    InputError : everything wrong with data, scenario or free parameters; too small an effective sample.
    """
    _check_methods(methods)  # before a screening simulates
    problem, screened = screened_problem(data, scenario, free, seed, threads=threads)
    return fit(
        problem,
        seed,
        simulations=simulations,
        particles=particles,
        methods=methods,
        folder=folder,
        progress=progress,
        screened=screened,
    )


def _check_methods(methods: Sequence[str]) -> None:
    """Raises InputError where the reported method is left out, or a library is missing."""
    if REPORTED not in methods:
        raise InputError([f"methods: must include {REPORTED!r}, the one that is reported"])
    if "forest" in methods:
        sklearn_ensemble()


def fit(
    problem: CalibrationProblem,
    seed: int = 1,
    *,
    simulations: int = 50_000,
    particles: int = 500,
    methods: Sequence[str] = ESTIMATORS,
    folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    screened: Screened | None = None,
) -> Calibration:
    """Solve a calibration problem: recovery, sequential ABC, estimates. Options: see `calibrate`.

    screened : what a screening chose, where the free parameters come from one (`screening.screened_problem`).
    """
    _check_methods(methods)
    seed = whole("seed", seed, 0, MAX_SEED)
    extra = max(6000, simulations // 4)

    def told(done: int, _: int, before: int = 0) -> None:
        if progress is not None:
            progress(before + done, simulations + extra)

    work = {**problem.work, "recovered": extra, "seed": seed}
    kept = Parts(None if folder is None else folder / "recovery", work, "calibration", lambda text: InputError([text]))
    recovery = recover(reference_table(problem, extra, seed, progress=told, kept=kept), seed=seed)
    result = smc(
        problem.simulate,
        problem.prior,
        problem.observed,
        particles=particles,
        simulations=simulations,
        seed=seed,
        reduce=True,
        folder=None if folder is None else folder / "generations",
        work=work,
        progress=lambda done, total: told(done, total, extra),
    )
    return Calibration(problem, result, estimate(result, tuple(methods)), recovery, seed, screened)


def choose_model(
    data: Data | str | Path,
    scenario: Scenario | str | Path | None = None,
    free: Free | None = None,
    seed: int = 1,
    *,
    rivals: Sequence[str] | None = None,
    simulations: int = 50_000,
    folder: Path | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Choice:
    """Compare rival explanations of histories: odds by two methods, confusion, predictions of what was held out.

    Parameters
    ----------
    data : as for `calibrate`, with people and an orientation.
    scenario, free, seed, simulations, folder, threads, progress : as for `calibrate`.
    rivals : which explanations are held against the full model (values and peers): of "peers", "values", "broadcast",
        "selection" (default: all).

    Returns
    -------
    Choice: shares of the explanations (0-1) by two methods, odds along the tolerance, confusion, scores of what was
    held out.

    Raises
    ------
    InputError : everything wrong with data, scenario or free parameters; unknown rivals.
    """
    chosen_rivals(rivals)  # before a screening simulates
    problem, screened = screened_problem(data, scenario, free, seed, threads=threads)
    return choose(problem, simulations, seed, progress, folder=folder, rivals=rivals, screened=screened)


def posterior_design(
    file: str | Path, scenario: Scenario, runs: int, seed: int = 1, societies: int | None = None
) -> pd.DataFrame:
    """A design that draws a row of a posterior (Parquet or CSV, a column per parameter) for each run.

    Raises InputError for a file that cannot be read, columns that are no parameters of the scenario, or runs, seed or
    societies that cannot be.
    """
    runs, seed, societies = checked_ensemble(runs, seed, societies)
    draws = read_design(file)
    problems = [
        f"{file}: column {name!r} is not a parameter that can differ between runs of {scenario.name!r}"
        for name in draws
        if name not in scenario.settable() or not varies_in_block(str(name))
    ]
    if not len(draws) or not len(draws.columns):
        problems.append(f"{file}: has no rows")
    if problems:
        raise InputError(problems)
    rows = np.random.default_rng([seed, 110_000]).choice(len(draws), runs, replace=runs > len(draws))
    design = draws.iloc[rows].reset_index(drop=True)
    design["seed"] = run_seeds(seed, runs)
    design["society_seed"] = society_seeds(seed, design["seed"].tolist(), societies)
    return check_design(scenario, design)
