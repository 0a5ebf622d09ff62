"""`valign sensitivity`: which assumptions drive the outcomes; runs are kept, a study can be resumed and enlarged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.errors import InputError
from valign.results import store
from valign.results.checkpoint import locked

from ..scenario_text import for_report
from . import terminal
from .job import REPORT, Job, Tables, carried_out, parameters_of
from .run import setting

if TYPE_CHECKING:
    from valign.model.scenario.scenario import Scenario

SCREEN = "screen"


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
        raise InputError([f"--bound {text}: expected NAME=LOW,HIGH, e.g. --bound fit_effect=0.1,0.5"])
    return name.strip(), (low, high)


def arguments(wish: Wish) -> dict[str, Any]:
    """What `sensitivity` or `screen` is called with, beside the scenario, n and where runs are kept."""
    given: dict[str, Any] = {
        "outcomes": wish.outcomes or None,
        "parameters": wish.parameters or None,
        "curves": wish.curves,
        "bounds": dict(map(bound, wish.bounds)),
        "replicates": wish.replicates,
        "seed": wish.seed,
        "second_order": wish.second_order,
        "seed_factor": wish.seed_factor,
        "society_factor": wish.society_factor,
        "common_seeds": not wish.fresh_seeds,
        "missing": "drop" if wish.drop else "refuse",
    }
    if wish.method == SCREEN:
        if wish.group_by:
            raise InputError(["--group-by: screening makes its own groups; use --method sobol for groups of your own"])
        return given | ({"keep": wish.keep} if wish.keep is not None else {})
    if wish.keep is not None:
        raise InputError([f"--keep is only for --method {SCREEN}"])
    return given | {"method": wish.method, "group_by": wish.group_by}


def sensitivity(name: str, wish: Wish) -> None:
    from valign.experiments.sensitivity.samples import DEFAULT_N, METHODS
    from valign.experiments.simulate import tables_hash
    from valign.model.compiled.compiling import sources_hash
    from valign.model.errors import unknown
    from valign.model.scenario.scenario import Scenario

    if wish.method not in (*METHODS, SCREEN):
        raise InputError([f"--method: {unknown(wish.method, (*METHODS, SCREEN), 'method')}"])
    given = arguments(wish)
    changes = dict(map(setting, wish.settings)) | ({} if wish.months is None else {"months": wish.months})
    scenario = Scenario.load(name)
    scenario = scenario.replace(changes) if changes else scenario
    n = wish.n if wish.n is not None else DEFAULT_N["sobol" if wish.method == SCREEN else wish.method]
    toml = scenario.to_toml()
    asked = {
        "command": "sensitivity",
        "scenario": toml,
        "tables": tables_hash(scenario),
        "code": sources_hash(),
        **given,
        "method": wish.method,
    }
    study = {key: value for key, value in asked.items() if key not in ("outcomes", "missing")}
    folder = wish.out or store.default_folder(f"{scenario.name}-{wish.method}", study)
    work, told = {**asked, "n": n}, wish.quiet or wish.as_json
    work = {key: list(value) if isinstance(value, tuple) else value for key, value in work.items()}
    work["bounds"] = {key: list(value) for key, value in given["bounds"].items()}
    results = folder / f"n{n}-{store.work_hash(work)}"

    def computed() -> Tables:
        return _computed(scenario, wish, given, n, folder, told)

    job = Job(work, results, scenario.title or scenario.name, for_report(scenario), computed, toml)
    with locked(folder):  # whose runs studies of another size use as well
        tables = carried_out(job, told)
    _print(scenario, wish, tables, results)


def _computed(scenario: Scenario, wish: Wish, given: dict[str, Any], n: int, folder: Path, quiet: bool) -> Tables:
    import pandas as pd

    from valign.experiments.sensitivity import screen
    from valign.experiments.sensitivity import sensitivity as study

    try:
        with terminal.progress(scenario.name, quiet, ahead=True) as progress:
            run = screen if wish.method == SCREEN else study
            found = run(scenario, n=n, folder=folder / "runs", progress=progress, **given)
    except KeyboardInterrupt:
        told = f"interrupted; finished runs are kept in {folder / 'runs'}: run the same command to go on"
        raise KeyboardInterrupt(told) from None
    words = pd.DataFrame({"paragraph": found.words.strip().split("\n\n")})
    return {**found.tables, "words": words, "parameters": parameters_of(scenario)}


def _print(scenario: Scenario, wish: Wish, tables: Tables, results: Path) -> None:
    from valign.results.reports import sensitivity as sensitivity_text

    picture = results / "ranking.png"
    words = tables["words"]["paragraph"].tolist()
    if wish.as_json:
        terminal.as_json(
            {
                "scenario": scenario.name,
                "folder": str(results),
                "figure": str(picture),
                "words": words,
                **{
                    key: tables[key].to_dict("records")
                    for key in ("indices", "shares", "settled", "dropped", "neglected")
                    if key in tables
                },
            }
        )
        return
    main = sensitivity_text.main_index(tables["indices"])
    terminal.table(
        *sensitivity_text.ranking(tables["indices"], main), title=f"{scenario.title or scenario.name} · {wish.method}"
    )
    terminal.show("\n" + "\n\n".join(words))
    shown = wish.show and terminal.show_picture(str(picture))
    terminal.say(
        f"{'Shown and saved' if shown else 'Figure'}: {picture}; report: {results / REPORT}; tables: {results}",
        wish.quiet,
    )
