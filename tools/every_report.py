"""Small reports of all commands for all shipped scenarios and an imported survey, every number of them looked for.

`python -m tools.every_report` (`make reports`) makes them, with figures that are not drawn, and writes what it found to
results/reference/reports/numbers.csv.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd

from valign.cli.app import main as valign
from valign.model.scenario.scenario import scenario_names
from valign.results.page import Drawn
from valign.results.saved import load
from valign.results.vocabulary import speaking

from .every_number import ROOT, Reader, numbers
from .from_runs import pairs, summed_up


def differing(folder: Path) -> list[str]:
    """Columns of stored summaries and differences that the runs do not give."""
    saved = load(folder)
    tables = {name: saved[name] for name in saved.manifest["tables"]}
    if "runs" not in tables or "status" not in tables["runs"]:
        return []
    runs, wrong = tables["runs"], []
    with speaking(saved.vocabulary):
        checked = []
        if "summary" in tables:
            stored = tables["summary"]
            checked.append(("summary", stored, summed_up(runs, list(stored)[: stored.columns.get_loc("outcome")])))
        if len(tables.get("differences", ())) and "base" in tables["differences"] and "innovation" not in runs:
            stored = tables["differences"]
            by, base = stored.columns[0], stored["base"].iloc[0]
            checked.append(("differences", stored, pairs(runs, by, base, list(dict.fromkeys(stored["outcome"])))))
    for name, stored, found in checked:
        keys = [each for each in found if each not in stored.select_dtypes("number") or each == "alignment_level"]
        both = stored.merge(found, on=keys, suffixes=("", " anew"), how="left", validate="one_to_one")
        wrong += [
            f"{name}: {column[:-5]}"
            for column in both
            if column.endswith(" anew")
            and not np.allclose(both[column[:-5]], both[column], rtol=1e-6, atol=1e-9, equal_nan=True)
        ]
    return wrong


@dataclass(frozen=True)
class Found:
    """What came of a report. unexplained : texts with a number of none of its tables. noticed : share of numbers that,
    made another by 3 in their last digit, would be unexplained. empty : sections that say nothing."""

    numbers: int
    unexplained: list[str]
    noticed: float
    differing: list[str]
    empty: list[str]


def checked(folder: Path) -> Found:
    """Every number of a report, held against its tables, and these against the runs."""
    count, noticed, wrong = 0, 0, []
    for each in numbers(folder):
        count += len(each.numbers)
        noticed += sum(not each.explained(n, 3.0) for n in range(len(each.numbers)))
        if not each.explained():
            wrong.append(f"{[n.value for n in each.numbers]}: {each.text.words}")
    reader = Reader((folder / "report.html").read_text("utf-8"))
    empty = [section for section, words in reader.sections.items() if not words]
    return Found(count, wrong, noticed / max(count, 1), differing(folder), empty)


# --- all commands, all scenarios -------------------------------------------------------------------------------------
SMALL = ("--months", "12", "--runs", "4")
SURVEY = ROOT / "examples" / "survey" / "before.xlsx"
WHERE = ROOT / "results" / "reference" / "reports" / "numbers.csv"
LARGE = ("england",)  # for which studies of thousands of runs are not made


def asked(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Command, scenario and words of the command line."""
    pd.DataFrame({"slack": [0.1, 0.3, 0.5]}).to_csv(folder / "slack.csv", index=False)
    for name in (*scenario_names(), str(SURVEY)):
        told = Path(name).name
        yield "run", told, [name, *SMALL]
        yield "levels", told, [name, *SMALL]
        yield "compare", told, [name, f"{name}+slack=0.5", *SMALL]
        yield "batch", told, [str(folder / "slack.csv"), "--scenario", name, "--replicates", "2", "--set", "months=12"]
        if name in LARGE:
            continue
        few = [
            "--parameter",
            "slack",
            "--parameter",
            "talk",
            "--n",
            "8",
            "--replicates",
            "2",
            "--months",
            "12",
            "--drop",
        ]
        yield "sensitivity", told, [name, *few]
        yield "claims", told, ["C7", "--scenario", name, "--worlds", "3", "--seeds", "2"]
        yield "decide", told, [name, "--budget", "300000", "--mixes", "8", "--worlds", "40", "--horizon", "3y"]
    yield "diagnose", SURVEY.name, [str(SURVEY), "--worlds", "2", "--runs", "4"]


def not_drawn(figures: Sequence[Drawn], folder: Path, *_: object) -> None:
    """The data beside each figure, and an empty picture."""
    for each in figures:
        each.data.to_csv(folder / f"{each.name}.csv", index=False)
        (folder / f"{each.name}.svg").write_text('<svg id="figure_1" viewBox="0 0 10 10"></svg>', "utf-8")


def main() -> None:
    """Make the reports, check them, and write what was found; of the scenarios that are named, others as they were."""
    only = sys.argv[1:]
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as work, mock.patch("valign.results.reports.render.save_all", not_drawn):
        for n, (command, told, words) in enumerate(asked(Path(work))):
            if only and told not in only:
                continue
            out = Path(work) / str(n)
            if code := valign([command, *words, "--quiet", "--out", str(out)]):
                print(command, told, f"cannot be had (exit {code})", flush=True)
                continue
            found = checked(next(out.rglob("report.html")).parent)
            print(command, told, found, flush=True)
            sizes = [len(each) for each in (found.unexplained, found.differing, found.empty)]
            rows.append([command, told, found.numbers, round(found.noticed, 2), *sizes])
    made = pd.DataFrame(
        rows, columns=["command", "scenario", "numbers", "noticed", "unexplained", "differing", "empty"]
    )
    WHERE.parent.mkdir(exist_ok=True)
    if only and WHERE.exists():
        before = pd.read_csv(WHERE)
        made = pd.concat([before[~before["scenario"].isin(only)], made])
    made.sort_values(["scenario", "command"]).to_csv(WHERE, index=False)


if __name__ == "__main__":
    main()
