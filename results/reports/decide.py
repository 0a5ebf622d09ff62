"""A decision in plain words, in the order in which a commissioner asks; tables of `experiments/decide` in, text out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..numbers import guarded_percent, pounds, significant
from ..page import Tables
from ..vocabulary import listed, mechanism_label, spoken

READING = (
    "A mix is what is done, where and from when. A gain is what a mix adds to doing nothing, world by world with the "
    "same "
    "people and the same chances; in brackets between which numbers its average lies with 95 % confidence. A world "
    "is one "
    "set of values for everything about the model that is not known."
)
WORDS = {
    "Mix": "Up to three actions, each at an intensity, in some services, from a month on.",
    "World": "One set of values for all parameters of the model that are uncertain. Nobody knows which world is ours.",
    "Gain": "What a mix adds to doing nothing, on average over the worlds.",
    "Chance of being best": "How likely it is that no other mix has a higher gain on average over all worlds. It "
    "grows with "
    "more runs. It does not say that the mix is best in every world.",
    "Regret": "What is lost on average by taking this mix where, were the world known, one would take another.",
    "Front": "Mixes that no other beats: whatever gives more costs more.",
    "Value of knowing": "What would be gained on average by choosing after it is known instead of now.",
    "Points": "Percentage points: from 20 % to 30 % are 10 points.",
}
VIEWS = {
    "cautious": "If the worst tenth of worlds counts",
    "use": "If use counts",
    "sustained": "If services that go on count",
    "value": "If value to clients counts",
    "equal": "If the services that use it least count",
    "clients": "If value to clients counts",
    "commissioners": "If value to commissioners counts",
    "providers": "If value to providers and staff counts",
}
SHARES = {"use": "mean_uptake_mean", "sustained": "mean_spread_final"}  # what a goal is counted in, by its name
_CONDITION = re.compile(r"(\S+) (>|<=) (\S+)")


def amount(value: float, unit: str, signed: bool = False) -> str:
    """A gain in the unit of its goal, as in 8.8 points."""
    number = significant(value, signed) if abs(value) >= 0.05 else "0"
    if unit == "£1,000":
        return pounds(1000 * value, signed)
    return f"{number} {unit.removesuffix('s') if number in ('1', '+1') and unit == 'points' else unit}"


def in_between(row: Mapping[str, Any], unit: str, low: str = "low", high: str = "high") -> str:
    """The ends of an interval, as in 7.2 to 10."""
    ends = [pounds(1000 * row[name]) if unit == "£1,000" else significant(row[name], False) for name in (low, high)]
    return f"{ends[0]} to {ends[1]}"


def gain_in_words(row: Mapping[str, Any], unit: str) -> str:
    """As in 8.8 points (7.2 to 10.3)."""
    return f"{amount(row['gain'], unit)} ({in_between(row, unit)})"


def unknown_in_words(name: str) -> str:
    """An unknown: a parameter by its meaning, or all parameters of a part of the model."""
    if name == "everything":
        return "everything that is uncertain"
    if name.startswith("all of "):
        part = name.removeprefix("all of ")
        return f"all that is uncertain about {mechanism_label(part).replace('_', ' ')}"
    found = spoken().parameters.get(name)
    return f"{found.text} ({name})" if found else name


def conditions_in_words(text: str) -> str:
    """Conditions of a kind of world, as in "length of a pilot is above 24 months"."""
    if text == "all worlds":
        return text
    return listed([condition_in_words(*each) for each in _CONDITION.findall(text)])


def condition_in_words(parameter: str, sign: str, threshold: str | float) -> str:
    found = spoken().parameters.get(parameter)
    at = f"{float(threshold):.3g}"
    if found is None:
        return f"{parameter} is {'above' if sign == '>' else 'at most'} {at}"
    return f"“{found.text}” is {'above' if sign == '>' else 'at most'} {at} ({found.unit})"


def best_of(tables: Tables) -> Mapping[str, Any]:
    """The row of the recommended mix."""
    finalists = tables["finalists"]
    return finalists[finalists["recommended"]].iloc[0].to_dict()


def findings(tables: Tables) -> list[str]:
    """The answer, in the order: what, cost, gain, how sure; other views; when wrong; second choice; money; knowing."""
    asked, best = tables["asked"].iloc[0].to_dict(), best_of(tables)
    return [
        *_first(asked, best, tables["finalists"]),
        *_views(tables["views"]),
        _rule(tables["rule"], best, asked["unit"]),
        *_second(asked, tables),
        *_steps(tables["steps"], asked["unit"]),
        *_waiting(tables["waiting"], asked["unit"]),
        *_knowing(tables, asked, best),
        *_pilots(tables["pilots"]),
    ]


def on_one_sheet(tables: Tables) -> list[str]:
    """The findings that a commissioner has to know: gain, how sure, when wrong, whether a study is worth it."""
    asked, best = tables["asked"].iloc[0].to_dict(), best_of(tables)
    worth = worth_of_studies(tables["evsi"], price_of_unit(best))
    return [*_first(asked, best, tables["finalists"])[1:], _rule(tables["rule"], best, asked["unit"]), *worth]


def _first(asked: Mapping[str, Any], best: Mapping[str, Any], finalists: pd.DataFrame) -> list[str]:
    unit = asked["unit"]
    if best["mix"] == "nothing":
        return [
            f"With {pounds(asked['budget'])} over {asked['horizon']} months: do nothing. No mix that the money buys "
            f"raises the "
            f"{asked['says']} on average over the worlds."
        ]
    paid = (
        f"It costs about {pounds(best['cost'])} (by what prices may be, between {pounds(best['cost_low'])} and "
        f"{pounds(best['cost_high'])})."
    )
    left = asked["budget"] - best["cost"]
    if left > 0.2 * asked["budget"]:
        paid += f" {pounds(left)} of the budget are left: no dearer mix within it was found to give more."
    in_worlds = in_between(best, unit, "world_low", "world_high")
    told = [
        f"With {pounds(asked['budget'])} over {asked['horizon']} months, do this first: {best['label']}. {paid}",
        f"Over doing nothing it adds {gain_in_words(best, unit)} to the {asked['says']}"
        f"{_from_to(asked['goal'], best, finalists)}. In brackets stands between which numbers the average over "
        f"worlds lies with 95 % confidence; in nine worlds of ten it adds {in_worlds}, chance among it. "
        "These numbers come from worlds and runs that had no part in choosing it.",
    ]
    chance = chance_in_words(best["chance_best"])
    sure = f"The chance that it is the best of the mixes compared, on average over the worlds, is {chance}."
    if best["regret"] < 0.1 and unit == "points":
        sure += (
            " Were the world known, another mix would hardly ever be worth changing to: less than 0.1 points are lost."
        )
    else:
        sure += (
            f" Were the world known, one would stay with it in {guarded_percent(best['best_in_worlds'])} of worlds; "
            f"taking it "
            f"without knowing costs {amount(best['regret'], unit)} on average."
        )
    return [*told, sure]


def _from_to(goal: str, best: Mapping[str, Any], finalists: pd.DataFrame) -> str:
    """From which share to which, where the goal is one."""
    nothing, share = finalists[finalists["mix"] == "nothing"], SHARES.get(goal)
    if share is None or nothing.empty:
        return ""
    return f": from {guarded_percent(nothing[share].iloc[0])} to {guarded_percent(best[share])}"


def _views(views: pd.DataFrame) -> list[str]:
    same, told = [], []
    for row in views.to_dict("records"):
        what = VIEWS[row["view"]]
        if row["same"]:
            same.append(what[0].lower() + what[1:])
            continue
        sure = (
            "the two cannot be told apart"
            if row["over_best_low"] <= 0 <= row["over_best_high"]
            else (
                f"{amount(row['over_best'], row['unit'])} more than the recommended mix"
                if row["over_best"] > 0
                else f"{amount(-row['over_best'], row['unit'])} less than the recommended mix when judged afresh: no "
                "reason to change"
            )
        )
        between = in_between(row, row["unit"], "over_best_low", "over_best_high")
        told.append(f"{what} ({row['says']}): {row['label']}, for {pounds(row['cost'])}; {sure} ({between}).")
    if same:
        told.insert(0, f"The same mix is chosen {listed(same)}.")
    return told


def _rule(rule: pd.DataFrame, best: Mapping[str, Any], unit: str) -> str:
    if rule.empty:
        return (
            "When it would be wrong: no rule of up to three conditions was found under which another of the mixes is "
            "better, "
            "and holds on worlds that it was not made from. That is no proof that there is none."
        )
    row = rule.iloc[0].to_dict()
    conditions = listed(
        [
            condition_in_words(each["parameter"], ">" if each["above"] else "<=", each["threshold"])
            for each in rule.to_dict("records")
        ]
    )
    return (
        f"When it would be wrong: where {conditions}, take this instead: {row['label']}. There it gives "
        f"{amount(row['lead'], unit)} more ({in_between(row, unit)}). This is so in {guarded_percent(row['share'])} "
        f"of worlds; "
        f"the rule names {guarded_percent(row['coverage'])} of the worlds in which that mix is better, and it is "
        f"better in "
        f"{guarded_percent(row['density'])} of those that the rule names."
    )


def _second(asked: Mapping[str, Any], tables: Tables) -> list[str]:
    finalists = tables["finalists"]
    if not asked["second"]:
        return []
    row = finalists[finalists["mix"] == asked["second"]].iloc[0].to_dict()
    worst = tables["kinds"].query("mix == @asked['second']")["regret"].max()
    if row["mix"] == "nothing":
        return [
            "A robust second choice: none of the mixes judged does without the costliest action of the recommended one."
        ]
    return [
        f"A robust second choice, without the costliest action of the first: {row['label']}, for "
        f"{pounds(row['cost'])}. It adds "
        f"{gain_in_words(row, asked['unit'])}, and in the kind of world that suits it least it loses "
        f"{amount(worst, asked['unit'])} "
        "against the best there."
    ]


def _steps(steps: pd.DataFrame, unit: str) -> list[str]:
    told = []
    same = steps[steps["change"] == 0]["mix"].iloc[0]
    for row in steps[steps["change"] != 0].to_dict("records"):
        change = f"{pounds(abs(row['change']))} {'less' if row['change'] < 0 else 'more'}"
        if row["mix"] == same:
            told.append(f"With {change} the same mix is best: the step changes nothing.")
        elif row["gain"] < 0 or row["change"] < 0:
            told.append(
                f"With {change}: {row['label']}, for {pounds(row['cost'])}; that changes the gain by "
                f"{amount(row['gain'], unit, True)} ({in_between(row, unit)})."
            )
        else:
            held = row["low"] > 0
            told.append(
                f"With {change}: {row['label']}, for {pounds(row['cost'])}; that adds {gain_in_words(row, unit)}"
                + ("." if held else ", which cannot be told from nothing.")
            )
    return told


def _waiting(waiting: pd.DataFrame, unit: str) -> list[str]:
    """Whether to begin now or to wait and see."""
    if waiting.empty:
        return []
    row = waiting[waiting["chosen"]].iloc[0].to_dict()
    verdict = f"{in_between(row, unit, 'over_now_low', 'over_now_high')}"
    if row["over_now_low"] > 0:
        told = f"gains {amount(row['over_now'], unit)} over beginning now ({verdict})"
    elif row["over_now_high"] < 0:
        told = f"loses {amount(-row['over_now'], unit)} against beginning now ({verdict})"
    else:
        told = f"cannot be told from beginning now ({verdict})"
    return [
        f"Wait and see? Of {len(waiting)} rules, the best was: {rule_in_words(row)}. It is triggered in "
        f"{guarded_percent(row['done'])} of worlds, costs {pounds(row['cost'])} on average, and {told}."
    ]


def rule_in_words(row: Mapping[str, Any]) -> str:
    """A rule that waits and sees."""
    where = (
        "in all services"
        if not row["services"]
        else "in the service that uses it from the start"
        if row["services"] == 1
        else f"in the {row['services']:.0f} services that use it from the start"
    )
    share = f"{'fewer than' if row['below'] else 'at least'} {100 * row['threshold']:.0f} % of the people {where}"
    return f"begin in month {row['month']:.0f} if {share} work with it then, else do nothing"


def _pilots(pilots: pd.DataFrame) -> list[str]:
    """Where to pilot first, and whether a rule is enough."""
    if pilots.empty:
        return []
    greedy, *rules = pilots.to_dict("records")
    unit = greedy["unit"]
    enough = [
        f"{row['rule']} ({row['services']})"
        for row in rules
        if row["greedy_over_low"] <= 0 and row["rule"] != "at random"
    ]
    told = (
        f"Where to pilot first, in one society with its people and ties: {greedy['services']}, which adds "
        f"{gain_in_words(greedy, unit)}. Services drawn at random add {gain_in_words(rules[-1], unit)}. "
    )
    return [
        told
        + (
            f"A simple rule is enough: {listed(enough)} cannot be told from it."
            if enough
            else "None of the simple rules (the largest, best fit, most ties) comes as far."
        )
    ]


def price_of_unit(best: Mapping[str, Any]) -> float:
    """£ that the recommended mix pays for a unit of the goal: what a unit is worth to whoever pays that."""
    return best["cost"] / best["gain"] if best["gain"] > 0 and best["low"] > 0 else float("nan")


def _knowing(tables: Tables, asked: Mapping[str, Any], best: Mapping[str, Any]) -> list[str]:
    unit, price = asked["unit"], price_of_unit(best)
    evppi, told = tables["evppi"], []
    single = evppi[(evppi["parameters"] == 1) & (evppi["value"] > 2 * evppi["error"]) & (evppi["value"] > 0)]
    shown = [
        f"{unknown_in_words(row['unknown'])}: {amount(row['value'], unit)}"
        + (f", or {pounds(row['value'] * price)}" if price == price else "")
        for row in single.head(3).to_dict("records")
    ]
    if shown:
        count = int((evppi["parameters"] == 1).sum())
        told.append(
            f"Worth knowing for this choice: {'; '.join(shown)}. (Of {count} unknowns that were looked at one by "
            f"one, about "
            f"{max(1, round(0.023 * count))} would pass this mark by chance.)"
        )
    else:
        told.append("Nothing that is unknown would, by itself, change this choice enough to be told from chance.")
    if price == price:
        told.append(
            f"In pounds at what the recommended mix pays: {pounds(price)} for each "
            f"{'point' if unit == 'points' else 'unit'} of gain."
        )
    told += worth_of_studies(tables["evsi"], price)
    for name, part in tables["evsi"].groupby("name", sort=False):
        told.append(_study(str(name), part, unit, price))
    return told


def worth_of_studies(evsi: pd.DataFrame, price: float) -> list[str]:
    """Whether any study that was looked at is worth its money before the choice is made."""
    if evsi.empty or price != price:
        return []
    start, worth = "Is a study worth its money before this is decided?", _net(evsi, price)
    row = worth.loc[worth["net"].idxmax()].to_dict()
    best = f"{row['name']}, with {size_in_words(row)}"
    if (worth["net"] < -worth["doubt"]).all():
        names = "; ".join(map(str, evsi["name"].unique()))
        return [f"{start} No: none of those looked at ({names}) is worth its cost."]
    sure = worth[worth["net"] > worth["doubt"]]
    if sure.empty:
        net = f"{pounds(abs(row['net']))} {'more' if row['net'] >= 0 else 'less'} than it costs"
        return [
            f"{start} It cannot be told from these runs. What comes nearest is {best}: worth {net}, give or take "
            f"{pounds(row['doubt'])} by chance."
        ]
    row = sure.loc[sure["net"].idxmax()].to_dict()
    return [f"{start} Yes: {row['name']}, with {size_in_words(row)}, is worth {pounds(row['net'])} more than it costs."]


def _net(evsi: pd.DataFrame, price: float) -> pd.DataFrame:
    """With what each study is worth beyond its cost in £, and two standard errors of that."""
    return evsi.assign(net=evsi["value"] * price - evsi["cost"], doubt=2 * evsi["error"] * price)


def size_in_words(row: Mapping[str, Any]) -> str:
    """The size of a study, as in 1 service or 100 people."""
    return f"{row['size']:,.0f} {row['unit'] if row['size'] != 1 else row['unit'].removesuffix('s')}"


def chance_in_words(chance: float) -> str:
    """A chance that was estimated from draws: none in all of them is not never."""
    return guarded_percent(min(max(chance, 1e-4), 1 - 1e-4))


def _study(name: str, part: pd.DataFrame, unit: str, price: float) -> str:
    worth = _net(part, price)
    row = worth.loc[worth["net"].idxmax() if price == price else worth["value"].idxmax()].to_dict()
    size = size_in_words(row)
    late = f" after {row['months']:.0f} months" if row["months"] else ""
    if row["value"] < -2 * row["error"] and row["months"]:
        return (
            f"{name}: waiting for it costs more than it teaches. Deciding{late} instead of now loses "
            f"{amount(-row['value'], unit)}, whatever its size."
        )
    if row["value"] <= 2 * row["error"]:
        return f"{name}: what it would tell cannot be told from nothing for this choice, at any size that was tried."
    if price != price:
        return f"{name}, {size}: choosing{late} by what it finds adds {amount(row['value'], unit)}."
    verdict = f"about its cost of {pounds(row['cost'])}, as far as these runs can tell"
    if row["net"] > row["doubt"]:
        verdict = f"{pounds(row['net'])} more than it costs"
    elif row["net"] < -row["doubt"]:
        verdict = f"less than its cost of {pounds(row['cost'])}"
    worth_of = f"{amount(row['value'], unit)}, worth {pounds(row['value'] * price)}"
    return f"{name}, best with {size}: choosing{late} by what it finds adds {worth_of}: {verdict}."
