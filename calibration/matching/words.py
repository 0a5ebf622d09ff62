"""The findings of a matching, for readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from valign.model.parameters import PARAMETERS

from ..patterns.pattern import Pattern


LEAST = 500.0  # effective number of worlds, under which nothing is shipped
NOT_SHIPPED = ": fewer than 500, so that they are not shipped, and what is said of parameters is rough"


def as_markdown(patterns: Sequence[Pattern], tables: Mapping[str, pd.DataFrame]) -> str:
    """The tables as a page."""
    summary, by_name = tables["summary"].iloc[0], {each.name: each for each in patterns}
    parts = (
        _what_was_done(summary, len(patterns)),
        _facts(tables["patterns"], by_name),
        _left_out(tables["left_out"], summary, by_name),
        _parameters(tables["parameters"]),
        _pairs(tables["pairs"], summary),
    )
    return "\n".join([*(line for part in parts for line in part), ""])


def _what_was_done(summary: pd.Series, facts: int) -> list[str]:
    return [
        "# Worlds that agree with what is known",
        "",
        "Written by `make worlds` (`python -m valign.calibration.matching.study`). A world is a setting of all "
        f"{int(summary.parameters)} parameters that are not known. {facts} published facts were asked of "
        f"{int(summary.simulated_worlds):,} worlds ({summary.person_months:.2g} person-months); the "
        f"{int(summary.worlds):,} of the last wave have weights that make them worth {summary.effective:.0f} worlds of "
        f"equal weight{NOT_SHIPPED if summary.effective < LEAST else ''}. Nothing was "
        "tuned so that a fact comes out; where the model misses one, it is said below.",
        "",
        "Weights: likelihood of the facts by what an emulator and a world's own runs together say of it, over the "
        "likelihood by which the emulator had proposed it; in both the facts' errors, the stated discrepancy of the "
        "model and what is not known of the world's mean. The emulator had not seen those runs. "
        "Questions that take long (of the size of England) were asked of some worlds of the earlier waves alone; "
        "in the last wave the emulator alone answers them.",
        "",
        f"Of the space of plausible worlds, {100 * summary.ruled_out_by_two:.0f} % is ruled out by at least two facts "
        f"(more than three standard deviations away), {100 * summary.ruled_out_by_one:.0f} % by at least one; by an "
        "emulator of the first wave that counts the chance of a single run as not known, so that these are cautious "
        "numbers. "
        f"{int(summary.as_wide_as_before)} of {int(summary.parameters)} parameters are as wide as before: no fact here "
        "says anything about them.",
        "",
    ]


def _facts(found: pd.DataFrame, by_name: Mapping[str, Pattern]) -> list[str]:
    lines = [
        "## The facts, and what the worlds give",
        "",
        "Worlds: mean, and 5 to 95 % over worlds (not knowing; chance is averaged out as far as runs allow). Away: how "
        "far that mean is from the fact, in standard deviations of the fact's error, the stated discrepancy and what "
        "is not known of the mean. Rules out: share of the plausible space.",
        "",
        "| fact | value ± 95 % | plausible worlds, single runs | worlds that agree | away | rules out | alone |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in found.itertuples():
        each = by_name[str(r.pattern)]
        bound = f"{each.bound} " if each.bound else ""
        mark = "**" if abs(float(r.away)) > 2 else ""
        lines.append(
            f"| {each.title} ({each.unit}; {each.source}) "
            f"| {bound}{r.fact:z.3g} [{r.fact_low:z.3g}, {r.fact_high:z.3g}] "
            f"| {r.prior_low:z.2f} to {r.prior_high:z.2f} | {r.after:z.2f} [{r.after_low:z.2f}, {r.after_high:z.2f}] "
            f"| {mark}{r.away:+.1f}{mark} | {100 * r.rules_out:.0f} % | {100 * r.alone:.1f} % |"
        )
    return lines


def _left_out(left: pd.DataFrame, summary: pd.Series, by_name: Mapping[str, Pattern]) -> list[str]:
    lines = [
        "",
        "## Facts that were left out",
        "",
        "Each fact in turn is left out, worlds are matched with the others, and the fact is held against what they "
        "predict (90 % intervals with the fact's error and the discrepancy). The worlds were drawn by the emulator of "
        "the last wave; they were not simulated anew. Of the facts that are no bounds, "
        f"{100 * summary.covered_itself_left_out:.0f} % lie in their intervals; "
        f"{100 * summary.covered_data_left_out:.0f} % where everything that uses the same data is left out as well; "
        f"{100 * summary.covered_half_left_out:.0f} % where a random half is left out (ten halves).",
        "",
        "| fact | value | predicted without it | covered | predicted without its data | covered |",
        "|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(left["pattern"]):
        cells = []
        for way in ("itself", "its data"):
            r = left[(left["pattern"] == name) & (left["left_out"] == way)].iloc[0]
            cells.append(
                f"{r['median']:z.2f} [{r['low']:z.2f}, {r['high']:z.2f}] | {'yes' if r['covered'] else '**no**'}"
            )
        lines.append(f"| {by_name[name].title} | {by_name[name].value:z.3g} | {' | '.join(cells)} |")
    return lines


def _parameters(parameters: pd.DataFrame) -> list[str]:
    lines = [
        "",
        "## What is learned of the parameters",
        "",
        "The twenty that the facts say most about: range before, median and 5 to 95 % after. Narrower: by how much the "
        "standard deviation shrinks.",
        "",
        "| parameter | before | after | narrower |",
        "|---|---|---|---|",
    ]
    strength = parameters["narrower"].clip(lower=0) + parameters["moved"].abs()
    for r in parameters.loc[strength.sort_values(ascending=False).index[:20]].to_dict("records"):
        declared = PARAMETERS[str(r["parameter"])]
        lines.append(
            f"| {declared.mechanism}: {declared.label} | {r['from']:g} to {r['to']:g} "
            f"| {r['median']:z.3g} [{r['low']:z.3g}, {r['high']:z.3g}] | {100 * r['narrower']:.0f} % |"
        )
    return lines


def _pairs(pairs: pd.DataFrame, summary: pd.Series) -> list[str]:
    by_chance = 0.0027 * summary.parameters * (summary.parameters - 1) / 2
    lines = [
        "",
        "## What trades off",
        "",
        f"{len(pairs)} pairs of parameters have a correlation of at least .2 that is three times its error; about "
        f"{by_chance:.0f} would by chance alone.",
        "",
    ]
    found = [
        f"- {PARAMETERS[str(r.one)].label} and {PARAMETERS[str(r.other)].label}: correlation {r.correlation:+.2f}"
        for r in pairs.head(12).itertuples()
    ]
    return [*lines, *(found or ["No two parameters are correlated by .2 or more after matching."])]
