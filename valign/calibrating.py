"""`valign calibrate` and `valign rivals`: fit, compare, save, draw, print."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.errors import InputError
from valign.results import store

from . import terminal

if TYPE_CHECKING:
    import pandas as pd

Ranges = dict[str, tuple[float, float] | None]  # of free parameters; None: the declared range
KEPT = "unfinished"  # the folder of finished parts; it goes when all is saved
LONG = ("posterior", "reference", "recovered")


@dataclass(frozen=True)
class Request:
    """The options that both commands share."""

    data: str
    scenario: str | None
    free: tuple[str, ...]
    simulations: int
    seed: int
    out: Path | None
    quiet: bool
    as_json: bool


def ranges(free: tuple[str, ...]) -> Ranges | None:
    """--free NAME or NAME=LOW:HIGH as a mapping; None when nothing is said."""
    found: Ranges = {}
    problems = []
    for text in free:
        name, equals, limits = text.partition("=")
        found[name.strip()] = None
        if equals:
            low, _, high = limits.partition(":")
            try:
                found[name.strip()] = (float(low), float(high))
            except ValueError:
                problems.append(f"--free {text}: NAME or NAME=LOW:HIGH is wanted, as in fit_effect=-0.2:0.7")
    if problems:
        raise InputError(problems)
    return found or None


@dataclass(frozen=True)
class Screening:
    """What a screening of the free parameters leaves to say and to keep."""

    remarks: tuple[str, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def _screened(wish: Request, free: Ranges | None, data: Any) -> tuple[Ranges | None, Screening]:
    """The free parameters, chosen by screening where more are asked for than can be fitted."""
    from valign.calibration.screening import screen_free, wants_screening

    if free is None or not wants_screening(free):
        return free, Screening()
    found = screen_free(data, wish.scenario, free, wish.seed)
    return found.free, Screening((found.remark(),), {"screening": found.table})


def calibrate(wish: Request) -> None:
    from valign.calibration.calibrate import calibrate as fit
    from valign.calibration.data import load
    from valign.calibration.problem import Problem

    asked, data = ranges(wish.free), load(wish.data)
    free, screening = _screened(wish, asked, data)
    problem = Problem.of(data, wish.scenario, free)
    work = _work("calibrate", wish, problem)

    def made(folder: Path, told: Callable[[int, int], None] | None) -> dict[str, pd.DataFrame]:
        from valign.results import figures, figures_calibration

        found = fit(
            data, wish.scenario, free, wish.seed, simulations=wish.simulations, folder=folder / KEPT, progress=told
        )
        tables = {
            "summary": found.summary,
            "posterior": found.draws,
            "generations": found.result.report(),
            "recovery": found.recovery.parameters,
            "recovered": found.recovery.estimates,
            "predictive": found.predictive,
            "checks": found.checks,
            "reference": found.reference,
            "remarks": _remarks([*screening.remarks, *found.remarks()]),
            **screening.tables,
        }
        drawn = [
            (
                "posterior",
                figures_calibration.posterior_figure(found.summary, f"{data.title}: posterior"),
                found.summary,
            ),
            (
                "ranks",
                figures_calibration.ranks_figure(found.recovery.estimates, f"{data.title}: are the posteriors right?"),
                found.recovery.estimates,
            ),
        ]
        if len(found.predictive):
            drawn.append(
                (
                    "predictive",
                    figures_calibration.predictive_figure(
                        found.predictive, f"{data.title}: fitted and observed", data.time_unit
                    ),
                    found.predictive,
                )
            )
        for name, figure, table in drawn:
            figures.save(figure, folder, f"figure-{name}", table)
        return tables

    folder, tables = _published("calibrate", wish, problem, work, made)
    rows = [
        [
            row.parameter,
            row.method,
            f"{row.mean:.3g}",
            f"{row.q05:.3g} to {row.q95:.3g}",
            f"{row.prior_low:g} to {row.prior_high:g}",
            f"{100 * row.contraction:.0f} %",
            "yes" if row.identified else "no",
        ]
        for row in tables["summary"].sort_values(["parameter", "method"]).itertuples()
    ]
    if wish.as_json:
        terminal.as_json(
            {
                "data": data.name,
                "folder": str(folder),
                "summary": tables["summary"].to_dict("records"),
                "recovery": tables["recovery"].to_dict("records"),
                "remarks": tables["remarks"]["remark"].tolist(),
            }
        )
        return
    terminal.table(
        ("parameter", "method", "mean", "5 to 95 %", "prior", "variance gone", "recovered"),
        rows,
        title=f"{data.title} · {int(tables['generations']['simulations'].sum()):,} simulations",
        numbers_from=2,
    )
    _say(tables["remarks"], folder, wish)
    terminal.say(
        f"The posterior as parameters: valign run SCENARIO --parameters {folder / 'posterior.parquet'}", wish.quiet
    )


def rivals(wish: Request) -> None:
    from valign.calibration.calibrate import choose_model
    from valign.calibration.data import load
    from valign.calibration.problem import Problem

    asked, data = ranges(wish.free), load(wish.data)
    free, screening = _screened(wish, asked, data)
    problem = Problem.of(data, wish.scenario, free)
    work = _work("rivals", wish, problem)

    def made(folder: Path, told: Callable[[int, int], None] | None) -> dict[str, pd.DataFrame]:
        from valign.results import figures, figures_calibration

        found = choose_model(
            data, wish.scenario, free, wish.seed, simulations=wish.simulations, folder=folder / KEPT, progress=told
        )
        figure = figures_calibration.rivals_figure(found.shares, found.scores, found.confusion, f"{data.title}: rivals")
        figures.save(figure, folder, "figure-rivals", found.scores)
        figure = figures_calibration.odds_figure(found.odds, f"{data.title}: odds along the tolerance")
        figures.save(figure, folder, "figure-odds", found.odds)
        return {
            "shares": found.shares,
            "odds": found.odds,
            "confusion": found.confusion,
            "scores": found.scores,
            "folds": found.folds,
            "reference": found.reference,
            "remarks": _remarks([*screening.remarks, *found.remarks()]),
            **screening.tables,
        }

    folder, tables = _published("rivals", wish, problem, work, made)
    if wish.as_json:
        terminal.as_json(
            {
                "data": data.name,
                "folder": str(folder),
                **{name: tables[name].to_dict("records") for name in ("shares", "confusion", "scores")},
            }
        )
        return
    from valign.results.figures_calibration import RIVALS

    shares = tables["shares"].pivot(index="model", columns="method", values="share")
    right, scores = tables["confusion"].set_index("truth"), tables["scores"]
    rows = []
    for name in [name for name in RIVALS if name in set(scores["model"])]:
        cells = [RIVALS[name]]
        cells += [
            f"{100 * shares.loc[name, method]:.0f} %" if name in shares.index else "-" for method in ("smc", "forest")
        ]
        cells.append(f"{100 * right.loc[name, name]:.0f} %" if name in right.index else "-")
        for score in ("log_score", "crps", "auc"):
            part = scores[(scores["kind"] == "communities") & (scores["score"] == score) & (scores["model"] == name)]
            cells.append(f"{part['mean'].iloc[0]:.2f}" if len(part) else "-")
        rows.append(cells)
    terminal.table(
        ("explanation", "share, SMC", "share, forest", "recognised", "log score", "CRPS", "AUC"),
        rows,
        title=f"{data.title} · scores in communities not seen",
    )
    _say(tables["remarks"], folder, wish)


def _work(command: str, wish: Request, problem: Any) -> dict[str, Any]:
    """What is done, for the manifest: everything a result depends on."""
    return {"command": command, **problem.work, "simulations": wish.simulations, "seed": wish.seed}


def _published(
    command: str,
    wish: Request,
    problem: Any,
    work: Mapping[str, Any],
    made: Callable[[Path, Callable[[int, int], None] | None], dict[str, pd.DataFrame]],
) -> tuple[Path, Mapping[str, pd.DataFrame]]:
    """Compute unless the folder holds the same work already; save."""
    folder = wish.out or store.default_folder(f"{command}-{work['data']}", work)
    quiet = wish.quiet or wish.as_json
    unfinished = (folder / KEPT).is_dir() and not (folder / store.MANIFEST).exists()
    if not unfinished and store.prepare(folder, work):
        terminal.say(f"{folder} holds this very work already; showing it", quiet)
        saved = store.load(folder)
        return folder, {name: saved[name] for name in saved.manifest["tables"]}
    if unfinished:
        terminal.say(f"Going on with what is finished in {folder / KEPT}", quiet)
    started = datetime.now(UTC)
    try:
        with terminal.progress(command, quiet) as told:
            tables = made(folder, told)
        store.save(
            folder,
            tables,
            work,
            scenario=problem.scenario.to_toml(),
            command=" ".join(["valign", *sys.argv[1:]]),
            started=started,
            only_parquet=LONG,
        )
        shutil.rmtree(folder / KEPT, ignore_errors=True)
    except BaseException as error:
        store.discard_if_empty(folder)
        if isinstance(error, KeyboardInterrupt) and (folder / KEPT).is_dir():
            raise KeyboardInterrupt(
                f"interrupted; what is finished is kept in {folder / KEPT} (the same command goes on from there)"
            ) from None
        raise
    return folder, tables


def _remarks(remarks: list[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"remark": pd.Series(remarks, dtype=str)})


def _say(remarks: pd.DataFrame, folder: Path, wish: Request) -> None:
    for remark in remarks["remark"]:
        terminal.say(remark, wish.quiet)
    terminal.say(f"Tables and figures: {folder}", wish.quiet)
