"""`valign sensitivity`: which assumptions drive the outcomes; runs are kept, a study can be resumed and enlarged."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.errors import InputError
from valign.results import store

from . import terminal
from .running import _import_ahead, compiled_before, setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from valign.model.scenario import Scenario

SCREEN = "screen"
SHOWN = 12


@dataclass(frozen=True)
class Wish:
    """The options of `valign sensitivity`."""

    method: str
    n: int | None
    outcomes: tuple[str, ...]
    parameters: tuple[str, ...]
    curves: tuple[str, ...]
    group_by: str | None
    bounds: tuple[str, ...]
    replicates: int
    keep: int | None
    second_order: bool
    seed_factor: bool
    society_factor: bool
    fresh_seeds: bool
    drop: bool
    seed: int
    months: int | None
    settings: tuple[str, ...]
    out: Path | None
    show: bool
    quiet: bool
    as_json: bool


def bound(text: str) -> tuple[str, tuple[float, float]]:
    """NAME=LOW,HIGH as typed."""
    name, equals, ends = text.partition("=")
    try:
        low, high = (float(end) for end in ends.split(","))
    except ValueError:
        equals = ""
    if not equals:
        raise InputError([f"--bound {text}: NAME=LOW,HIGH is wanted, for instance --bound fit_effect=0.1,0.5"])
    return name.strip(), (low, high)


def arguments(wish: Wish) -> dict[str, Any]:
    """What `sensitivity` or `screen` is called with, beside the scenario, n and where runs are kept."""
    given: dict[str, Any] = {
        "outcomes": wish.outcomes or None, "parameters": wish.parameters or None, "curves": wish.curves,
        "bounds": dict(map(bound, wish.bounds)), "replicates": wish.replicates, "seed": wish.seed,
        "second_order": wish.second_order, "seed_factor": wish.seed_factor, "society_factor": wish.society_factor,
        "common_seeds": not wish.fresh_seeds, "missing": "drop" if wish.drop else "refuse",
    }
    if wish.method == SCREEN:
        if wish.group_by:
            raise InputError(["--group-by: screening makes the groups itself (--method sobol takes groups)"])
        return given | ({"keep": wish.keep} if wish.keep is not None else {})
    if wish.keep is not None:
        raise InputError([f"--keep belongs to --method {SCREEN}"])
    return given | {"method": wish.method, "group_by": wish.group_by}


def sensitivity(name: str, wish: Wish) -> None:
    from valign.experiments.sensitivity.samples import DEFAULT_N, METHODS
    from valign.model.compiling import sources_hash
    from valign.model.errors import unknown
    from valign.model.scenario import Scenario

    if wish.method not in (*METHODS, SCREEN):
        raise InputError([f"--method: {unknown(wish.method, (*METHODS, SCREEN), 'method')}"])
    given = arguments(wish)
    changes = dict(map(setting, wish.settings)) | ({} if wish.months is None else {"months": wish.months})
    scenario = Scenario.load(name)
    scenario = scenario.replace(changes) if changes else scenario
    n = wish.n if wish.n is not None else DEFAULT_N["sobol" if wish.method == SCREEN else wish.method]
    toml = scenario.to_toml()
    asked = {"command": "sensitivity", "scenario": toml, "code": sources_hash(), **given, "method": wish.method}
    study = {key: value for key, value in asked.items() if key not in ("outcomes", "missing")}
    folder = wish.out or store.default_folder(f"{scenario.name}-{wish.method}", study)
    work, told = {**asked, "n": n}, wish.quiet or wish.as_json
    work = {key: list(value) if isinstance(value, tuple) else value for key, value in work.items()}
    work["bounds"] = {key: list(value) for key, value in given["bounds"].items()}
    results = folder / f"n{n}-{store.work_hash(work)}"
    if store.prepare(results, work):
        terminal.say(f"{results} holds this very work already; showing it", told)
        saved = store.load(results)
        tables = {key: saved[key] for key in saved.manifest["tables"]}
        words = (results / "words.txt").read_text(encoding="utf-8").strip()
    else:
        tables, words = _computed(scenario, wish, given, n, folder, results, work, toml, told)
    _print(scenario, wish, tables, words, results)


def _computed(scenario: Scenario, wish: Wish, given: dict[str, Any], n: int, folder: Path, results: Path,
              work: dict[str, Any], toml: str, told: bool) -> tuple[dict[str, pd.DataFrame], str]:
    from valign.experiments.sensitivity import MAIN, screen
    from valign.experiments.sensitivity import sensitivity as study
    from valign.results import figures_sensitivity

    started = datetime.now(UTC)
    try:
        if not compiled_before():
            terminal.say("Compiling the model, once on this machine: a minute or so", told)
        threading.Thread(target=_import_ahead, daemon=True).start()
        with terminal.progress(scenario.name, told) as progress:
            run = screen if wish.method == SCREEN else study
            found = run(scenario, n=n, folder=folder / "runs", progress=progress, **given)
        tables, words = found.tables, found.words
    except KeyboardInterrupt:
        store.discard_if_empty(results)
        kept = folder / "runs"
        raise KeyboardInterrupt(f"interrupted; finished runs are kept in {kept}: the same command goes on") from None
    except BaseException:
        store.discard_if_empty(results)
        raise
    title = scenario.title or scenario.name
    main = MAIN["sobol" if wish.method == SCREEN else wish.method]
    try:
        figures_sensitivity.draw(tables, title, main, f"n = {n:,}, {wish.replicates} replicates.", results)
        (results / "words.txt").write_text(words + "\n", encoding="utf-8")
    except OSError as error:
        raise store.StoreError(f"cannot write to {results}: {error.strerror or error}") from None
    store.save(results, tables, work, scenario=toml, command=" ".join(["valign", *sys.argv[1:]]), started=started)
    return tables, words.strip()


def ranking(indices: pd.DataFrame, main: str) -> tuple[Sequence[str], list[list[str]]]:
    """Factors by rows, outcomes by columns: main index with its interval; the largest first, noise factors last."""
    from valign.results.labels import label
    from valign.results.sensitivity_text import EXTRA, interval

    table = indices[indices["index"] == main]
    outcomes = list(dict.fromkeys(table["outcome"]))
    cells = {(row["outcome"], row["factor"]): interval(row) for _, row in table.iterrows()}
    own = table[~table["factor"].isin(EXTRA)]
    share = own["value"] / own.groupby("outcome")["value"].transform("max")
    order = share.groupby(own["factor"], sort=False).max().sort_values(ascending=False, kind="stable").index.tolist()
    rest = [name for name in dict.fromkeys(table["factor"]) if name in EXTRA]
    rows = [[name, *(cells.get((outcome, name), "-") for outcome in outcomes)] for name in [*order[:SHOWN], *rest]]
    return ("factor", *(label(outcome).text for outcome in outcomes)), rows


def _print(scenario: Scenario, wish: Wish, tables: dict[str, pd.DataFrame], words: str, results: Path) -> None:
    from valign.experiments.sensitivity import MAIN

    picture = results / "ranking.png"
    main = MAIN["sobol" if wish.method == SCREEN else wish.method]
    if wish.as_json:
        terminal.as_json({"scenario": scenario.name, "folder": str(results), "figure": str(picture),
                          "words": words.split("\n\n"), **{key: tables[key].to_dict("records") for key in (
                              "indices", "shares", "settled", "dropped", "neglected") if key in tables}})
        return
    terminal.table(*ranking(tables["indices"], main), title=f"{scenario.title or scenario.name} · {wish.method}")
    print("\n" + words)
    shown = wish.show and terminal.show_picture(str(picture))
    terminal.say(f"{'Shown and kept' if shown else 'Figure'}: {picture}; tables: {results}", wish.quiet)
