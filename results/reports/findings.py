"""What an ensemble says in sentences: findings, how sure they are, what must not be concluded, remarks on tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from ..figures.common import in_worlds
from ..figures.ensembles import misfit
from ..numbers import percent
from ..page import Tables
from ..vocabulary import capital, case_label, headlines, label, listed, setting_label, variant_label
from .rows import NOT_SEEN, counted, difference, mean_in_words, written

READING = (
    "In brackets: between which numbers an average lies with 95 % confidence. People are staff, managers and "
    "peer advocates; who works with the innovation in daily practice is called engaged."
)
GRADES = {
    "measured": "measured in social care or close to it",
    "inferred": "inferred from related studies",
    "assumed": "assumed, for want of a measurement",
}
LIMITS = (
    "This is what follows from the model's assumptions, not a forecast for a particular place.",
    "The intervals say how well the average over runs is known. They do not cover uncertain parameters, nor what the "
    "model leaves out; the list of parameters in the report says which are assumed.",
    "That fit of values matters to engagement is an assumption of the model: how much follows from it is a result.",
)


READING_WORLDS = (
    "In brackets two different doubts. Not knowing: between which numbers nine in ten worlds have "
    f"their average; studies would narrow it ({NOT_SEEN}: in these runs worlds differ by no more than "
    "chance makes them). Chance: between which numbers nine in ten runs of one world end; no study narrows it. People "
    "are staff, managers and peer advocates; who works with the innovation in daily practice is called engaged."
)
LIMIT_WORLDS = (
    "Not knowing is what the worlds leave open of the parameters (`valign worlds` says what worlds are). What the "
    "model leaves out, and what a scenario says of its services and its innovation, is in neither bracket."
)


def reading(tables: Tables) -> str:
    """How the brackets are to be read."""
    return READING_WORLDS if in_worlds(tables["summary"]) else READING


DESIGN_LIMIT = (
    "What the figures show over one setting is an average over the other settings as this design varies "
    "them: with another design the average may differ."
)


def findings_of_batch(runs: pd.DataFrame, effects: pd.DataFrame) -> list[str]:
    """What came of a design: its runs, and the settings over which uptake differs most.

    effects : the table of `figures_run.effects_of_design`.
    """
    failed = int((runs["status"] != "ok").sum())
    made = f"{len(runs):,} runs were made; " + (f"{failed:,} of them failed." if failed else "none failed.")
    told = []
    reach = {
        name: part["mean"].max() - part["mean"].min()
        for name, part in effects.groupby("setting", sort=False)
        if len(part) > 1
    }
    for name in sorted(reach, key=reach.get, reverse=True)[:3]:
        part = effects[effects["setting"] == name]
        low, high, what = part.loc[part["mean"].idxmin()], part.loc[part["mean"].idxmax()], setting_label(name)
        if percent(low["mean"]) == percent(high["mean"]):
            told.append(f"Over {what}, the mean share of people engaged at the end stays at {percent(low['mean'])}.")
            continue
        apart = low["mean_high"] < high["mean_low"]
        told.append(
            f"Over {what}, the mean share of people engaged at the end goes from {percent(low['mean'])} (at "
            f"{written(low['at'])}) to {percent(high['mean'])} (at {written(high['at'])})"
            + ("." if apart else "; the intervals of the two overlap.")
        )
    return [*told, made]


def certainty_of_batch(runs: pd.DataFrame, settings: Sequence[str]) -> list[str]:
    """How many runs stand behind the findings, and what they share."""
    told = [
        f"{len(settings)} setting{'s were' if len(settings) != 1 else ' was'} varied"
        + (f" ({', '.join(setting_label(name) for name in settings)})" if settings else "")
        + f", in {runs['society_seed'].nunique() if 'society_seed' in runs else 1:,} societies; chance differs "
        "from run to run.",
        "Brackets and bars are 95 % intervals of means, built from societies where runs share one.",
    ]
    if failed := int((runs["status"] != "ok").sum()):
        told.append(
            f"{failed:,} failed runs are left out: if failing goes with some settings, what is left is not "
            "what was designed."
        )
    return told


def findings(command: str, tables: Tables) -> list[str]:
    """What the numbers say, in sentences."""
    if command == "run":
        return _findings_of_run(tables["summary"])
    differences, summary = tables["differences"], tables["summary"]
    if differences.empty:  # a single level
        return []
    by = "scenario" if command == "compare" else "alignment_level"
    told = []
    for factor in ("innovation", "evidence_strength"):
        if factor in differences:
            first = differences[factor].iloc[0]
            differences, summary = (each[each[factor] == first] for each in (differences, summary))
            told.append(f"The sentences below are for {factor.replace('_', ' ')} {first}; the figure shows the others.")
    values = list(dict.fromkeys(differences[by])) if command == "compare" else [differences[by].max()]
    for value in values:
        of = differences[(differences[by] == value) & (differences["n"] > 0)].set_index("outcome", drop=False)
        told += [_sentence(of.loc[outcome], summary, by) for outcome in FIRST if outcome in of.index]
        told += _others(of[~of["outcome"].isin(FIRST)], case_label(by, value))
    return told


FIRST = (
    "uptake_final",
    "spread_final",
    "sustained_24",
    "recommissioned",
    "money_spent",
)  # outcomes that have a sentence of their own


def _others(differences: pd.DataFrame, case: str) -> list[str]:
    """Which other main outcomes differ by more than their intervals, and in which these runs show no difference."""
    table = differences[differences["outcome"].isin(headlines()) & differences["low"].notna()]
    table = table[~table["outcome"].map(lambda name: label(name).never).astype(bool)]
    doubt = ("unknown_low", "unknown_high") if in_worlds(table) else ("low", "high")
    none = (table[doubt[0]] <= 0) & (table[doubt[1]] >= 0)
    told = []
    if len(differ := table[~none]):
        parts = [f"{label(row['outcome']).text} {difference(row)}" for _, row in differ.iterrows()]
        told.append(f"Also different with {case}: {'; '.join(parts)}.")
    if len(same := table[none]):
        names = listed([label(name).text for name in same["outcome"]])
        told.append(f"No difference shows with {case} in: {names}.")
    return told


def _findings_of_run(summary: pd.DataFrame) -> list[str]:
    of = {row["outcome"]: row for row in summary.to_dict("records")}
    there = {name for name, row in of.items() if row["n"]}
    told, of_runs = [], "On average" if len(of) and max(row["n"] for row in of.values()) > 1 else "In this one run"
    if "uptake_final" in there:
        peak = f" At the highest point it is {mean_in_words(of['uptake_peak'])}." if "uptake_peak" in there else ""
        told.append(
            f"{of_runs} {mean_in_words(of['uptake_final'])} of the staff, managers and peer advocates work with the "
            f"innovation at the end.{peak}{_runs_between(of['uptake_final'])}"
        )
    if "spread_final" in there:
        told.append(
            f"{of_runs} {mean_in_words(of['spread_final'])} of services use it at the end."
            + _runs_between(of["spread_final"])
        )
    if "sustained_24" in there:
        told.append(
            f"Where its funding ended, {mean_in_words(of['sustained_24'])} of services still use it 24 months later."
        )
    told += _money(of, there)
    if {"alignment_start", "alignment_final"} <= there:
        start, end = of["alignment_start"], of["alignment_final"]
        change = "rises" if end["mean"] > start["mean"] else "falls"
        told.append(
            f"Alignment, how well people judge the innovation to fit what they value (1: wholly), {change} from "
            f"{mean_in_words(start)} to {mean_in_words(end)}." + _fit(of, start)
        )
    if "time_to_50" in of and of["time_to_50"]["happened"] < 1 and of_runs == "On average":
        told.append(
            f"In {percent(1 - of['time_to_50']['happened'])} of runs fewer than half of the people are ever "
            "engaged at the same time."
        )
    return told


def _money(of: Mapping, there: set[str]) -> list[str]:
    """What funders pay, and whether a commissioner takes it on."""
    if "money_spent" not in there:
        return []
    spent = f"Funders spend £{1000 * of['money_spent']['mean']:,.0f} on it on average"
    if "recommissioned" not in there:
        return [f"{spent}."]
    return [f"{spent}; a commissioner takes on {mean_in_words(of['recommissioned'])} of the services that start."]


def _fit(of: Mapping, start: Mapping) -> str:
    """What the fit of people's own values came to, and how much of a rise is the innovation's own adaptation. At the
    start people judge by nothing else, so that it begins where alignment does."""
    fit, original = of.get("fit_final"), of.get("fit_original_final")
    if fit is None or original is None or not fit["n"] or not original["n"]:
        return ""
    told = f" The fit of their own values with it, whatever others say, comes to {mean_in_words(fit)}"
    rise = fit["mean"] - start["mean"]
    if rise < 0.02:
        return told + "."
    share = (fit["mean"] - original["mean"]) / rise
    return f"{told}, with the innovation as it was first designed to {mean_in_words(original)}: " + (
        f"{100 * min(share, 1):.0f} % of the rise in fit is the innovation being adapted to people, not people coming "
        "round to it."
        if share > 0.05
        else "people have come round to it, it was hardly adapted."
    )


def _runs_between(row: Mapping) -> str:
    """What nine runs in ten stay within, where runs differ."""
    write = label(row["outcome"]).write
    low, high = write(row["low"]), write(row["high"])
    return "" if low == high else f" Nine runs in ten end between {low.removesuffix(' %')} and {high}."


def certainty(command: str, tables: Tables) -> list[str]:
    """How sure the findings are: what the runs say of averages, of single places, and of nothing at all."""
    runs, summary = tables["runs"], tables["summary"]
    if command == "run" and len(runs) == 1:
        return [
            "This is a single run: one way in which it may go. Chance plays a part (who hears of the innovation "
            "when, "
            "who leaves, which way a decision goes), and one run says nothing of averages or of what is likely."
        ]
    told = [
        f"The model was run many times over ({counted(runs)}), because chance plays a part: who hears of the "
        "innovation when, who leaves, which way a decision goes."
    ]
    if in_worlds(summary):
        return [*told, *_certainty_in_worlds(runs, summary)]
    if command == "run":
        row = summary[summary["outcome"] == "uptake_final"].iloc[0]
        if not math.isnan(row["mean_low"]):
            write = label("uptake_final").write
            told.append(
                "Brackets hold for averages: with 95 % confidence the average lies between these two "
                f"numbers, as the {write(row['mean'])} of people at the end between "
                f"{write(row['mean_low']).removesuffix(' %')} and {write(row['mean_high'])}. More runs make "
                "the brackets narrower."
            )
        told.append(
            "What happens in a single place is less certain than the average."
            + _runs_between(row)
            + _extremes(runs["spread_final"].dropna())
        )
    else:
        what = "scenarios" if command == "compare" else "levels"
        told.append(
            f"The {what} are compared in pairs of runs with the same chances, so that a difference is due to "
            f"what was changed. The brackets say, with 95 % confidence, between which numbers the average "
            "difference lies; where they hold zero, these runs show no difference."
        )
    if "precision" in tables:
        told += precision_in_words(tables["precision"])
    if len(runs) > 1 and runs["society_seed"].nunique() == 1:
        told.append("All runs share one society (the same people and ties): the brackets hold for that society alone.")
    return told


def _certainty_in_worlds(runs: pd.DataFrame, summary: pd.DataFrame) -> list[str]:
    """How much of what differs between runs is chance, and how much is not known."""
    share = summary.loc[summary["outcome"] == "uptake_final", "of_unknown"].mean()
    told = (
        f"They were made in {runs['world'].nunique():,} worlds: settings of all parameters that are not known, "
        "drawn by how well they agree with published facts (`valign patterns` lists these; `valign worlds` says what "
        "they leave open)."
    )
    if math.isnan(share):
        return [told]
    return [
        told,
        f"Of what differs between single runs in the share of people engaged at the end, {percent(share)} is not "
        f"knowing (it differs between worlds) and {percent(1 - share)} is chance (it differs within one). More runs "
        "narrow neither; they only say both more exactly.",
    ]


def cautions(command: str, tables: Tables) -> list[str]:
    """What must not be concluded, first of all from the headline."""
    summary, told = tables["summary"], []
    of = summary[(summary["outcome"] == "uptake_final") & (summary["n"] > 0)]
    if command == "run" and len(of):
        told.append(
            f"Not that {label('uptake_final').write(of['mean'].iloc[0])} of the people in a real service will "
            "work with the innovation at the end. " + LIMITS[0]
        )
    elif command == "compare":
        told.append("Not that the change will make this difference in a real service. " + LIMITS[0])
    else:
        told.append(
            "Not that raising alignment by whatever means would do the same: here the values of people were "
            "set, nobody had to change them. " + LIMITS[0]
        )
    if in_worlds(summary):
        told.append(f"Not that the brackets hold all that is uncertain. {LIMIT_WORLDS}")
    elif "parameters" in tables:
        grades = tables["parameters"]["grade"]
        told.append(
            f"Not that the brackets hold all that is uncertain. {LIMITS[1]} {(grades == 'assumed').sum()} of "
            f"{len(grades)} parameters are assumed; `valign sensitivity` shows which of them matter."
        )
    else:
        told.append(LIMITS[1])
    told.append(f"Not that values are shown to matter. {LIMITS[2]} `valign claims` tests what happens without it.")
    return told


def _extremes(spread: pd.Series) -> str:
    """In how many runs all services, and no service, use the innovation at the end."""
    every, none = int((spread > 0.999).sum()), int((spread < 0.001).sum())
    return f" All services use the innovation at the end in {every} of {len(spread)} runs, and none in {none}."


def _sentence(row: pd.Series, summary: pd.DataFrame, by: str) -> str:
    """One difference in words, with how sure it is."""
    means = summary[summary["outcome"] == row["outcome"]].set_index(by)["mean"]
    write = label(row["outcome"]).write
    text = (
        f"{capital(label(row['outcome']).text)}: "
        f"{write(means[row[by]])} with {case_label(by, row[by])}, {write(means[row['base']])} with "
        f"{case_label(by, row['base'])}; a difference of {difference(row)}."
    )
    if not math.isnan(row.get("unknown_low", math.nan)):
        agreed = (
            "Worlds do not agree on its sign: it is not known."
            if row["unknown_low"] <= 0 <= row["unknown_high"]
            else "In these runs worlds differ by no more than chance makes them."
            if row["unknown_low"] == row["unknown_high"]
            else "Nine in ten worlds agree on its sign."
        )
        return f"{text} {agreed} {_how_often(row)}"
    if math.isnan(row["low"]):
        return f"{text} Too few runs to say how sure this is."
    if row["low"] <= 0 <= row["high"]:
        return f"{text} The interval holds zero: these runs do not show a difference."
    return f"{text} {_how_often(row)}"


def _how_often(row: pd.Series) -> str:
    return f"In {percent(row['higher'])} of pairs of runs with the same chances it is higher, else lower or equal."


def precision_in_words(precision: pd.DataFrame) -> list[str]:
    """How many runs a wished precision takes."""
    told = []
    for _, row in precision.iterrows():
        kind = label(row["outcome"]).kind
        width = f"{100 * row['half_width']:g} points" if kind == "share" else f"{row['half_width']:g}"
        wished = f"{label(row['outcome']).text} to ± {width}, for the difference with {variant_label(row['scenario'])}"
        told.append(
            f"These runs do not say how many it takes to know {wished}."
            if math.isnan(row["runs"])
            else f"To know {wished}, takes about {row['runs']:,.0f} runs of each scenario."
        )
    return told


def remarks(runs: pd.DataFrame) -> list[str]:
    """What a reader has to know to read the table rightly."""
    out = ["Median and band: how single runs differ. Mean: how well it is known, which more runs improve."]
    if "world" in runs:
        out = ["Means over worlds. Not knowing: 5 to 95 % of worlds' means. Chance: 5 to 95 % of runs of one world."]
    elif "scenario" in runs:
        out = ["Means over runs with 95 % intervals (for months: medians); the same seeds in every scenario."]
    elif "alignment_level" in runs:
        out = ["Means over runs with 95 % intervals (for months: medians); the same seeds at every level."]
    failed = runs[runs["status"] != "ok"]
    if len(failed):
        out.append(f"{len(failed)} of {len(runs)} runs failed and are left out; the first: {failed['status'].iloc[0]}")
    if len(runs) > 1 and runs["society_seed"].nunique() == 1:
        out.append("All runs share one society: the intervals hold for that society.")
    return out


def misfit_in_words(curves: pd.DataFrame, observed: pd.DataFrame, variable: str = "ever_engaged") -> str:
    """How far the simulated uptake is from the observed."""
    gap = misfit(curves[(curves["role"] == "all") & (curves["variable"] == variable)], observed)
    return (
        f"Observed uptake lies inside the 5 to 95 % band in {gap['inside']:.0f} of {gap['months']:.0f} months; the "
        f"simulated median is {100 * gap['mean_gap']:.0f} points off on average and "
        f"{abs(100 * gap['final_gap']):.0f} points {'above' if gap['final_gap'] > 0 else 'below'} at the end. "
        "Parameters are defaults: nothing was tuned to these data."
    )
