"""What the report of each command holds: question, findings, how sure, what not to conclude, figures, tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..figures.calibration import (
    fit_figure,
    odds_figure,
    posterior_figure,
    predictive_figure,
    ranks_figure,
    rivals_figure,
)
from ..figures.claims import overview_figure
from ..figures.decide import front_figure, plan_figure, regret_figure
from ..figures.sensitivity import figures_of
from ..figures.study import study_figure
from ..numbers import guarded_percent, pounds
from ..page import Drawn, Page, Table, Tables
from ..vocabulary import INDEX_NAMES, listed, setting_label
from . import calibration, claims, decide, decide_certainty, decide_tables, sensitivity, study
from .diagnosis import of_diagnosis
from .ensembles import of_batch, of_compare, of_levels, of_run


# --- sensitivity -----------------------------------------------------------------------------------------------------
def of_sensitivity(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    main = sensitivity.main_index(tables["indices"])
    n, replicates = work.get("n", 0), work.get("replicates", 1)
    drawn = figures_of(tables, title, main, f"n = {n:,}, {replicates} runs of each parameter set.")
    words = tables["words"]["paragraph"].tolist()
    factors = tables["factors"]
    shown = [
        Table(
            f"{INDEX_NAMES[main]} of every factor, with its 95 % interval".capitalize(),
            *sensitivity.ranking(tables["indices"], main),
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
        sensitivity.READING,
        sensitivity.findings(tables, main),
        [*words, *sensitivity.CERTAINTY],
        sensitivity.LIMITS,
        drawn,
        shown,
        (),
        sensitivity.WORDS,
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
            partial(overview_figure, summary, tables.get("plausible")),
            "Bars, the share of worlds that agree with published facts in which each claim "
            f"turns out as predicted, absent or reversed. {told}.",
            summary,
        )
    ]
    each = [
        f"{row['claim']} {row['title']}: {row['verdict']}. {claims.in_words(row)} {row['where']}".strip()
        for row in summary.to_dict("records")
    ]
    counted = claims.counted(summary)  # of one claim, its verdict comes first
    findings = [*counted, *each[: not counted], *claims.changed_in_words(tables), *each[not counted :]]
    shown = [
        Table("Verdicts", *claims.overview_rows(summary)),
        *([Table("Verdicts that the facts change", *rows)] if (rows := claims.rows_of_changed(tables))[1] else []),
        Table(
            "What was claimed, and what would count against it",
            ("claim", "statement", "source", "against"),
            [[f"{row.claim} {row.title}", row.statement, row.source, row.against] for row in summary.itertuples()],
            words=True,
        ),
        *claims.tables_of_tests(tables),
    ]
    return Page(
        "Do these claims hold in the model, in worlds that agree with what is known?",
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
    told = calibration.fit_sentences(tables["fit"], tables["fit_summaries"])
    fitting = Drawn(
        "figure-fit",
        partial(fit_figure, tables["fit_summaries"], f"{title}: can the model give this?"),
        f"What was observed beside what the model gives where it comes nearest, by summary. {' '.join(told)}",
        tables["fit_summaries"],
        "Can the model give data like these?",
    )
    shown = [
        Table("Observed, and given by the model", *calibration.fit_table(tables["fit_summaries"])),
        *_read(tables),
        *_regression(tables),
        *_screening(tables),
    ]
    remarks = [*_beside(tables, told), *_of_regression(tables)]
    if "summary" not in tables:
        return Page(
            "Can this model give what was observed, and with which values of its parameters?",
            "",
            told,
            calibration.fit_certainty(tables["fit"]),
            calibration.LIMITS[:1],
            [fitting],
            shown,
            remarks,
            calibration.WORDS,
            told[0],
        )
    return _posterior_page(title, tables, work, told, fitting, shown)


def _posterior_page(
    title: str, tables: Tables, work: Mapping[str, Any], told: list[str], fitting: Drawn, shown: list[Table]
) -> Page:
    """The page of a calibration that came to a posterior."""
    summary, recovered = tables["summary"], tables["recovered"]
    fits = bool(tables["fit"]["fits"].iloc[0])
    fitted = listed([setting_label(name) for name in dict.fromkeys(summary["parameter"])])
    drawn = [
        Drawn(
            "figure-posterior",
            partial(posterior_figure, summary, f"{title}: posterior"),
            f"A panel for each fitted parameter with what remains plausible. {calibration.posterior_in_words(summary)}",
            summary,
            "What remains plausible?",
        )
    ]
    drawn = [*drawn, fitting] if fits else [fitting, *drawn]
    if len(tables["predictive"]):
        predictive = tables["predictive"]
        drawn.append(
            Drawn(
                "figure-predictive",
                partial(predictive_figure, predictive, f"{title}: fitted and observed", work.get("time_unit", "month")),
                f"Fitted curves with bands over the observed points. {calibration.fit_in_words(predictive)}",
                predictive,
                "Does the fitted model look like what was observed?",
            )
        )
    drawn.append(
        Drawn(
            "figure-ranks",
            partial(ranks_figure, recovered, f"{title}: are the posteriors right?"),
            "A histogram for each parameter, where the truth stands among the draws of data made by the "
            "model; flat is right.",
            recovered,
            "Can the method be trusted?",
        )
    )
    return Page(
        f"Which values of {fitted} fit what was observed?",
        calibration.READING,
        [*told, *(calibration.findings(summary) if fits else [])],
        calibration.certainty(tables),
        calibration.LIMITS,
        drawn,
        [
            Table("What remains plausible of each parameter", *calibration.posterior_table(summary)),
            Table("Recovery of known truths", *calibration.recovery_table(tables["recovery"])),
            *shown,
        ],
        [*_beside(tables, told), *_of_regression(tables)],
        calibration.WORDS,
        told[0],
    )


def of_rivals(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    shares, scores, confusion = tables["shares"], tables["scores"], tables["confusion"]
    drawn = [
        Drawn(
            "figure-rivals",
            partial(rivals_figure, shares, scores, confusion, f"{title}: rivals"),
            f"Three panels by explanation: its share by two methods, and how well it predicts what it has not "
            f"seen. {calibration.shares_in_words(shares)}",
            scores,
        )
    ]
    if len(tables["odds"]):
        drawn.append(
            Drawn(
                "figure-odds",
                partial(odds_figure, tables["odds"], f"{title}: odds along the tolerance"),
                "The posterior share of each explanation as simulations have to come closer to the data.",
                tables["odds"],
                "Does the choice change with the tolerance?",
            )
        )
    return Page(
        "Which explanation fits what was observed: are values needed at all?",
        calibration.RIVAL_READING,
        calibration.rival_findings(tables),
        calibration.rival_certainty(tables),
        calibration.RIVAL_LIMITS,
        drawn,
        [
            Table("Explanations side by side", *calibration.rivals_table(tables)),
            *_read(tables),
            *_regression(tables),
            *_screening(tables),
        ],
        [*tables["remarks"]["remark"].tolist(), *_of_regression(tables)],
        calibration.RIVAL_WORDS,
    )


def of_study(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    designs, enough = tables["designs"], float(work["plan"]["enough"])
    told = study.findings(designs, enough)
    drawn = Drawn(
        "figure-study",
        partial(study_figure, designs, enough, title),
        f"Chance of naming the right explanation by the number of people, a line for each kind of design. {told[0]}",
        designs,
    )
    return Page(
        "Would this study name the right explanation, and which is the cheapest design that would?",
        f"{int(work['studies']):,} studies of each of five explanations were simulated for each design.",
        told,
        study.certainty(designs, tables["confusion"], enough),
        study.LIMITS,
        [drawn],
        [
            Table("Designs, the cheapest first", *study.designs_table(designs)),
            Table("Which explanation is named, over all designs", *study.confusion_table(tables), folded=True),
        ],
        ["To make this again: `valign study PLAN.toml` with the plan in `plan.toml` of this folder."],
        study.WORDS,
        told[0],
    )


def _read(tables: Tables) -> list[Table]:
    """What was read of the data."""
    return [Table("What was read", *calibration.plain_table(tables["read"]), words=True)] if "read" in tables else []


def _beside(tables: Tables, told: list[str]) -> list[str]:
    """Remarks that are not among the findings."""
    return [each for each in tables["remarks"]["remark"] if each not in told]


def _of_regression(tables: Tables) -> list[str]:
    return calibration.regression_sentences(tables["regression"]) if "regression" in tables else []


def _regression(tables: Tables) -> list[Table]:
    """The plain regression, where there are people."""
    if "regression" not in tables:
        return []
    return [Table("The plain regression of the same data", *calibration.regression_table(tables["regression"]))]


def _screening(tables: Tables) -> list[Table]:
    """What a screening chose to fit, where there was one."""
    if "screening" not in tables:
        return []
    return [Table("Which parameters are fitted", *calibration.screening_table(tables["screening"]), folded=True)]


# --- decide ----------------------------------------------------------------------------------------------------------
def of_decision(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    asked, finalists, kinds, plan = (tables[name] for name in ("asked", "finalists", "kinds", "plan"))
    said, best = asked.iloc[0].to_dict(), decide.best_of(tables)
    marks = decide_tables.letters(finalists)
    by_mix = {mix: mark for mix, mark in zip(finalists["mix"], marks, strict=True) if (kinds["mix"] == mix).any()}
    conditions = kinds.groupby("kind")["conditions"].first().map(decide.conditions_in_words).tolist()
    told = "; ".join(
        f"{mark}: {decide.gain_in_words(row, said['unit'])} for {pounds(row['cost'])}"
        for mark, row in zip(marks, finalists.to_dict("records"), strict=True)
    )
    drawn = [
        Drawn(
            "decide",
            partial(front_figure, finalists, marks, said, f"{title}: money and gain"),
            f"Gain over cost of each mix, with intervals. {told}.",
            finalists,
        )
    ]
    if len(plan):
        drawn.append(
            Drawn(
                "plan",
                partial(plan_figure, plan, int(said["horizon"]), f"{title}: the recommended mix, month by month"),
                f"Bars over months: when each action is paid and has an effect. {best['label']}.",
                plan,
                "What happens when?",
            )
        )
    drawn.append(
        Drawn(
            "regret",
            partial(regret_figure, kinds, by_mix, conditions, said["unit"], f"{title}: regret by kind of world"),
            "A table of the mean regret of each mix in each kind of world, the darker the more.",
            kinds,
            "In which kind of world would one regret it?",
        )
    )
    return Page(
        f"What should {pounds(said['budget'])} buy, and what would be worth knowing first?",
        decide.READING,
        decide.findings(tables),
        decide_certainty.certainty(tables),
        decide_certainty.cautions(tables),
        drawn,
        decide_tables.tables_of(tables),
        [f"Not possible here: {text}." for text in tables["unavailable"]["action"]],
        decide.WORDS,
        brief=decide.on_one_sheet(tables),
        sheet="plan",
    )


CONTENTS: dict[str, Callable[[str, Tables, Mapping[str, Any]], Page]] = {
    "run": of_run,
    "levels": of_levels,
    "compare": of_compare,
    "batch": of_batch,
    "sensitivity": of_sensitivity,
    "claims": of_claims,
    "calibrate": of_calibration,
    "rivals": of_rivals,
    "decide": of_decision,
    "diagnose": of_diagnosis,
    "study": of_study,
}
