"""What the report of each command holds: question, findings, how sure, what not to conclude, figures, tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from ..figures import calibration as figures_calibration
from ..figures import common as figures
from ..figures import network as figures_network
from ..figures import run as figures_run
from ..figures import sensitivity as figures_sensitivity
from ..figures.common import _part
from ..numbers import guarded_percent
from ..page import Drawn, Page, Table
from ..vocabulary import (
    EVIDENCE,
    INDEX_NAMES,
    SERVICE_STAGES,
    WORDS,
    headlines,
    label,
    role_label,
    series_label,
    spoken,
)
from . import claims
from . import rows as report
from . import sensitivity as sensitivity_text

Tables = Mapping[str, pd.DataFrame]
KEPT = ("engaged", "ever_engaged", "in_use", "alignment")  # variables whose numbers are kept beside the figures
SPREAD = ("alignment", "alignment_sd", "fit_original")


# --- run, levels, compare --------------------------------------------------------------------------------------------
def of_run(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    curves, runs = tables["curves"], tables["runs"]
    count, drawn = len(runs), []
    uptake = figures_run.curve_in_words(_part(curves, "all", "engaged"))
    spread = figures_run.curve_in_words(_part(curves, "service", "in_use"), "mean")
    if "observed" in tables:
        gap = report.misfit_in_words(curves, tables["observed"])
        drawn.append(
            Drawn(
                "run",
                figures.observed_figure(curves, tables["observed"], f"{title}: simulated and observed", count),
                f"Simulated uptake over months with its band, and the observed curve over it. {gap}",
                _kept(curves, KEPT),
            )
        )
    else:
        drawn.append(
            Drawn(
                "run",
                figures.run_figure(curves, title, count),
                "Three panels over months. Uptake, median "
                f"of runs: {uptake}. Spread, mean of services using it: {spread}. Alignment by role, told "
                "in a figure of its own.",
                _kept(curves, KEPT),
            )
        )
    drawn += _further(title, tables, count)
    findings = report.findings("run", tables)
    if "observed" in tables:
        findings.append(report.misfit_in_words(curves, tables["observed"]))
    return Page(
        "What happens to the innovation in this situation, and how far may single places differ?",
        report.READING,
        findings,
        report.certainty("run", tables),
        report.cautions("run", tables),
        drawn,
        [_table("Main outcomes", report.run_table(tables["summary"]))],
        report.remarks(runs),
        WORDS,
    )


def _further(title: str, tables: Tables, count: int) -> list[Drawn]:
    """The figures of a run behind the first."""
    curves, summary, drawn = tables["curves"], tables["summary"], []
    has = set(zip(curves["role"], curves["variable"], strict=True))
    moved = _kept(curves, SERVICE_STAGES, "service").groupby("variable")["mean"].agg(["min", "max"])
    if len(moved) and (moved["max"] - moved["min"]).max() > 0.005:
        stages = "; ".join(
            f"{series_label(name)} {figures_run.curve_in_words(_part(curves, 'service', name), 'mean')}"
            for name in SERVICE_STAGES
        )
        drawn.append(
            Drawn(
                "stages",
                figures_run.stages_figure(curves, f"{title}: where the services stand", count),
                f"Stacked areas over months, the share of services by stage: {stages}.",
                _kept(curves, (*SERVICE_STAGES, "in_use"), "service"),
                "Where do the services stand, month by month?",
            )
        )
    if ("staff", "alignment") in has:
        course = "; ".join(
            f"{role_label(role)} from {part['mean'].iloc[0]:.2f} to {part['mean'].iloc[-1]:.2f}"
            for role in ("staff", "manager", "peer", "commissioner")
            if len(part := _part(curves, role, "alignment"))
        )
        drawn.append(
            Drawn(
                "alignment",
                figures_run.roles_figure(curves, f"{title}: alignment by role", count),
                f"A panel for each role with its mean alignment over months: {course}.",
                _kept(curves, SPREAD, *[role for role in spoken().roles if role != "all"]),
                "How well does the innovation fit what people value, and how far do people differ?",
            )
        )
    if ("commissioner", "weight_social") in has:
        told = "; ".join(f"{words} {course}" for words, course in figures_run.weights_in_words(curves).items())
        names = (*EVIDENCE, "breadth")
        drawn.append(
            Drawn(
                "weights",
                figures_run.weights_figure(curves, f"{title}: what commissioners go by", count),
                f"Lines over months, the weight that commissioners give to kinds of evidence: {told}.",
                _kept(curves, names, "commissioner"),
                "What evidence do commissioners go by? The journey toward social value",
            )
        )
    if (value := _value(title, summary)) is not None:
        drawn.append(value)
    if "services" in tables:
        services = tables["services"]
        told = "; ".join(
            f"{name}, {len(part):,} services: mean alignment {part['alignment_start'].mean():.2f} and "
            f"{part['alignment_end'].mean():.2f}, engaged {100 * part['engaged_start'].mean():.0f} % and "
            f"{100 * part['engaged_end'].mean():.0f} %"
            for name, part in services.groupby("group", sort=False)
        )
        drawn.append(
            Drawn(
                "society",
                figures_network.society_figure(
                    services, tables.get("people"), tables.get("ties"), f"{title}: one society"
                ),
                f"The society of the first run at the start and at the end, by groups of services. {told}.",
                tables.get("people", services),
                "Who is where? One society at the start and at the end",
            )
        )
    if "attribution" in tables:
        drawn += [
            Drawn(
                name,
                claims.waterfall_figure(tables["attribution"], f"{title}: what moved {balance}", balance),
                f"Bars from one mechanism to the next: the change in mean {balance} booked on each, and "
                "below it the change that is lost without the mechanism.",
                tables["attribution"],
                question,
            )
            for name, balance, question in (
                ("waterfall", "alignment", "What moved alignment, as people judge it?"),
                ("waterfall_fit", "fit", "What moved the fit of people's own values?"),
            )
        ]
    return drawn


def _value(title: str, summary: pd.DataFrame, by: str | None = None) -> Drawn | None:
    """Value by stakeholder group, where it was recorded."""
    data = summary[summary["outcome"].isin(figures_run.VALUES) & (summary["n"] > 0)]
    if data["outcome"].nunique() < len(figures_run.VALUES):
        return None
    told = "; ".join(
        f"{figures_run.VALUES[row['outcome']]}{'' if by is None else f' ({row[by]})'}: mean "
        f"{row['mean']:,.0f}, interval {row['mean_low']:,.0f} to {row['mean_high']:,.0f}"
        for _, row in data.iterrows()
    )
    return Drawn(
        "value",
        figures_run.value_figure(data, f"{title}: value by stakeholder group", by),
        f"Means with intervals, net value to each group in its own unit. {told}.",
        data,
        "What is it worth, and to whom?",
    )


def of_levels(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    curves, runs, summary, differences = (tables[name] for name in ("curves", "runs", "summary", "differences"))
    factors = [name for name in ("innovation", "evidence_strength") if name in runs]
    for name in factors:
        curves, summary, differences = (
            each[each[name] == runs[name].iloc[0]] for each in (curves, summary, differences)
        )
    each = len(runs) // len(runs.groupby(["alignment_level", *factors]))
    of = ", ".join(
        str(runs[name].iloc[0]) if name == "innovation" else f"evidence strength {runs[name].iloc[0]:g}"
        for name in factors
    )
    words = f"{title}: what the level of alignment does" + (f" ({of})" if of else "")
    ends = "; ".join(
        f"alignment {row['alignment_level']:.2f}: {label('uptake_final').write(row['mean'])} of people"
        for _, row in summary[summary["outcome"] == "uptake_final"].iterrows()
    )
    drawn = [
        Drawn(
            "levels",
            figures.levels_figure(curves, words, each),
            f"Uptake and spread over months, one line for each level of alignment. Engaged at the end: {ends}.",
            _kept(tables["curves"], KEPT),
        )
    ]
    if factors:
        drawn.append(
            Drawn(
                "levels-by",
                figures.factors_figure(tables["summary"], title, each),
                "Uptake and spread at the end by strength of evidence and innovation, one line for each "
                "level of alignment.",
                tables["summary"],
                "Does it hold for other innovations and evidence?",
            )
        )
    highest = differences[differences["alignment_level"] == differences["alignment_level"].max()]
    drawn += [_differences(title, highest, "alignment_level", each)] if len(highest) else []
    drawn += [found for found in (_value(title, summary, "alignment_level"),) if found]
    return _compared(
        "levels",
        "How do uptake and spread differ under different levels of alignment between what the "
        "innovation stands for and what people value?",
        tables,
        drawn,
    )


def of_compare(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    curves, runs, gaps = tables["curves"], tables["runs"], tables["difference_curves"]
    count = len(runs) // runs["scenario"].nunique()
    drawn = []
    for name, variable, words, heading in (
        ("compare", "engaged", "uptake", ""),
        ("compare-spread", "in_use", "spread", "How many services use it?"),
    ):
        role = "service" if variable == "in_use" else "all"
        told = "; ".join(
            f"{each}: {figures_run.curve_in_words(_part(part, role, variable), 'mean')}"
            for each, part in curves.groupby("scenario", sort=False)
        )
        drawn.append(
            Drawn(
                name,
                figures.comparison_figure(curves, gaps, f"{title}: {words}", count, variable),
                "Lines over months for each scenario, and beside them the paired differences from the "
                f"first, {words}: {told}.",
                _kept(curves, KEPT),
                heading,
            )
        )
    drawn.append(_differences(title, tables["differences"], "scenario", count))
    drawn += [found for found in (_value(title, tables["summary"], "scenario"),) if found]
    first, *others = dict.fromkeys(runs["scenario"])
    return _compared(
        "compare",
        f"What changes from “{first}” to {_and([f'“{each}”' for each in others])}?",
        tables,
        [each for each in drawn if each is not None],
    )


def _differences(title: str, differences: pd.DataFrame, by: str, count: int) -> Drawn | None:
    data = figures_run.drawn_differences(differences)
    if data.empty:
        return None
    told = "; ".join(f"{label(row['outcome']).text} {report.difference(row)}" for _, row in data.iterrows())
    return Drawn(
        "paired",
        figures_run.difference_figure(differences, f"{title}: differences, pair by pair", by, count),
        f"Marks with intervals, the paired difference in each main outcome: {told}.",
        data,
        "What differs, and how sure is it?",
    )


def _compared(command: str, question: str, tables: Tables, drawn: list[Drawn]) -> Page:
    shown = [_table("Main outcomes", report.main_table(command, tables))]
    if (detail := report.detail_table(tables)) is not None:
        shown.append(_table("All paired differences", detail, folded=True))
    return Page(
        question,
        report.READING,
        report.findings(command, tables),
        report.certainty(command, tables),
        report.cautions(command, tables),
        drawn,
        shown,
        report.remarks(tables["runs"]),
        WORDS,
    )


# --- batch -----------------------------------------------------------------------------------------------------------
def of_batch(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    from ..summaries import summarise

    runs = tables["runs"]
    good = runs[runs["status"] == "ok"]
    outcomes = [name for name in headlines() if name in runs]
    settings = [
        name
        for name in runs.columns[: runs.columns.get_loc("status")]
        if name not in ("run", "seed", "society_seed") and runs[name].nunique() > 1
    ]
    effects = figures_run.effects_of_design(good, settings)
    drawn = []
    if len(effects):
        told = "; ".join(
            f"{name}: " + ", ".join(f"{100 * mean:.0f} %" for mean in part["mean"])
            for name, part in effects.groupby("setting", sort=False)
        )
        drawn.append(
            Drawn(
                "settings",
                figures_run.design_figure(effects, f"{title}: uptake over what was varied", len(good)),
                f"People engaged at the end, means from the lowest to the highest values. {told}.",
                effects,
            )
        )
    summary = summarise(good, outcomes)
    shown = [_table("Main outcomes, all runs together", report.run_table(summary))]
    if len(effects):
        shown.append(
            Table(
                "People engaged at the end, by what was varied",
                ("setting and value", "runs", "mean (95 % interval)"),
                [
                    [
                        f"{row['setting']}: {row['at']:.3g}"
                        if not isinstance(row["at"], str)
                        else f"{row['setting']}: {row['at']}",
                        f"{row['n']:,.0f}",
                        f"{100 * row['mean']:.0f} % ({100 * row['mean_low']:.0f}–{100 * row['mean_high']:.0f})",
                    ]
                    for _, row in effects.iterrows()
                ],
            )
        )
    return Page(
        "What came of the runs of this design?",
        report.READING,
        report.findings_of_batch(runs, effects),
        report.certainty_of_batch(runs, settings),
        [*report.LIMITS, report.DESIGN_LIMIT],
        drawn,
        shown,
        [*report.remarks(runs)],
        WORDS,
    )


# --- sensitivity -----------------------------------------------------------------------------------------------------
def of_sensitivity(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    main = sensitivity_text.main_index(tables["indices"])
    n, replicates = work.get("n", 0), work.get("replicates", 1)
    drawn = figures_sensitivity.figures_of(tables, title, main, f"n = {n:,}, {replicates} runs of each parameter set.")
    words = tables["words"]["paragraph"].tolist()
    factors = tables["factors"]
    shown = [
        _table(
            f"{INDEX_NAMES[main]} of every factor, with its 95 % interval".capitalize(),
            sensitivity_text.ranking(tables["indices"], main),
        ),
        Table(
            "What was varied",
            ("factor", "distribution", "meaning"),
            factors[["name", "distribution", "meaning"]].astype(str).to_numpy().tolist(),
            True,
            True,
        ),
    ]
    return Page(
        "Which assumptions drive the outcomes?",
        sensitivity_text.READING,
        sensitivity_text.findings(tables, main),
        [*words, *sensitivity_text.CERTAINTY],
        sensitivity_text.LIMITS,
        drawn,
        shown,
        (),
        sensitivity_text.WORDS,
    )


# --- claims ----------------------------------------------------------------------------------------------------------
def of_claims(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    summary = tables["claims"]
    told = "; ".join(
        f"{row.claim} {row.title}: {row.verdict}, as predicted in {guarded_percent(row.predicted)}"
        for row in summary.itertuples()
    )
    drawn = [
        Drawn(
            "claims",
            claims.overview_figure(summary),
            "Bars, the share of plausible worlds in which each claim "
            f"turns out as predicted, absent or reversed. {told}.",
            summary,
        )
    ]
    findings = [
        f"{row['claim']} {row['title']}: {row['verdict']}. {claims.in_words(row)} {row['where']}".strip()
        for row in summary.to_dict("records")
    ]
    shown = [
        _table("Verdicts", claims.overview_rows(summary)),
        Table(
            "What was claimed, and what would count against it",
            ("claim", "statement", "source", "against"),
            [[f"{row.claim} {row.title}", row.statement, row.source, row.against] for row in summary.itertuples()],
            words=True,
        ),
        *claims.tables_of_tests(tables),
    ]
    return Page(
        "Do these claims hold in the model, over everything that is plausible?",
        claims.READING,
        findings,
        claims.certainty(tables),
        claims.LIMITS,
        drawn,
        shown,
        (),
        claims.WORDS,
    )


# --- calibrate, rivals -----------------------------------------------------------------------------------------------
def of_calibration(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    from . import calibration as text

    summary, recovered = tables["summary"], tables["recovered"]
    drawn = [
        Drawn(
            "figure-posterior",
            figures_calibration.posterior_figure(summary, f"{title}: posterior"),
            f"A panel for each fitted parameter with what remains plausible. {text.posterior_in_words(summary)}",
            summary,
        )
    ]
    if len(tables["predictive"]):
        predictive = tables["predictive"]
        drawn.append(
            Drawn(
                "figure-predictive",
                figures_calibration.predictive_figure(
                    predictive, f"{title}: fitted and observed", work.get("time_unit", "month")
                ),
                f"Fitted curves with bands over the observed points. {text.fit_in_words(predictive)}",
                predictive,
                "Does the fitted model look like what was observed?",
            )
        )
    drawn.append(
        Drawn(
            "figure-ranks",
            figures_calibration.ranks_figure(recovered, f"{title}: are the posteriors right?"),
            "A histogram for each parameter, where the truth stands among the draws of data made by the "
            "model; flat is right.",
            recovered,
            "Can the method be trusted?",
        )
    )
    return Page(
        f"Which values of {_and(list(dict.fromkeys(summary['parameter'])))} fit what was observed?",
        text.READING,
        text.findings(summary),
        text.certainty(tables),
        text.LIMITS,
        drawn,
        [
            _table("What remains plausible of each parameter", text.posterior_table(summary)),
            _table("Recovery of known truths", text.recovery_table(tables["recovery"])),
            *_screening(tables),
        ],
        tables["remarks"]["remark"].tolist(),
        text.WORDS,
    )


def of_rivals(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    from . import calibration as text

    shares, scores, confusion = tables["shares"], tables["scores"], tables["confusion"]
    drawn = [
        Drawn(
            "figure-rivals",
            figures_calibration.rivals_figure(shares, scores, confusion, f"{title}: rivals"),
            f"Three panels by explanation: its share by two methods, and how well it predicts what it has not "
            f"seen. {text.shares_in_words(shares)}",
            scores,
        )
    ]
    if len(tables["odds"]):
        drawn.append(
            Drawn(
                "figure-odds",
                figures_calibration.odds_figure(tables["odds"], f"{title}: odds along the tolerance"),
                "The posterior share of each explanation as simulations have to come closer to the data.",
                tables["odds"],
                "Does the choice change with the tolerance?",
            )
        )
    return Page(
        "Which explanation fits what was observed: are values needed at all?",
        text.RIVAL_READING,
        text.rival_findings(tables),
        text.rival_certainty(tables),
        text.RIVAL_LIMITS,
        drawn,
        [_table("Explanations side by side", text.rivals_table(tables)), *_screening(tables)],
        tables["remarks"]["remark"].tolist(),
        text.RIVAL_WORDS,
    )


def _screening(tables: Tables) -> list[Table]:
    """What a screening chose to fit, where there was one."""
    from . import calibration as text

    if "screening" not in tables:
        return []
    return [_table("Which parameters are fitted", text.screening_table(tables["screening"]), folded=True)]


CONTENTS: dict[str, Callable[[str, Tables, Mapping[str, Any]], Page]] = {
    "run": of_run,
    "levels": of_levels,
    "compare": of_compare,
    "batch": of_batch,
    "sensitivity": of_sensitivity,
    "claims": of_claims,
    "calibrate": of_calibration,
    "rivals": of_rivals,
}


def _kept(curves: pd.DataFrame, variables: tuple[str, ...], *roles: str) -> pd.DataFrame:
    """The rows of the curves that a figure shows."""
    kept = curves[curves["variable"].isin(variables)]
    return kept[kept["role"].isin(roles)] if roles else kept


def _table(heading: str, rows: report.Rows, folded: bool = False) -> Table:
    return Table(heading, *rows, folded=folded)


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
