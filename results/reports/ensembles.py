"""What the reports of `run`, `levels`, `compare` and `batch` hold."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from ..figures.claims import waterfall_figure
from ..figures.common import curve_of, in_worlds
from ..figures.ensembles import comparison_figure, factors_figure, levels_figure, observed_figure, run_figure
from ..figures.network import society_figure
from ..figures.run import (
    VALUES,
    curve_in_words,
    design_figure,
    difference_figure,
    drawn_differences,
    effects_of_design,
    roles_figure,
    stages_figure,
    value_figure,
    weights_figure,
    weights_in_words,
)
from ..figures.services import services_figure
from ..page import Drawn, Page, Table, Tables
from ..summaries import summarise
from ..vocabulary import (
    EVIDENCE,
    SERVICE_STAGES,
    WORDS,
    case_label,
    headlines,
    label,
    listed,
    role_label,
    series_label,
    setting_label,
    spoken,
    variant_label,
)
from . import findings, rows

BESIDE_FIGURES = ("engaged", "ever_engaged", "in_use", "alignment")  # variables whose numbers are kept beside figures
ALIGNMENT = ("alignment", "alignment_sd", "fit_original")


def of_run(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    curves, runs = tables["curves"], tables["runs"]
    count, told = len(runs), findings.findings("run", tables)
    if "observed" in tables:
        gap = findings.misfit_in_words(curves, tables["observed"])
        told.append(gap)
        figure = partial(observed_figure, curves, tables["observed"], f"{title}: simulated and observed", count)
        alt = f"Simulated uptake over months with its band, and the observed curve over it. {gap}"
    else:
        figure = partial(run_figure, curves, title, count)
        uptake = curve_in_words(curve_of(curves, "all", "engaged"))
        spread = curve_in_words(curve_of(curves, "service", "in_use"), "mean")
        alt = (
            f"Three panels over months. Uptake, median of runs: {uptake}. Spread, mean of services using it: {spread}. "
            "Alignment by role, told in a figure of its own."
        )
    return Page(
        "What happens to the innovation in this situation, and how far may single places differ?",
        findings.READING,
        told,
        findings.certainty("run", tables),
        findings.cautions("run", tables),
        [Drawn("run", figure, alt, _kept(curves, BESIDE_FIGURES)), *_further(title, tables, count)],
        [Table("Main outcomes", *rows.run_table(tables["summary"]))],
        findings.remarks(runs),
        WORDS,
    )


def _further(title: str, tables: Tables, count: int) -> list[Drawn]:
    """The figures of a run behind the first."""
    curves = tables["curves"]
    drawn = (
        _stages(title, curves, count),
        _alignment(title, curves, count),
        _weights(title, curves, count),
        _value(title, tables["summary"]),
        _by_service(title, tables, count),
        _society(title, tables),
        *_waterfalls(title, tables),
    )
    return [each for each in drawn if each is not None]


def _stages(title: str, curves: pd.DataFrame, count: int) -> Drawn | None:
    """Where the services stand, if any moves."""
    kept = _kept(curves, (*SERVICE_STAGES, "in_use"), "service")
    moved = kept[kept["variable"] != "in_use"].groupby("variable")["mean"].agg(["min", "max"])
    if not len(moved) or (moved["max"] - moved["min"]).max() <= 0.005:
        return None
    stages = "; ".join(
        f"{series_label(name)} {curve_in_words(curve_of(curves, 'service', name), 'mean')}" for name in SERVICE_STAGES
    )
    return Drawn(
        "stages",
        partial(stages_figure, curves, f"{title}: where the services stand", count),
        f"Stacked areas over months, the share of services by stage: {stages}.",
        kept,
        "Where do the services stand, month by month?",
    )


def _alignment(title: str, curves: pd.DataFrame, count: int) -> Drawn | None:
    """Alignment by role, where staff have any."""
    if curve_of(curves, "staff", "alignment").empty:
        return None
    course = "; ".join(
        f"{role_label(role)} from {part['mean'].iloc[0]:.2f} to {part['mean'].iloc[-1]:.2f}"
        for role in ("staff", "manager", "peer", "commissioner")
        if len(part := curve_of(curves, role, "alignment"))
    )
    return Drawn(
        "alignment",
        partial(roles_figure, curves, f"{title}: alignment by role", count),
        f"A panel for each role with its mean alignment over months: {course}.",
        _kept(curves, ALIGNMENT, *[role for role in spoken().roles if role != "all"]),
        "How well does the innovation fit what people value, and how far do people differ?",
    )


def _weights(title: str, curves: pd.DataFrame, count: int) -> Drawn | None:
    """What commissioners go by, where there are any."""
    if curve_of(curves, "commissioner", "weight_social").empty:
        return None
    told = "; ".join(f"{words} {course}" for words, course in weights_in_words(curves).items())
    return Drawn(
        "weights",
        partial(weights_figure, curves, f"{title}: what commissioners go by", count),
        f"Lines over months, the weight that commissioners give to kinds of evidence: {told}.",
        _kept(curves, (*EVIDENCE, "breadth"), "commissioner"),
        "What evidence do commissioners go by? The journey toward social value",
    )


def _society(title: str, tables: Tables) -> Drawn | None:
    """One society at the start and at the end, where it was kept."""
    if "snapshot" not in tables:
        return None
    services = tables["snapshot"]
    told = "; ".join(
        f"{name}, {len(part):,} services: mean alignment {part['alignment_start'].mean():.2f} and "
        f"{part['alignment_end'].mean():.2f}, engaged {100 * part['engaged_start'].mean():.0f} % and "
        f"{100 * part['engaged_end'].mean():.0f} %"
        for name, part in services.groupby("group", sort=False)
    )
    return Drawn(
        "society",
        partial(society_figure, services, tables.get("people"), tables.get("ties"), f"{title}: one society"),
        f"The society of the first run at the start and at the end, by groups of services. {told}.",
        tables.get("people", services),
        "Who is where? One society at the start and at the end",
    )


def _by_service(title: str, tables: Tables, count: int, by: str | None = None) -> Drawn | None:
    """Every service month by month, where that was recorded."""
    if "by_service" not in tables:
        return None
    data = tables["by_service"]
    last = data[data["month"] == data["month"].max()]
    told = "; ".join(
        f"{row.service}{'' if by is None else f' ({getattr(row, by)})'} {100 * row.engaged:.0f} %"
        for row in last.itertuples()
    )
    return Drawn(
        "by_service",
        partial(services_figure, data, f"{title}: service by service", count, by),
        f"A row for each service, the darker the more of its people work with it; at the end: {told}.",
        data,
        "How does it go in each service?",
    )


def _waterfalls(title: str, tables: Tables) -> list[Drawn]:
    """What moved alignment and fit, where that was asked for."""
    if "attribution" not in tables:
        return []
    return [
        Drawn(
            name,
            partial(waterfall_figure, tables["attribution"], f"{title}: what moved {balance}", balance),
            f"Bars from one mechanism to the next: the change in mean {balance} booked on each, and below it the "
            "change that is lost without the mechanism.",
            tables["attribution"],
            question,
        )
        for name, balance, question in (
            ("waterfall", "alignment", "What moved alignment, as people judge it?"),
            ("waterfall_fit", "fit", "What moved the fit of people's own values?"),
        )
    ]


def _value(title: str, summary: pd.DataFrame, by: str | None = None) -> Drawn | None:
    """Value by stakeholder group, where it was recorded."""
    data = summary[summary["outcome"].isin(VALUES) & (summary["n"] > 0)]
    if data["outcome"].nunique() < len(VALUES):
        return None
    doubts = {"not knowing": "unknown", "chance": "chance"} if in_worlds(data) else {"interval": "mean"}
    told = "; ".join(
        f"{VALUES[row['outcome']]}{'' if by is None else f' ({case_label(by, row[by])})'}: mean "
        f"{row['mean']:,.0f}, "
        + ", ".join(f"{words} {row[f'{of}_low']:,.0f} to {row[f'{of}_high']:,.0f}" for words, of in doubts.items())
        for _, row in data.iterrows()
    )
    return Drawn(
        "value",
        partial(value_figure, data, f"{title}: value by stakeholder group", by),
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
    drawn: list[Drawn | None] = [
        Drawn(
            "levels",
            partial(levels_figure, curves, words, each),
            f"Uptake and spread over months, one line for each level of alignment. Engaged at the end: {ends}.",
            _kept(tables["curves"], BESIDE_FIGURES),
        )
    ]
    if factors:
        drawn.append(
            Drawn(
                "levels-by",
                partial(factors_figure, tables["summary"], title, each),
                "Uptake and spread at the end by strength of evidence and innovation, one line for each "
                "level of alignment.",
                tables["summary"],
                "Does it hold for other innovations and evidence?",
            )
        )
    highest = differences[differences["alignment_level"] == differences["alignment_level"].max()]
    drawn += [_differences(title, highest, "alignment_level", each), _value(title, summary, "alignment_level")]
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
    drawn: list[Drawn | None] = []
    for name, variable, words, heading in (
        ("compare", "engaged", "uptake", ""),
        ("compare-spread", "in_use", "spread", "How many services use it?"),
    ):
        role = "service" if variable == "in_use" else "all"
        told = "; ".join(
            f"{variant_label(each)}: {curve_in_words(curve_of(part, role, variable), 'mean')}"
            for each, part in curves.groupby("scenario", sort=False)
        )
        drawn.append(
            Drawn(
                name,
                partial(comparison_figure, curves, gaps, f"{title}: {words}", count, variable),
                "Lines over months for each scenario, and beside them the paired differences from the "
                f"first, {words}: {told}.",
                _kept(curves, BESIDE_FIGURES),
                heading,
            )
        )
    drawn.append(_differences(title, tables["differences"], "scenario", count))
    drawn.append(_value(title, tables["summary"], "scenario"))
    drawn.append(_by_service(title, tables, count, "scenario"))
    first, *others = map(variant_label, dict.fromkeys(runs["scenario"]))
    question = f"What changes from “{first}” to {listed([f'“{each}”' for each in others])}?"
    return _compared("compare", question, tables, drawn)


def _differences(title: str, differences: pd.DataFrame, by: str, count: int) -> Drawn | None:
    data = drawn_differences(differences)
    if data.empty:
        return None
    told = "; ".join(f"{label(row['outcome']).text} {rows.difference(row)}" for _, row in data.iterrows())
    return Drawn(
        "paired",
        partial(difference_figure, differences, f"{title}: differences, pair by pair", by, count),
        f"Marks with intervals, the paired difference in each main outcome: {told}.",
        data,
        "What differs, and how sure is it?",
    )


def _compared(command: str, question: str, tables: Tables, drawn: list[Drawn | None]) -> Page:
    shown = [
        Table("Main outcomes", *rows.main_table(command, tables)),
        Table("All paired differences", *rows.detail_table(tables["differences"]), folded=True),
    ]
    return Page(
        question,
        findings.reading(tables),
        findings.findings(command, tables),
        findings.certainty(command, tables),
        findings.cautions(command, tables),
        [each for each in drawn if each is not None],
        shown,
        findings.remarks(tables["runs"]),
        WORDS,
    )


def of_batch(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    runs = tables["runs"]
    good = runs[runs["status"] == "ok"]
    outcomes = [name for name in headlines() if name in runs]
    settings = [
        name
        for name in runs.columns[: runs.columns.get_loc("status")]
        if name not in ("run", "seed", "society_seed") and runs[name].nunique() > 1
    ]
    effects = effects_of_design(good, settings)
    drawn = []
    if len(effects):
        told = "; ".join(
            f"{setting_label(name)}: " + ", ".join(f"{100 * mean:.0f} %" for mean in part["mean"])
            for name, part in effects.groupby("setting", sort=False)
        )
        drawn.append(
            Drawn(
                "settings",
                partial(design_figure, effects, f"{title}: uptake over what was varied", len(good)),
                f"People engaged at the end, means from the lowest to the highest values. {told}.",
                effects,
            )
        )
    summary = summarise(good, outcomes)
    shown = [Table("Main outcomes, all runs together", *rows.run_table(summary))]
    if len(effects):
        shown.append(
            Table(
                "People engaged at the end, by what was varied",
                ("setting and value", "runs", "mean (95 % interval)"),
                [
                    [
                        f"{setting_label(row['setting'])}: {rows.written(row['at'])}",
                        f"{row['n']:,.0f}",
                        f"{100 * row['mean']:.0f} % ({100 * row['mean_low']:.0f}–{100 * row['mean_high']:.0f})",
                    ]
                    for _, row in effects.iterrows()
                ],
            )
        )
    return Page(
        "What came of the runs of this design?",
        findings.READING,
        findings.findings_of_batch(runs, effects),
        findings.certainty_of_batch(runs, settings),
        [*findings.LIMITS, findings.DESIGN_LIMIT],
        drawn,
        shown,
        findings.remarks(runs),
        WORDS,
    )


def _kept(curves: pd.DataFrame, variables: tuple[str, ...], *roles: str) -> pd.DataFrame:
    """The rows of the curves that a figure shows."""
    kept = curves[curves["variable"].isin(variables)]
    return kept[kept["role"].isin(roles)] if roles else kept
