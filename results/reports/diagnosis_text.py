"""The sentences of a diagnosis."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..figures.common import in_worlds
from ..numbers import guarded_percent
from ..page import Tables
from ..vocabulary import listed
from .diagnosis_moved import between_questionnaires, signed
from .rows import NOT_SEEN

USE = "uptake_final"
READING = (
    "Alignment is how near what people value is to the innovation as they read it: 1 wholly, 0 not at all. Every "
    "value was asked by two statements, so errors of single answers are known and taken out. What the innovation is "
    "meant to stand for, and how much each value counts, was said in the questionnaire by those who brought it. "
    "Intervals of what was measured are 95 %."
)
STANDS = {"above": "above", "below": "below", "unknown": "cannot be told apart"}
KINDS = {
    "disagreed with": "they disagree with it",
    "misread": "they misread it",
    "both": "they disagree with it and misread it",
    "neither": "near",
    "cannot be told": "too few answers to tell",
}
WORDS = {
    "Alignment": "how near what people value is to the innovation as they read it, from 0 to 1; also called fit.",
    "They disagree": "the average of what people value is 0.1 or more away from what the innovation is meant to stand "
    "for, and its interval does not reach that.",
    "They misread it": "the same, of what people take it to stand for.",
    "Judged alignment": "how well people themselves say it fits.",
    "Climate": "whether managers expect, support and value use, from 0 to 1, as people say.",
    "Readiness": "alignment and climate together, each weighed by how much it moves people to take something up in the "
    "model; 0 where alignment is .75 and there is no climate.",
    "World": "a setting of everything that is not known about the model; each was run with the same people.",
    "Kendall's τ": "how far two orders agree: 1 the same, 0 no better than chance.",
}


def findings(tables: Tables, innovation: str) -> list[str]:
    """In the order in which a manager asks."""
    said = [*(between_questionnaires(tables, innovation) if "change" in tables else ()), _level(tables)]
    said += [*groups(tables), *_values(tables, innovation), _connectors(tables["connectors"])]
    if "follows" in tables:
        said += [*_follows(tables), *_pilots(tables)]
    return [each for each in said if each]


def measure(tables: Tables, name: str) -> pd.Series:
    """A row of the overview."""
    return tables["overview"].set_index("measure").loc[name]


def _level(tables: Tables) -> str:
    fit, judged = measure(tables, "fit"), measure(tables, "judged")
    text = (
        f"Alignment is {fit['estimate']:.2f} on average ({fit['low']:.2f} to {fit['high']:.2f}), from "
        f"{fit['people']:,.0f} people "
        f"in {len(tables['by_service'])} services."
    )
    if judged["people"]:
        text += (
            f" Asked directly, people say that it fits {judged['estimate']:.2f} ({judged['low']:.2f} to "
            f"{judged['high']:.2f})."
        )
    use = measure(tables, "use")
    return text + (f" {guarded_percent(use['estimate'])} say that they use it." if use["people"] else "")


def groups(tables: Tables) -> list[str]:
    """Which services and roles stand above or below the whole, and which are the most and the least ready."""
    said = []
    for name, table in (("service", tables["by_service"]), ("role", tables["by_role"])):
        if len(table) < 2:
            continue
        parts = []
        for stands, words in (("above", "above"), ("below", "below")):
            of = table[table["stands"] == stands]
            if len(of):
                named = listed([f"{getattr(r, name)} ({r.fit:.2f})" for r in of.head(6).itertuples()])
                more = f" and {len(of) - 6} more" if len(of) > 6 else ""
                parts.append(f"{words} the whole: {named}{more}")
        unknown = int((table["stands"] == "unknown").sum())
        if unknown == len(table):
            said.append(
                f"By {name}: none of the {len(table)} can be told apart from the whole in alignment with these answers."
            )
        else:
            rest = f"; the other {unknown} cannot be told apart from it" if unknown else ""
            said.append(f"By {name}, alignment is {'; '.join(parts)}{rest}.")
    services = tables["by_service"]
    if len(services) > 1:
        top, last = services.iloc[0], services.iloc[-1]
        said.append(
            f"By alignment and climate (whether managers expect, support and value use) together, {top['service']} is "
            f"the most ready and {last['service']} the least."
            + (
                f" Climate is {top['climate']:.2f} and {last['climate']:.2f} of 1 there."
                if top["climate"] == top["climate"]
                else ""
            )
        )
    return said


def _values(tables: Tables, innovation: str) -> list[str]:
    values = tables["values"]
    part = values[values["group"] == "everybody"].sort_values("lost", ascending=False)
    whole = part["lost"].sum()
    said = []
    for r in part.head(3).itertuples():
        if r.kind in ("neither", "cannot be told"):
            continue
        way = "more" if r.own > r.intended else "less"
        why = {
            "disagreed with": f"people value it {way} than {innovation} does ({r.own:.2f} against "
            f"{r.intended:.2f}) and read it "
            f"about right ({r.reads:.2f}). They disagree: explaining it again will not help; talking it through, "
            "or adapting how it is done here, may.",
            "misread": f"people take {innovation} to stand for {r.reads:.2f} of it, where {r.intended:.2f} is "
            f"meant; what they value "
            f"({r.own:.2f}) is near to that. They misread it: this can be explained.",
            "both": f"people value it {way} than {innovation} does ({r.own:.2f} against {r.intended:.2f}), and "
            f"read it as {r.reads:.2f}. "
            "They disagree, and misread it too: say first what is meant, then talk through what is left.",
        }[r.kind]
        said.append(
            f"“{r.words[0].upper()}{r.words[1:]}” accounts for {r.lost:.2f} of the {whole:.2f} by which alignment "
            f"falls short of 1: {why}"
        )
    if not said:
        said.append("No single value stands out: no gap between people and innovation is both wide and certain.")
    gain = measure(tables, "read_as_meant")
    if gain["low"] <= 0 <= gain["high"]:
        why = "so explaining it better would by itself bring people no nearer that can be told"
    elif gain["low"] > 0:
        why = "so explaining it better would help"
    else:
        why = "since what they take it for is nearer to what they value: explaining makes it plain that they disagree"
    said.append(
        f"If everybody read {innovation} as it is meant, alignment would change by {signed(gain['estimate'], 2)} "
        f"(95 % interval {signed(gain['low'], 2)} to {signed(gain['high'], 2)}), {why}."
    )
    return said


def _connectors(connectors: pd.DataFrame) -> str:
    if connectors.empty:
        return "Who connects services is not known: nobody named a contact in another service who answered too."
    named = [
        f"person {r.person} in {r.service} ({_people(r.people)} in {_others(r.services)})"
        for r in connectors.head(3).itertuples()
    ]
    return (
        f"Services are connected most by {listed(named)}. These are the numbers that people gave in the questionnaire: "
        "only whoever keeps the list knows who they are."
    )


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number:,} people"


def _others(services: int) -> str:
    return "1 other service" if services == 1 else f"{services:,} other services"


def _follows(tables: Tables) -> list[str]:
    levels, months = tables["follow_levels"], int(tables["follows"]["months"].iloc[0])
    nothing = levels[(levels["scenario"] == "nothing is done") & (levels["outcome"] == USE)].iloc[0]
    said = [
        f"In the model, if nothing is done, {guarded_percent(nothing['mean'])} of people use it after {months} months "
        f"({_apart(nothing) or _of_runs(nothing)})."
    ]
    rows = moves(tables["follows"])
    start = rows[rows["words"].str.startswith("pilot in")]
    if len(start):
        using = [name for name in str(levels["using"].fillna("").iloc[0]).split(", ") if name]
        but = f" that do not use it now ({listed(using)} {'do' if len(using) > 1 else 'does'})" if using else ""
        where = listed(levels["starts"].iloc[0].split(", "))
        said.append(
            f"Pilots at once in the most ready services{but}, {where}, change use by {points_between(start.iloc[0])}."
        )
    rest = rows[~rows["words"].str.startswith("pilot in")]
    known = rest[rest["low"] > 0]
    told = [f"“{r.scenario}”, {points_between(r)}" for r in known.itertuples()]
    added = "added to this pilot" if rest["base"].str.startswith("pilot in").all() else "each without a pilot"
    if told:
        said.append(
            f"Of {len(rest)} other things that could be done, {added}, these move use most: {'; then '.join(told[:3])}."
            + _agreement_of_worlds(known.head(3))
        )
    else:
        said.append(f"Of {len(rest)} other things that could be done, {added}, none moves use by more than chance.")
    return said


def _pilots(tables: Tables) -> list[str]:
    pilots = tables["pilots"]
    pilots = pilots[pilots["outcome"] == USE]
    if pilots.empty:
        return ["Every service uses it already: where to pilot first was not asked."]
    best = pilots.iloc[0]
    ready = [name for name in tables["by_service"]["service"] if name in set(pilots["service"])]
    if not best["low"] > 0:
        first = "come first" if len(ready) > 1 else "comes first"
        return [
            f"Where to pilot first the model cannot tell: of {len(pilots)} single pilots tried, none changes use by "
            f"more than chance. By alignment and climate together, {listed(ready[:2])} {first}."
        ]
    near = [r.service for r in pilots.iloc[1:].itertuples() if r.high > best["difference"]]
    if len(near) == len(pilots) - 1 > 0:
        least = f"{100 * pilots['difference'].min():+.0f}"
        return [
            f"Where to pilot first the model cannot tell: a pilot in any one of {listed(pilots['service'].tolist())} "
            f"changes use by {least} to {100 * best['difference']:+.0f} percentage points, and none can be told apart "
            f"from the best. By alignment and climate together, {ready[0]} comes first."
        ]
    text = (
        f"Where to pilot first: in {best['service']}. Alone, this changes use by {points_between(best)}: the most of "
        f"the {len(pilots)} tried."
    )
    return [text + (f" {listed(near)} may do as well." if near else "")]


def certainty(tables: Tables) -> list[str]:
    """How sure it is."""
    one = {
        name: measure(tables, name)["estimate"]
        for name in ("reliability", "agreement", "answers_needed", "out_of_reach", "goal")
    }
    said = [
        f"The alignment of a single person is known with a reliability of {one['reliability']:.2f} (1 would be no "
        "error; one half of the statements against the other, Spearman–Brown), so single people's answers on values "
        "are not reported. Means of groups are surer. Without taking out errors of measurement, alignment would look "
        f"like {measure(tables, 'uncorrected')['estimate']:.2f}."
    ]
    if len(tables["by_service"]) > 2:
        needed, everybody = one["answers_needed"], measure(tables, "agreement_all")
        goal, right = one["goal"], 50 * (1 + one["goal"])
        then = f"τ {everybody['estimate']:.2f}, {everybody['low']:.2f} to {everybody['high']:.2f}, if everybody did"
        ask = (
            f"it takes about {needed:.0f} people answering in each service."
            if needed == needed
            else f"that {'cannot' if everybody['high'] < goal else 'is unlikely to'} be reached, however many of the "
            f"people there are answer ({then})."
            if one["out_of_reach"]
            else f"whether more people answering would reach that cannot be told ({then})."
        )
        said.append(
            f"{50 * (1 + one['agreement']):.0f} in 100 pairs of services stand in the right order of alignment "
            f"(Kendall's τ {one['agreement']:.2f}). For {right:.0f} in 100 (τ {goal:.1f}), taken here as an order to "
            f"rely on, {ask}"
        )
    if (tables["by_service"]["people"] == float("inf")).any():
        said.append(
            "How many people work in a service was not said for all: there it is taken that many more work there "
            "than answered."
        )
    said.append(_used(tables["answers"]))
    if "follow_society" in tables:
        of = tables["follow_society"].iloc[0]
        named = f"{of['named']:,}" if of["named"] else "none"
        said.append(
            f"What follows was simulated for {of['people']:,} people, of whom {of['answered']:,} answered; the values "
            f"of the others are taken to be like those of people of their role and service. They have {of['ties']:,} "
            f"ties: {named} named by people, the others drawn within services. {_worlds(of)}"
        )
    return said


def _worlds(of: pd.Series) -> str:
    """Over what the model does not know, what follows was simulated."""
    if not of["worlds"]:
        return "All parameters but those measured are the model's defaults: what else is plausible was not tried."
    where = "all of which agree with published facts" if of["agreeing"] else "each anywhere in its plausible range"
    return (
        f"What is not known about the model and was not asked was varied: {of['worlds']:,} worlds, settings of all "
        f"such parameters, {where}. Not knowing: between which numbers nine in ten worlds have their average "
        f"(“{NOT_SEEN}”: worlds differ by no more than runs of one world do). Chance: between which nine in ten runs "
        "of one world end."
    )


def _used(answers: pd.DataFrame) -> str:
    used = int(answers.loc[answers["why"] == "used", "answers"].sum())
    rest = answers[(answers["why"] != "used") & (answers["answers"] > 0)]
    if rest.empty:
        return f"All {used:,} answers in the {'files' if answers['file'].nunique() > 1 else 'file'} were used."
    named = [f"{r.answers:,} ({r.why}: {r.where})" for r in rest.head(3).itertuples()]
    more = f"; and {len(rest) - 3} more reasons, in the last table" if len(rest) > 3 else ""
    return f"{used:,} answers were used, {int(rest['answers'].sum()):,} were not: {'; '.join(named)}{more}."


def cautions(tables: Tables) -> list[str]:
    """What not to conclude."""
    said = [
        "The questionnaire is not validated: that its statements measure these values is an assumption. Use it "
        "to start a "
        "conversation, not to judge people or services.",
        "Those who did not answer may think otherwise; nothing here corrects for that.",
        "Being near in values does not show that people will use it: in three classic studies, alignment alone "
        "told users from others "
        "only somewhat better than chance.",
    ]
    if "follows" in tables:
        said.append(
            "What the model says follows rests on assumptions, most of them not measured in your services. "
            "Each thing is done as far as is plausible, so what it adds is the most to hope for; what it costs is not "
            "counted. The best of several pilots looks better on the runs that chose it than it will be."
        )
    if "change" in tables:
        said.append(
            "Two questionnaires show what moved, not why: without services that were left alone, other things that "
            "happened in between may have done it."
        )
    return said


def moves(follows: pd.DataFrame) -> pd.DataFrame:
    """What each lever does to use, ready to be drawn."""
    table = follows[follows["outcome"] == USE].rename(columns={"difference": "value"})
    added = np.where(table["base"].str.startswith("pilot in"), "added to it: ", "")
    return table.assign(words=added + table["scenario"]).reset_index(drop=True)


def points_between(row: object) -> str:
    """A difference of shares in points, with its interval; of runs in worlds, with what is not known of it."""
    value = getattr(row, "value", None)
    value = getattr(row, "difference", value) if value is None or callable(value) else value
    low, high = row.low, row.high  # type: ignore[attr-defined]
    text = f"{_points(value)} percentage points"
    unknown = [getattr(row, f"unknown_{end}", np.nan) for end in ("low", "high")]
    if not np.isfinite(unknown[0]):
        return f"{text} (95 % interval {_points(low)} to {_points(high)})"
    by_chance = f"chance: {_points(getattr(row, 'chance_low'))} to {_points(getattr(row, 'chance_high'))}"  # noqa: B009
    if unknown[0] == unknown[1]:
        return f"{text} (not knowing: {NOT_SEEN}; {by_chance})"
    return f"{text} (not knowing: {_points(unknown[0])} to {_points(unknown[1])}; {by_chance})"


def _points(share: float) -> str:
    """A difference of shares in points, with its sign; of nothing, none."""
    number = round(100 * share)
    return f"{number:+d}".replace("-", "−") if number else "0"


def _of_runs(row: pd.Series) -> str:
    return f"in 90 % of runs {guarded_percent(row['low'])} to {guarded_percent(row['high'])}"


def _apart(row: pd.Series) -> str:
    """Not knowing and chance of a share, where runs were made in worlds; else empty."""
    if not np.isfinite(row.get("unknown_low", np.nan)):
        return ""
    unknown, chance = (
        NOT_SEEN
        if row[f"{name}_low"] == row[f"{name}_high"]
        else f"{guarded_percent(row[f'{name}_low'])} to {guarded_percent(row[f'{name}_high'])}"
        for name in ("unknown", "chance")
    )
    return f"not knowing: {unknown}; chance: {chance}"


def _agreement_of_worlds(rows: pd.DataFrame) -> str:
    """Whether worlds, where they are seen to differ, agree on the sign of differences above 0 on average."""
    if not in_worlds(rows):
        return ""
    seen = rows[rows["unknown_low"] < rows["unknown_high"]]
    if seen.empty:
        return ""
    agreed = seen["unknown_low"] > 0
    if agreed.all() and len(seen) == len(rows):
        return " Nine in ten worlds agree that " + ("these raise use." if len(rows) > 1 else "this raises use.")
    if not agreed.any():
        of = "That is an average" if len(seen) == len(rows) else f"For {listed(_quoted(seen))} that is an average"
        return f" {of}: in more than one world in twenty it does nothing, or harm."
    return f" That it raises use, nine in ten worlds agree for {listed(_quoted(seen[agreed]))} alone."


def _quoted(rows: pd.DataFrame) -> list[str]:
    return [f"“{each}”" for each in rows["scenario"]]
