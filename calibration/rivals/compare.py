"""Rival explanations of the same data: which is likelier, and which predicts what it has not seen?

Five models with agents (`explanations`), three curves without (Bass, logistic, constant), the plain regression. Odds
(`model_choice`) without a confusion matrix and a prediction of what was held out (`prediction`) mean little: all are
given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from valign.experiments.design import MAX_SEED, whole
from valign.model.errors import InputError
from valign.results.checkpoint import Parts

from ..abc.posterior import sklearn_ensemble
from ..abc.screening import Screened
from ..data.schema import Data
from ..problem.problem import CalibrationProblem, left_out
from .explanations import RIVAL_MODELS, Simulated, chosen_rivals, histories_of, simulate_rivals
from .model_choice import choose_forest, choose_smc, settled
from .regression import Regression, regression
from .prediction import DRAWS, MANY_FOLDS_DRAWS, compare_scores, folds, out_of_sample

APART = 0.25  # a share that differs by more between the methods is remarked on


@dataclass(frozen=True, eq=False)
class Choice:
    """Rivals compared.

    data : what the rivals explain. shares : method, model, share (0-1). odds : along the tolerance
    (`model_choice.choose_smc`). confusion : of the forest, rows are the truth and sum to 1.
    scores, folds : predictions (`prediction`). regression : the plain one.
    tables : the simulations from the priors, by model. screened : what a
    screening chose to free, if there was one. more : remarks on the problem.
    """

    data: Data
    shares: pd.DataFrame
    odds: pd.DataFrame
    confusion: pd.DataFrame
    scores: pd.DataFrame
    folds: pd.DataFrame
    tables: Mapping[str, Simulated]
    regression: Regression
    screened: Screened | None = None
    more: tuple[str, ...] = ()

    @property
    def agree(self) -> bool:
        """Whether both methods put the same model first."""
        first = self.shares.loc[self.shares.groupby("method")["share"].idxmax()]
        return first["model"].nunique() == 1

    @property
    def reference(self) -> pd.DataFrame:
        """Every simulation from the priors: model, its parameters (NaN: not one of its own), summaries."""
        parts = [
            pd.concat(
                [
                    pd.DataFrame(table.problem.prior.theta(table.u), columns=list(table.problem.prior.names)),
                    pd.DataFrame(table.summaries, columns=list(table.problem.names)),
                ],
                axis=1,
            ).assign(model=name)
            for name, table in self.tables.items()
        ]
        table = pd.concat(parts, ignore_index=True)
        return table[["model", *(name for name in table if name != "model")]]

    def remarks(self) -> list[str]:
        """What a reader has to know to read the shares rightly."""
        wide = self.shares.pivot(index="model", columns="method", values="share")
        titles = {name: RIVAL_MODELS[name].title for name in wide.index}
        out = [*self.data.remarks, *([] if self.screened is None else [self.screened.remark()]), *self.more]
        if self.agree:
            out.append(f"Both methods put the same explanation first: {titles[wide['smc'].idxmax()]}.")
        else:
            out.append(
                "The two methods disagree, nothing is decided: sequential ABC puts first "
                f"{titles[wide['smc'].idxmax()]}, the forest {titles[wide['forest'].idxmax()]}."
            )
        gap = (wide["smc"] - wide["forest"]).abs()
        for name in gap.index[gap > APART]:
            out.append(
                f"The methods differ on {titles[name]}: {100 * wide.loc[name, 'smc']:.0f} % by sequential ABC, "
                f"{100 * wide.loc[name, 'forest']:.0f} % by the forest."
            )
        last = settled(self.odds)
        tolerances = self.odds["epsilon"].unique()
        out.append(
            f"Shares of sequential ABC: after {len(tolerances)} tolerances, {tolerances[0]:.2f} to "
            f"{last['epsilon'].iloc[0]:.2f}, with an effective sample size of {last['ess'].iloc[0]:.0f}."
        )
        return out


def choose(
    problem: CalibrationProblem,
    simulations: int = 50_000,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
    *,
    folder: Path | None = None,
    rivals: Sequence[str] | None = None,
    screened: Screened | None = None,
) -> Choice:
    """All comparisons of rivals within a budget: two thirds from the priors, a third along the tolerance.

    Predictions come on top: 1,000 simulations for each fold and model (500 where there are more than five folds).

    folder : keeps what is finished (batches, tolerances, folds); called again with the same arguments, it goes on from
        there.
    rivals : names of `explanations.RIVAL_MODELS` beside the full model (default: all). screened : what a screening
        chose, where the free parameters come from one.
    """
    names, seed = chosen_rivals(rivals), whole("seed", seed, 0, MAX_SEED)
    sklearn_ensemble()  # before anything is simulated
    each, sequential = max(2000, 2 * simulations // (3 * len(names))), max(5000, simulations // 3)
    layout = histories_of(problem)
    parts = folds(layout, seed)
    draws = DRAWS if len(parts) <= 5 else MANY_FOLDS_DRAWS
    before, total = each * len(names), each * len(names) + sequential + draws * len(parts) * len(names)
    work = {**problem.work, "simulations": simulations, "seed": seed}
    work |= {} if names == tuple(RIVAL_MODELS) else {"rivals": list(names)}
    kept = Parts(folder, work, "calibration", lambda text: InputError([text]))

    def told(done: int, _: int = 0) -> None:
        if progress is not None:
            progress(done, total)

    tables = simulate_rivals(problem, each, seed, progress=told, kept=kept, names=names)
    odds = choose_smc(
        tables, problem.observed, sequential, seed=seed, kept=kept, progress=lambda done: told(before + done)
    )
    forest, confusion = choose_forest(tables, problem.observed, seed)
    shares = pd.concat([forest, settled(odds)[["model", "share"]].assign(method="smc")], ignore_index=True)
    people, counts = out_of_sample(
        tables, parts, layout, draws, seed, kept=kept, progress=lambda done: told(before + sequential + done)
    )
    return Choice(
        problem.data,
        shares,
        odds,
        confusion,
        compare_scores(people, counts, seed),
        counts,
        tables,
        regression(layout),
        screened,
        tuple(left_out(problem)),
    )
