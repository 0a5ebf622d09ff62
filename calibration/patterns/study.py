"""The model at its defaults held against every pattern, and the same with all effects of fit at 0: `make facts`.

    python -m valign.calibration.patterns.study [--runs 100] [--seed 1] [--out DIR]     writes facts.csv and facts.md

A fact that the model meets without these effects too says nothing about alignment: that is what the second answer is
for. Every run has a society of its own; the interval is of the mean over runs (t, 95 %). Nothing is tuned here.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from valign.experiments.design import checked_ensemble
from valign.experiments.worlds import FIT, unknown_parameters
from valign.model.errors import InputError
from valign.model.parameters import PARAMETERS
from valign.results.checkpoint import replace
from valign.results.plain_text import frame_as_cells

from .asking import asked
from .listing import compared
from .pattern import Pattern, patterns

RUNS, SEED = 100, 20261129
OUT = Path(__file__).resolve().parents[2] / "results" / "reference"
DOUBTFUL, AGAINST = 2.0, 3.0  # standard deviations from a fact
VERDICTS = ("agrees", "doubtful", "speaks against the model")


def verdict(away: float) -> str:
    """What a distance from a fact (standard deviations of its error, the discrepancy and chance) says."""
    return VERDICTS[int(abs(away) >= DOUBTFUL) + int(abs(away) >= AGAINST)]


def facts(runs: int = RUNS, seed: int = SEED) -> pd.DataFrame:
    """One row a pattern: the fact, what the model gives at its defaults and without effects of fit, how far away each
    is, and the verdict on each."""
    runs, seed, _ = checked_ensemble(runs, seed, None)
    found = patterns()
    defaults = pd.DataFrame({name: [PARAMETERS[name].default] * 2 for name in unknown_parameters()})
    settings = defaults.assign(**{name: [PARAMETERS[name].default, 0.0] for name in FIT})
    with_fit, without = asked(found, settings, runs, seed)
    return pd.DataFrame([_row(each, with_fit[:, j], without[:, j]) for j, each in enumerate(found)]).assign(runs=runs)


def _row(pattern: Pattern, with_fit, without) -> dict[str, object]:
    fact = {name: getattr(pattern, name) for name in ("name", "title", "value", "error", "scale", "bound", "unit")}
    here, there = compared(pattern, with_fit), compared(pattern, without)
    return {
        **fact,
        **here,
        "verdict": verdict(here["away"]),
        **{f"no_fit_{name}": number for name, number in there.items()},
        "no_fit_verdict": verdict(there["away"]),
        "scenario": pattern.question.scenario,
        "source": pattern.source,
    }


def as_markdown(table: pd.DataFrame, seed: int) -> str:
    """The table for readers."""
    held, without = (table[name] == VERDICTS[0] for name in ("verdict", "no_fit_verdict"))
    told = "; ".join(table.loc[held & ~without, "title"]) or "none"
    lines = [
        "# Facts",
        "",
        f"Written by `make facts` (`python -m valign.calibration.patterns.study`): every [published fact](../../docs/"
        f"EVIDENCE.md) asked of the model as the study asked it, {table['runs'].iloc[0]} runs each, seed {seed}. "
        f"Beside: the same with every effect of fit by itself at 0 ({', '.join(FIT)}).",
        "",
        "Model: mean over runs [95 %: chance]. Away: standard deviations of the fact's error, of how far the model may "
        f"be off and of chance; under {DOUBTFUL:g} it agrees, from {AGAINST:g} on it speaks against the model.",
        "",
        f"**{held.sum()} of {len(table)} facts agree with the model at its defaults, {without.sum()} without effects "
        f"of fit.** Only with them agree: {told}. What agrees both with them and without says nothing about alignment.",
        "",
        "| fact | unit | published | model | away | without fit | away | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in table.to_dict("records"):
        numbers = [
            f"{row[f'{of}model']:.2f} [{row[f'{of}low']:.2f}, {row[f'{of}high']:.2f}] | {row[f'{of}away']:+.1f}"
            for of in ("", "no_fit_")
        ]
        said = row["verdict"] if row["verdict"] == VERDICTS[0] else f"**{row['verdict']}**"
        fact = f"{row['bound']} {row['value']:g}".strip()
        lines.append(f"| {row['title']} | {row['unit']} | {fact} | {' | '.join(numbers)} | {said} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description="Hold the model at its defaults against the published facts.")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each question, each in a society of its own")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of facts.csv and facts.md")
    wish = parser.parse_args(arguments)
    table = facts(wish.runs, wish.seed)
    text = as_markdown(table, wish.seed)
    wish.out.mkdir(parents=True, exist_ok=True)
    replace(wish.out / "facts.csv", frame_as_cells(table).to_csv(index=False, float_format="%.5g").encode())
    replace(wish.out / "facts.md", text.encode())
    print(text)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
