"""What came of a calibration: the fit gate, recovery, posteriors, and what the fitted model would give."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.results.reports.calibration import REPORTED, fit_sentences

from .abc.fit_gate import FitGate
from .abc.posterior import INFORMED, Posterior
from .abc.recovery import Recovery
from .abc.screening import Screened
from .abc.smc import Result, batch_seeds
from .problem.problem import CalibrationProblem, left_out
from .rivals.regression import Regression, regression

PREDICTIVE, POSTERIOR_ROWS = 500, 4000
BANDS = (("low", 0.05), ("lower", 0.25), ("median", 0.5), ("upper", 0.75), ("high", 0.95))


@dataclass(eq=False)
class Calibration:
    """What came of a calibration.

    problem : data, scenario and free parameters. seed : as given. screened : what a screening chose, if there was one.
    gate : whether the model can give data like these at all. recovery : what data sets from the whole prior would give
    back of known truths. nearby : the same of the simulated data sets most like the data. result : generations of the
    sequential ABC and the reference table. posteriors : by method ("regression" is the one reported).
    Where the model does not fit and that was not accepted, there is no result, and no posterior.
    """

    problem: CalibrationProblem
    gate: FitGate
    recovery: Recovery
    nearby: Recovery
    seed: int
    result: Result | None = None
    posteriors: dict[str, Posterior] = field(default_factory=dict[str, Posterior])
    screened: Screened | None = None

    @cached_property
    def fit(self) -> pd.DataFrame:
        """One row: fits, chance (of data as odd as these), reach, shape, simulations, accepted (in spite of misfit)."""
        gate = self.gate
        return pd.DataFrame(
            [
                {
                    "fits": gate.fits,
                    "chance": gate.chance,
                    "reach": gate.reach,
                    "shape": gate.shape,
                    "simulations": gate.simulations,
                    "accepted": not gate.fits and bool(self.posteriors),
                }
            ]
        )

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Posterior by method and parameter (`posterior.Posterior.summary`), with whether it is recovered.

        identified : the model fits, the posterior is reliable and narrower than the prior, and so it is in the
        simulated data sets most like these, where 90 % intervals also hold the truth as often as they should.
        """
        self._needs_posterior()
        table = pd.concat([posterior.summary() for posterior in self.posteriors.values()], ignore_index=True)
        near = self.nearby.parameters.set_index("parameter")
        known = (near["contraction"] >= INFORMED) & near["covers"]
        here = table["informed"] & table["reliable"] & self.gate.fits
        return table.assign(identified=here & known.reindex(table["parameter"]).to_numpy())

    def _needs_posterior(self) -> None:
        if not self.posteriors:
            raise InputError(
                [
                    f"{self.problem.data.name}: the model does not fit, so there is no posterior "
                    "(accept_misfit=True, or --accept-misfit, makes one all the same, which carries a mark)"
                ]
            )

    @property
    def mark(self) -> dict[str, Any]:
        """What an exported posterior carries: data, scenario, unit of time, whether the model fits."""
        data = self.problem.data
        return {
            "data": data.name,
            "scenario": self.problem.scenario.name,
            "time_unit": data.time_unit,
            "fits": self.gate.fits,
            "said": fit_sentences(self.fit, self.gate.summaries)[0],
        }

    @cached_property
    def draws(self) -> pd.DataFrame:
        """4,000 draws of the parameters from the reported posterior: what `--parameters` takes."""
        self._needs_posterior()
        table = self.posteriors[REPORTED].draws(POSTERIOR_ROWS, self.seed)
        table.attrs["valign"] = self.mark
        return table

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
        times = self._simulated[1] if self.posteriors else None
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
        self._needs_posterior()
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
        """Every simulation of the sequential ABC: generation, parameters, summaries."""
        self._needs_posterior()
        assert self.result is not None
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
        """What a reader has to know to read the numbers rightly; whether the model fits comes first."""
        screened = [] if self.screened is None else [self.screened.remark()]
        screened += left_out(self.problem)
        out = [*fit_sentences(self.fit, self.gate.summaries), *self.problem.data.remarks, *screened]
        return [*out, *self._warnings()] if self.posteriors else out

    def _warnings(self) -> list[str]:
        """What speaks against the posteriors."""
        out = [each for posterior in self.posteriors.values() for each in posterior.warnings()]
        reported = self.summary[self.summary["method"] == REPORTED]
        out += [
            f"{row.parameter} piles up at the {row.edge} end of its prior ({row.prior_low:g} to {row.prior_high:g}): "
            f"what would fit best may lie beyond (--free {row.parameter}=LOW:HIGH gives a wider range)."
            for row in reported.itertuples()
            if row.edge
        ]
        poor = reported.loc[~reported["identified"], "parameter"].tolist()
        if poor and self.gate.fits:
            out.append(
                f"Not recovered in data like these: {', '.join(poor)}. What is reported of them is close to the prior, "
                "or its range misses the truth too often."
            )
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

    @cached_property
    def regression(self) -> Regression | None:
        """The plain regression of the same histories (`rivals.regression`); None without people."""
        return None if self.problem.layout is None else regression(self.problem.layout)

    def disagreement(self) -> pd.DataFrame:
        """Means of the other methods less that of the reported one, in its posterior SDs: method, parameter, apart."""
        base = self.summary[self.summary["method"] == REPORTED].set_index("parameter")
        others = self.summary[self.summary["method"] != REPORTED]
        apart = (others["mean"].to_numpy() - base["mean"].reindex(others["parameter"]).to_numpy()) / base["sd"].reindex(
            others["parameter"]
        ).to_numpy()
        return others[["method", "parameter"]].assign(apart=apart).reset_index(drop=True)
