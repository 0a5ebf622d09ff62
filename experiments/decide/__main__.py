"""The committed finding: what £100,000, £300,000 and £1,000,000 should buy, and how good the method is.

    python -m valign.experiments.decide [SCENARIO ...] [--worlds 400] [--mixes 100] [--check | --page]    (half an hour)

Writes results/reference/decisions/: a page in plain words, tables (CSV) and figures; with --check how racing and greedy
choice compare with running everything; with --page the page and figures anew from the tables that are there. Nothing is
tuned here; a stopped one goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from valign.model.compiled.compiling import sources_hash
from valign.model.errors import InputError
from valign.results.checkpoint import Parts, locked
from valign.results.figures.common import save
from valign.results.plain_text import frame_as_cells
from valign.results.reports.contents import of_decision
from valign.results.reports.decide_page import method_page, page
from valign.results.store import default_folder

from .check import CHECKED_MONTHS, pilots_against_all, race_against_all
from .decide import decide
from .worlds import worlds_key

OUT = Path(__file__).resolve().parents[2] / "results" / "reference" / "decisions"
SEED = 20261128
SCENARIOS = ("housing-first", "social-prescribing")
CHECKED = ("two-services", "social-prescribing")  # of which everything is run
TITLES = {
    "housing-first": "Housing First in a city",
    "social-prescribing": "Social prescribing",
    "two-services": "Two services",
}
BUDGETS = (100_000, 300_000, 1_000_000)
PILOTS = 3
WORLDS, MIXES = 400, 200
CHECK_WORLDS, CHECK_MIXES = 480, 200  # about the smallest of which a race runs less than a tenth
SAVED = ("asked", "finalists", "views", "steps", "rule", "kinds", "plan", "evppi", "evsi", "waiting", "pilots")
Tables = dict[str, pd.DataFrame]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Decide, and write results/reference/decisions/.")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", default=list(SCENARIOS))
    parser.add_argument("--worlds", type=int)
    parser.add_argument("--mixes", type=int)
    parser.add_argument("--check", action="store_true", help="race and greedy choice against running everything")
    parser.add_argument("--page", action="store_true", help="page and figures from the tables that are there")
    parser.add_argument("--out", type=Path, default=OUT)
    wish = parser.parse_args(arguments)
    began = time.monotonic()

    def told(text: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {text}", file=sys.stderr, flush=True)

    wish.out.mkdir(parents=True, exist_ok=True)
    if wish.check:
        check(wish.out, wish.worlds or CHECK_WORLDS, wish.mixes or CHECK_MIXES, told)
        return
    parts: list[tuple[str, int, Tables]] = []
    for name in wish.scenarios:
        for budget in BUDGETS:
            told(f"{name}, £{budget:,}")
            if not wish.page:
                keep(wish.out, name, budget, decided(name, budget, wish.worlds or WORLDS, wish.mixes or MIXES))
            if tables := kept(wish.out, name, budget):  # what is said is what the tables, which are rounded, say
                parts.append((name, budget, tables))
                publish(wish.out, parts)
    told(f"{wish.out}")


def decided(name: str, budget: int, worlds: int, mixes: int) -> Tables:
    """The tables of one decision; where to pilot is asked once for each scenario."""
    work = {
        "scenario": name,
        "budget": budget,
        "worlds": worlds,
        "mixes": mixes,
        "code": sources_hash(),
        "of": worlds_key(),
    }
    folder = default_folder(f"study-decide-{name}", work)
    with locked(folder):
        pilots = PILOTS if budget == BUDGETS[1] else None
        found = decide(name, budget, worlds=worlds, mixes=mixes, seed=SEED, pilots=pilots, folder=folder)
    return dict(found.tables())


def kept(folder: Path, name: str, budget: int) -> Tables:
    """The tables of a decision as they were written; none where it was not made."""
    found: Tables = {}
    for each in SAVED:
        path = folder / f"{name}-{budget}-{each}.csv"
        found[each] = pd.read_csv(path, keep_default_na=False, na_values=[""]) if path.is_file() else pd.DataFrame()
    if found["asked"].empty:
        return {}
    found["asked"] = found["asked"].fillna({"second": ""})
    return found | {"unavailable": pd.DataFrame({"action": []})}


def in_words(parts: list[tuple[str, int, Tables]]) -> str:
    """The page of what is decided so far."""
    asked = parts[0][2]["asked"].iloc[0]
    how = (
        f"Made by `make decisions`: {asked['worlds']:,} worlds to choose in and {asked['fresh_worlds']:,} fresh ones "
        f"to judge in, six years, seed {SEED}."
    )
    told = [(TITLES[name], budget, f"{name}-{budget}", tables) for name, budget, tables in parts]
    return page(told, how)


def publish(folder: Path, parts: list[tuple[str, int, Tables]]) -> None:
    """Page of what is decided so far; figures of the last of it."""
    (folder / "decisions.md").write_text(in_words(parts), encoding="utf-8")
    name, budget, tables = parts[-1]
    stem = f"{name}-{budget}"
    for drawn in of_decision(f"{TITLES[name]}, £{budget:,}", tables, {}).figures:
        save(drawn.figure(), folder, f"{stem}-{drawn.name}", None)


def keep(folder: Path, name: str, budget: int, tables: Tables) -> None:
    """Write the tables of a decision."""
    for each in SAVED:
        path = folder / f"{name}-{budget}-{each}.csv"
        if len(tables[each].columns):
            _save(tables[each], path)
        else:  # nothing was found; what an earlier study found goes
            path.unlink(missing_ok=True)


def _save(table: pd.DataFrame, path: Path) -> None:
    frame_as_cells(table).to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def method_in_words(folder: Path) -> str:
    """The page of what racing and greedy choice come to, from the tables that are there."""
    tables = [folder / name for name in ("race.csv", "greedy.csv")]
    return method_page(*(pd.read_csv(path) if path.is_file() else pd.DataFrame() for path in tables), TITLES)


def check(folder: Path, worlds: int, mixes: int, told: Callable[[str], None]) -> None:
    """How good the method is: race.csv, greedy.csv and, in words, method.md."""

    def kept_of(name: str, **more: int) -> Parts:
        work = {"scenario": name, "worlds": worlds, "months": CHECKED_MONTHS, **more}
        work |= {"code": sources_hash(), "of": worlds_key()}
        return Parts(default_folder(f"study-decide-check-{name}", work), work)

    rows = []
    for name in CHECKED:
        kept = kept_of(name, mixes=mixes)
        rows.append(race_against_all(name, 300_000, mixes, worlds, worlds, SEED, kept, told))
        _save(pd.DataFrame(rows), folder / "race.csv")
        (folder / "method.md").write_text(method_in_words(folder), encoding="utf-8")
    name = SCENARIOS[0]
    greedy = pilots_against_all(name, PILOTS, 600, 1000, SEED, kept_of(name, pilots=PILOTS), told)
    _save(pd.DataFrame([greedy]), folder / "greedy.csv")
    (folder / "method.md").write_text(method_in_words(folder), encoding="utf-8")
    told(str(folder))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
