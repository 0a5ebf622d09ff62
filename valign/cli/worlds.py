"""`valign patterns` and `valign worlds`: what the model is held against, and the worlds that agree with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from valign.model.errors import InputError

from . import terminal

if TYPE_CHECKING:
    import pandas as pd

MOST_SHOWN = 20


def patterns(runs: int, seed: int, quiet: bool, as_json: bool) -> None:
    """List the published facts; with runs, what the defaults give."""
    from valign.calibration.patterns.listing import patterns

    if runs < 0:
        raise InputError([f"--runs {runs}: expected a whole number from 0 (0: only list the facts)"])
    if runs:
        often = "once" if runs == 1 else f"{runs} times"
        terminal.say(f"asking the model each question {often}, at its defaults", quiet or as_json)
    table = patterns(runs or None, seed)
    if as_json:
        terminal.as_json(table.to_dict("records"))
        return
    rows = []
    for _, row in table.iterrows():
        fact = f"{row['bound']} {row['value']:g}".strip()
        between = f"({row['low']:z.2f} to {row['high']:z.2f})" if runs else ""
        model = [f"{row['model']:z.2f} {between}", f"{row['away']:+.1f}"] if runs else [row["where"]]
        rows.append([row["title"], row["unit"], fact, *model])
    more, numbers = (["model (95 %)", "away"], 2) if runs else (["where"], 4)
    terminal.table(["fact", "unit", "value", *more], rows, f"{len(table)} published facts", numbers_from=numbers)
    if runs:
        terminal.say(
            "In brackets: how well the mean over runs is known (chance alone). Away: standard deviations of the fact's "
            "error, the stated discrepancy and chance; from 3 on the fact speaks against the defaults.",
            quiet,
        )


def worlds(quiet: bool, as_json: bool) -> None:
    """What the worlds are that agree with what is known, and what rules out what."""
    from valign.experiments.worlds import finding, shipped

    summary, facts, parameters = (finding(name) for name in ("summary", "patterns", "parameters"))
    if as_json:
        tables = {"summary": summary, "patterns": facts, "parameters": parameters}
        terminal.as_json({name: _plain(each) for name, each in tables.items()})
        return
    said = summary.iloc[0]
    ships = "" if shipped() else ": fewer than 500, so that they are not shipped, and the numbers below are rough"
    terminal.show(
        f"{said['worlds']:,.0f} worlds were matched with {len(facts)} published facts; their weights make them worth "
        f"{said['effective']:.0f} of equal weight{ships}. Of the plausible worlds, "
        f"{100 * said['ruled_out_by_two']:.0f} % are ruled out by two facts or more, "
        f"{100 * said['ruled_out_by_one']:.0f} % by at least one. Of "
        f"{len(parameters)} parameters {said['as_wide_as_before']:.0f} are as wide as before."
    )
    rows = [
        [r["pattern"], f"{r['fact']:g}", f"{r['after']:z.2f}", f"{r['away']:+.1f}", f"{100 * r['rules_out']:.0f} %"]
        for r in facts.sort_values("rules_out", ascending=False, kind="stable").to_dict("records")
    ]
    terminal.table(["fact", "value", "worlds that agree", "away", "rules out"], rows, "What rules out what")
    learned = parameters.sort_values("narrower", ascending=False, kind="stable").head(MOST_SHOWN).to_dict("records")
    rows = [
        [
            r["parameter"],
            f"{r['from']:g} to {r['to']:g}",
            f"{r['low']:z.3g} to {r['high']:z.3g}",
            f"{100 * r['narrower']:.0f} %",
        ]
        for r in learned
    ]
    terminal.table(["parameter", "plausible", "5 to 95 % of worlds", "narrower"], rows, "What is learned most about")
    terminal.say("All of it: results/reference/worlds/worlds.md", quiet)


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    return json.loads(table.to_json(orient="records"))
