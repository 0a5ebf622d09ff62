"""What the page says: headings of levers, cards, tables. HTML whose every text is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from textwrap import shorten
from typing import Any

import pandas as pd

from valign.experiments.claims.results import ClaimResult, meaning
from valign.experiments.sensitivity import Sensitivity
from valign.model.parameters import PARAMETERS, Parameter
from valign.model.scenario.scenario import Scenario
from valign.results.figures.common import ORDERED
from valign.results.figures.sensitivity import noise_floor, ranked
from valign.results.numbers import guarded_percent, points, significant
from valign.results.palette import INK, MAIN, PINNED
from valign.results.plain_text import escape
from valign.results.reports.claims import GRADE_MEANINGS, in_words
from valign.results.reports.findings import LIMITS, findings, remarks
from valign.results.reports.rows import compare_table, levels_table, mean_in_words, run_table
from valign.results.summaries import curve_summary, paired_differences, summarise, summarise_by
from valign.results.vocabulary import headlines, label, role_label, spoken

from . import charts
from .studies import HERE
from .work import STAGES, Ensemble

CARDS = ("uptake_final", "uptake_peak", "spread_final", "sustained_24", "alignment_final", "time_to_50")
VALUES = (
    "value_commissioners",
    "value_clients",
    "value_providers",
    "value_per_pound_financial",
    "value_per_pound_economic",
    "value_per_pound_social",
    "money_spent",
)
BAND = (
    "Uptake: the line is the median of runs, the dark area the middle half of them, the light area "
    "nine runs out of ten (5 to 95 %). Other figures: means with their 95 % intervals."
)


def problems(lines: Sequence[str]) -> str:
    """A message of what is wrong."""
    more = [f"and {len(lines) - 8} more"] if len(lines) > 8 else []
    return "<br>".join(escape(each[:400]) for each in [*lines[:8], *more])


def with_unit(p: Parameter, value: float) -> str:
    """A value as it is read out."""
    return f"{value:.4g} {p.unit}"


def status(found: Ensemble, seconds: float) -> str:
    """What was computed, and its main number, in a line that screen readers announce."""
    row = summarise(found.runs, ["uptake_final"]).iloc[0]
    write = label("uptake_final").write
    main = (
        f"People engaged at the end: {write(row['mean'])} (95 % interval of the mean {write(row['mean_low'])} to "
        f"{write(row['mean_high'])}). "
        if row["n"]
        else ""
    )
    return (
        f"{main}{len(found.runs)} runs of {found.question.people():,} people over {found.scenario.months} months, in "
        f"{1000 * seconds:.0f} ms. {found.remark}"
    )


def level(value: float | None) -> str:
    """Heading of the slider of alignment at the start; None: it is not set."""
    return f'<div class="lever"><span>mean over everybody</span><b>{"–" if value is None else f"{value:.2f}"}</b></div>'


def lever(p: Parameter, value: float, own: float) -> str:
    """Heading of a slider: what it is, its value, and (hover or open) unit, range, source, grade."""
    facts = (
        f"{p.name}: {p.unit}; plausible {p.low:g} to {p.high:g}; this scenario's own value {own:g}. "
        f"Grade: {p.grade}. Source: {p.source}."
    )
    return (
        f'<div class="lever{" changed" if value != own else ""}" title="{escape(facts)}">'
        f"<span>{escape(p.meaning)}</span>"
        f'<b>{value:.4g}</b><details><summary aria-label="about this setting">?</summary>'
        f"<p>{escape(facts)}</p></details></div>"
    )


def cards(found: Ensemble) -> str:
    """Main outcomes with what is known of them."""
    table = summarise(found.runs, CARDS).set_index("outcome")
    shown = []
    for name in CARDS:
        row, write = table.loc[name], label(name).write
        if label(name).never:
            big = write(row["median"])
            sure = f"median; it happens in {100 * row['happened']:.0f} % of runs"
        elif not row["n"]:
            big, sure = "-", "does not apply in these months"
        else:
            big = write(row["mean"])
            sure = f"mean; 95 % interval {write(row['mean_low'])} to {write(row['mean_high'])}"
        band = f"nine runs of ten: {write(row['low'])} to {write(row['high'])}" if row["n"] else ""
        shown.append(f'<div class="card"><span>{escape(label(name).text)}</span><b>{big}</b>{sure}<br/>{band}</div>')
    return f'<div class="cards">{"".join(shown)}</div>'


def uptake(found: Ensemble) -> str:
    """Bands of uptake, and spread: what is drawn first."""
    drawn = [
        charts.curves(
            "Uptake: people engaged", [charts.Line("median", _summary(found, "all", "engaged"))], marks=_marks(found)
        ),
        charts.curves(
            "Spread: services using it",
            [replace(_mean(found, "service", "in_use", "mean"), colour=MAIN)],
            marks=_marks(found),
        ),
    ]
    return f'<div class="grid">{"".join(drawn)}</div>'


def behind(found: Ensemble) -> str:
    """Alignment by role, and services by stage."""
    there = [role for role in spoken().roles if role != "all" and not pd.isna(found.curves[role, "alignment"]).all()]
    aligned = [_mean(found, role, "alignment", role_label(role), n) for n, role in enumerate(there)]
    stages = [_mean(found, "service", stage, stage, n) for n, stage in enumerate(STAGES)]
    drawn = [
        charts.curves(
            "Mean alignment by role", aligned, marks=_marks(found), write=lambda value: f"{value:.2f}", room=145
        ),
        charts.curves("Services by stage", stages, marks=_marks(found), room=145),
    ]
    return f'<div class="grid">{"".join(drawn)}</div>'


def _marks(found: Ensemble) -> list[int]:
    return [change.month for change in found.scenario.changes]


def _summary(found: Ensemble, role: str, variable: str) -> pd.DataFrame:
    return curve_summary(found.curves[role, variable], found.runs["society_seed"])


def _mean(found: Ensemble, role: str, variable: str, words: str, place: int = 0) -> charts.Line:
    """A line of means with their interval."""
    interval = (("mean_low", "mean_high"),)
    return charts.Line(
        words, _summary(found, role, variable), charts.ORDERED[place], charts.DASHES[place], "mean", interval
    )


def told(found: Ensemble) -> str:
    """What the numbers of an ensemble say, in sentences, and all of them in a table."""
    table = summarise(found.runs, headlines())
    columns, rows = run_table(table)
    sentences = findings("run", {"summary": table, "runs": found.runs})
    notes = [BAND, *remarks(found.runs), *LIMITS[:2]]
    return (
        f"<h2>What the numbers say</h2>{charts.sentences(sentences)}{charts.sentences(notes, 'small')}"
        f"<details><summary>All main outcomes as a table</summary>{charts.table(columns, rows)}</details>"
    )


def comparison(pinned: Ensemble, found: Ensemble) -> str:
    """Pinned and present side by side, and what differs, run by run with the same seeds."""
    runs = min(len(pinned.runs), len(found.runs))
    both = {"pinned": pinned, "now": found}
    table = pd.concat([each.runs.iloc[:runs].assign(scenario=name) for name, each in both.items()], ignore_index=True)
    outcomes = headlines()
    summary = summarise_by(table, outcomes, "scenario")
    differences = paired_differences(table, outcomes, "scenario", "pinned")
    drawn = []
    for pair, title in ((("all", "engaged"), "Uptake"), (("service", "in_use"), "Spread")):
        for name, each in both.items():
            curve = each.curves[pair][:, :runs]
            how = {} if pair[0] == "all" else {"middle": "mean", "bands": (("mean_low", "mean_high"),)}
            drawn.append(
                charts.curves(
                    f"{title}: {name}",
                    [
                        charts.Line(
                            "median" if pair[0] == "all" else "mean",
                            curve_summary(curve, each.runs["society_seed"].iloc[:runs]),
                            PINNED if name == "pinned" else MAIN,
                            **how,
                        )
                    ],
                    marks=[change.month for change in each.scenario.changes],
                )
            )
        months = min(len(each.curves[pair]) for each in both.values())
        gap = found.curves[pair][:months, :runs] - pinned.curves[pair][:months, :runs]
        drawn.append(
            charts.curves(
                f"{title}: now less pinned, points, paired",
                [
                    charts.Line(
                        "mean",
                        curve_summary(gap, pinned.runs["society_seed"].iloc[:runs]),
                        INK,
                        middle="mean",
                        bands=(("mean_low", "mean_high"),),
                    )
                ],
                limits=None,
                write=points,
            )
        )
    columns, rows = compare_table(summary, differences)
    told = findings("compare", {"summary": summary, "differences": differences, "runs": table})
    return (
        f'<div class="grid">{"".join(drawn[n] for n in (0, 1, 2, 5, 3, 4))}</div>'
        f"<h2>What differs</h2>{charts.sentences(told)}"
        f"{charts.sentences([*remarks(table), BAND], 'small')}{charts.table(columns, rows)}"
    )


def time_line(found: Ensemble, marks: Sequence[tuple[int, str]]) -> str:
    """What is scheduled, over uptake."""
    line = charts.Line("median", _summary(found, "all", "engaged"))
    return charts.time_line(found.scenario.months, marks) + charts.curves(
        "Uptake: people engaged", [line], marks=[month for month, _ in marks], width=860, height=250
    )


def levels(found: Sequence[tuple[float, Ensemble]], present: Ensemble) -> str:
    """Uptake and spread at several levels of alignment; the level of the present settings is said beside."""
    drawn = []
    for pair, title in ((("all", "engaged"), "Uptake"), (("service", "in_use"), "Spread")):
        drawn.append(
            charts.curves(
                f"{title} by alignment at the start",
                [
                    charts.Line(
                        f"at {level:.2f}:",
                        curve_summary(each.curves[pair], each.runs["society_seed"]),
                        ORDERED[2 - n],
                        charts.DASHES[n],
                        "mean",
                        (("mean_low", "mean_high"),),
                    )
                    for n, (level, each) in enumerate(found)
                ],
                marks=_marks(present),
            )
        )
    table = pd.concat([each.runs.assign(alignment_level=level) for level, each in found], ignore_index=True)
    summary = summarise_by(table, headlines(), "alignment_level")
    differences = paired_differences(table, headlines(), "alignment_level", found[0][0])
    told = findings("levels", {"summary": summary, "differences": differences, "runs": table})
    columns, rows = levels_table(summary, differences)
    own = present.runs["alignment_start"].mean()
    notes = [
        f"In the present settings mean alignment at the start is {own:.2f}. The levels are lower, in the middle and "
        "higher of what these people and this innovation can reach; everybody's values are shifted alike.",
        *remarks(table),
        "Lines: means; areas: 95 % intervals of the means.",
    ]
    return (
        f'<div class="grid">{"".join(drawn)}</div><h2>What the level does</h2>{charts.sentences(told)}'
        f"{charts.sentences(notes, 'small')}{charts.table(columns, rows)}"
    )


def why(moved: pd.DataFrame, found: Ensemble) -> str:
    """What moved alignment; value by who gets it; what commissioners weigh."""
    summary = summarise(found.runs, VALUES)
    rows = [
        [
            label(row["outcome"]).text,
            mean_in_words(row),
            f"{label(row['outcome']).write(row['low'])} to {label(row['outcome']).write(row['high'])}",
        ]
        for row in summary.to_dict("records")
        if row["n"]
    ]
    weights = charts.curves(
        "What the evidence weighs for commissioners (mean)",
        [
            charts.Line(
                channel,
                curve_summary(found.curves["commissioner", f"weight_{channel}"], found.runs["society_seed"]),
                colour,
                dash,
                "mean",
                (("mean_low", "mean_high"),),
            )
            for channel, colour, dash in zip(
                ("financial", "economic", "social"), charts.ORDERED, charts.DASHES, strict=False
            )
        ],
        room=140,
    )
    notes = [
        "Left: what each mechanism did to mean alignment along the path that was taken; the steps add up from start to "
        "end. Right: what would be missing at the end without it, with 95 % intervals, the same seeds. They differ "
        "because others do part of the work when one is off: read both.",
        "Value by who gets it is net of that group's costs, and is never added up over groups.",
    ]
    return (
        charts.waterfall(moved, spoken().mechanisms)
        + charts.sentences(notes, "small")
        + '<div class="grid"><div>'
        + charts.table(["value, and who gets it", "mean (95 % interval)", "nine runs of ten"], rows)
        + f"</div>{weights}</div>"
    )


def about(scenario: Scenario) -> str:
    """Description of a scenario, folded."""
    text = escape(" ".join(scenario.description.split())[:1000])
    return (
        f'<details class="about"><summary>About this scenario</summary>'
        f"<p>{escape(scenario.title or scenario.name)}. {text}</p></details>"
    )


def claim(result: ClaimResult, row: Mapping[str, Any], where: str) -> str:
    """What testing a claim gave: verdict in words, shares of worlds, the effect in the settings themselves.

    row : of the summary, with words. where : the settings, in words.
    """
    bars = [("with the assumption", row), ("without it (null)", {k[5:]: v for k, v in row.items() if k[:5] == "null_"})]
    tests = result.table.to_dict("records")
    here = [
        f"In {where if each['scenario'] == HERE else each['scenario']}: {meaning(each['outcome'])}, "
        f"{' less '.join(test.of)}: {significant(each['effect'])} ({significant(each['low'])} to "
        f"{significant(each['high'])}, {each['runs']} runs); at least {significant(each['smallest'], False)} "
        f"{'more' if each['direction'] == 'higher' else 'less'} was predicted."
        for each in result.shipped.to_dict("records")
        for test in result.claim.tests
        if test.name == each["test"]
    ]
    told = [in_words(row), str(row["where"]), *here]
    notes = [
        f"Grade {row['grade']}: {GRADE_MEANINGS[row['grade']]}. What would speak against it: {row['against']}",
        f"{len(result.worlds):,} worlds with {result.seeds} runs of each case in each: a quick look. The error level "
        "is that of one claim among eighteen. `valign claims` tests with as many worlds as you like, against rival "
        "explanations too.",
        "A world is a point of the plausible ranges of all parameters, with people and ties of its own; what you have "
        "set yourself stays as it is. An uploaded survey and network is not used here.",
        f"Source of the claim: {row['source']}",
    ]
    columns = ["test", "what is measured", "effect over worlds", "nine worlds of ten", "as predicted", "null"]
    rows = [
        [
            each["test"] + ("" if each["counts"] else " (beside)"),
            each["meaning"],
            significant(each["effect"]),
            f"{significant(each['effect_5'])} to {significant(each['effect_95'])}",
            guarded_percent(each["predicted"]),
            guarded_percent(each["null_predicted"]),
        ]
        for each in tests
    ]
    return (
        f"<h2>{escape(row['claim'])} {escape(row['title'])}: {escape(row['verdict'])}</h2>"
        f"<p>{escape(row['statement'])}</p>{charts.shares('Share of plausible worlds', bars)}"
        f"{charts.sentences([each for each in told if each])}{charts.sentences(notes, 'small')}"
        f"{charts.table(columns, rows)}"
    )


def sensitivity(found: Sensitivity) -> str:
    """Which settings drive the outcomes: bars with the noise floor, in words, and all numbers in a table."""
    tables, main = found.tables, "ST"
    drawn, rows = [], []
    for outcome in found.outcomes:
        ranking = ranked(tables["indices"], outcome, main)
        floor, _ = noise_floor(tables["indices"], tables["shares"], outcome, main)
        drawn.append(
            charts.bars(
                label(outcome).text,
                [(_factor(row.factor), row.value, row.low, row.high) for row in ranking.itertuples()],
                floor,
                "share of the variance between settings that is due to each, alone and together with others (95 %)",
            )
        )
        rows += [
            [label(outcome).text, row.factor, f"{row.value:.2f}", f"{row.low:.2f} to {row.high:.2f}"]
            for row in ranking.itertuples()
        ]
    told = found.words.split("\n\n")
    notes = [
        told[0],
        "Each setting varies over its plausible range; all others stay as they are set. A dot in the grey area cannot "
        "be told from chance. This says what the model's outcomes depend on, not what a service should do.",
    ]
    return (
        f"<h2>What drives the outcomes</h2>{''.join(drawn)}{charts.sentences(told[1:])}"
        f"{charts.sentences(notes, 'small')}<details><summary>All numbers as a table</summary>"
        f"{charts.table(['outcome', 'setting', 'total index', '95 % interval'], rows)}</details>"
    )


def _factor(name: str) -> str:
    """A parameter by its meaning, shortened at a word; a mechanism by its name."""
    return shorten(PARAMETERS[name].meaning, 50, placeholder=" …") if name in PARAMETERS else name.replace("_", " ")
